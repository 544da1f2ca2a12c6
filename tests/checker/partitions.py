"""Partitions and mappings as the manifest has them: which there can be, and which partition reads which."""

from dataclasses import dataclass

from tests.checker import windows
from tests.checker.export import Json

PICKY = ("same", "matched")
"""mappings whose partitions are read in any case, and waited for; the others read what can be had"""


@dataclass(frozen=True)
class Parts:
    """The partitions of an asset: windows, listed names, or whichever are named."""

    kind: str
    names: tuple[str, ...] = ()
    unit: str = ""
    tz: str = "UTC"
    first: str = ""

    @classmethod
    def of(cls, said: Json | None) -> "Parts | None":
        if said is None:
            return None
        named = {field: said[field] for field in ("unit", "tz", "first") if field in said}
        return cls(said["kind"], tuple(said.get("names", ())), **named)

    def has(self, name: str) -> bool:
        if self.kind == "static":
            return name in self.names
        if self.kind == "dynamic":
            return name != ""
        return (self.start(name) or 0) >= (self.start(self.first) or 0) and self.start(name) is not None

    def start(self, name: str) -> int | None:
        """The first instant of a window."""
        return windows.start(self.unit, self.tz, name)

    def end(self, name: str) -> int:
        return windows.end(self.unit, self.tz, name)

    def over(self, first: int, last: int) -> list[str]:
        return list(windows.over(self.unit, self.tz, first, last))

    def range(self, first: str, last: str) -> list[str]:
        """From one to another, both included; none where there are no such ones."""
        if not (self.has(first) and self.has(last)):
            return []
        if self.kind == "windows":
            return self.over(self.start(first) or 0, self.end(last))
        return list(self.names[self.names.index(first) : self.names.index(last) + 1]) if self.names else [first]

    def is_newest(self, name: str, count: int, now: int) -> bool:
        """Whether fewer than `count` windows have begun since."""
        return (self.start(windows.following(self.unit, self.tz, name, count)) or 0) > now


def meant(said: Json | None, reader: Parts | None, read: Parts) -> Json:
    """The mapping of a dep: the declared one, or what the partitions suggest."""
    if said is not None:
        return said
    if reader is None:
        return {"kind": "all"}
    both = reader.kind == read.kind == "windows"
    return {"kind": "overlapping" if both and (reader.unit, reader.tz) != (read.unit, read.tz) else "same"}


def read_by(mapping: Json, between: tuple[Parts | None, Parts | None], name: str) -> list[str]:
    """What a partition of a reader reads of an input, but for `all`."""
    (reader, read), kind = between, mapping["kind"]
    if reader is None or read is None:
        return []
    if kind == "same":
        found = [name]
    elif kind == "matched":
        found = list(mapping["pairs"].get(name, ()))
    elif kind == "last":
        found = [name]
        for _ in range(mapping["count"] - 1):
            found.append(windows.preceding(read.unit, read.tz, found[-1]))
    else:
        found = read.over(reader.start(name) or 0, reader.end(name))
    return [one for one in found if read.has(one)]


def readers_of(mapping: Json, between: tuple[Parts | None, Parts | None], name: str) -> list[str]:
    """The partitions of a reader that read one of an input, but for `all`."""
    (reader, read), kind = between, mapping["kind"]
    if reader is None or read is None:
        return []
    if kind == "same":
        found = [name]
    elif kind == "matched":
        found = [one for one, others in mapping["pairs"].items() if name in others]
    elif kind == "last":
        found = [windows.following(reader.unit, reader.tz, name, ahead) for ahead in range(mapping["count"])]
    else:
        found = reader.over(read.start(name) or 0, read.end(name))
    return [one for one in found if reader.has(one)]
