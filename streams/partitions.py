"""Partitions of assets, and which partitions of an input a partition reads: as data, for they travel in the journal."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streams.definition import Definition
from streams.wallclock import zone
from streams.windows import Unit, between, bounds, following, preceding, window_at

SEPARATOR = "|"
"""stands between the two names of a Grid's partition"""

RANGE_MAX = 1_000_000
"""partitions of a Grid that one range may name"""

NAME = re.compile(r"[^\[\]|,\x00-\x1f\x7f]{1,200}")
"""What a partition may be called."""

_NAME_RULE = "1 to 200 characters, none of them a control character or one of '[', ']', '|', ','"


class Windows(Definition):
    """One partition for each hour, day, week, month, quarter or year from `first` on, as a zone's clocks have them."""

    kind: Literal["windows"] = "windows"
    unit: Unit
    first: str
    tz: str = "UTC"

    @model_validator(mode="after")
    def _begins(self) -> "Windows":
        bounds(self.unit, zone(self.tz).key, self.first)
        return self

    def wrong(self, name: str) -> str | None:
        """Why there is no such partition; None where there is."""
        try:
            start, _ = bounds(self.unit, self.tz, name)
        except ValueError as error:
            return str(error)
        return None if start >= self.begins else f"{name!r} is before its first, {self.first!r}"

    @property
    def begins(self) -> int:
        """The first instant of its first window, in ms."""
        return self.start(self.first)

    def start(self, name: str) -> int:
        """The first instant of a window, in ms."""
        return bounds(self.unit, self.tz, name)[0]

    def is_among_newest(self, name: str, count: int, at_ms: int) -> bool:
        """Whether a window is one of the `count` that began last by an instant, or begins later."""
        newest = window_at(self.unit, self.tz, at_ms)
        for _ in range(count - 1):
            if newest <= name:
                return True
            newest = preceding(self.unit, self.tz, newest)
        return newest <= name

    def ends_among_newest(self, name: str, count: int) -> int:
        """The instant from which on a window is none of the `count` that began last, in ms."""
        for _ in range(count):
            name = following(self.unit, self.tz, name)
        return self.start(name)

    def within(self, first: str, last: str) -> Iterator[str]:
        """The windows from one to another, both included. Raises ValueError for what is none of its windows."""
        for name in (first, last):
            if (wrong := self.wrong(name)) is not None:
                raise ValueError(wrong)
        return between(self.unit, self.tz, bounds(self.unit, self.tz, first)[0], bounds(self.unit, self.tz, last)[1])


class Static(Definition):
    """These partitions and no others."""

    kind: Literal["static"] = "static"
    names: tuple[str, ...] = Field(min_length=1, max_length=10_000)

    @model_validator(mode="after")
    def _named_well(self) -> "Static":
        for name in self.names:
            if NAME.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no partition's name: {_NAME_RULE}")
        if len(set(self.names)) < len(self.names):
            twice = next(name for place, name in enumerate(self.names) if name in self.names[:place])
            raise ValueError(f"the partition {twice!r} is named twice")
        return self

    def wrong(self, name: str) -> str | None:
        """Why there is no such partition; None where there is."""
        return None if name in self.names else f"{name!r} is none of its {len(self.names)} partitions"

    def within(self, first: str, last: str) -> Iterator[str]:
        """The partitions from one to another, both included, in the order of their names' list. Raises ValueError."""
        for name in (first, last):
            if (wrong := self.wrong(name)) is not None:
                raise ValueError(wrong)
        return iter(self.names[self.names.index(first) : self.names.index(last) + 1])


class Dynamic(Definition):
    """Whichever partitions its changes, or commands, name."""

    kind: Literal["dynamic"] = "dynamic"

    def wrong(self, name: str) -> str | None:
        """Why there is no such partition; None where there is."""
        return None if NAME.fullmatch(name) else f"{name!r} is no partition's name: {_NAME_RULE}"

    def within(self, first: str, last: str) -> Iterator[str]:
        """A range of what has no order is one partition. Raises ValueError."""
        if first != last:
            raise ValueError("its partitions have no order, so there is no range of them; name each")
        if (wrong := self.wrong(first)) is not None:
            raise ValueError(wrong)
        return iter((first,))


PlainPartitions = Annotated[Windows | Static | Dynamic, Field(discriminator="kind")]
"""of one dimension"""


class Dimension(Definition):
    """One of the two dimensions of a Grid; its name stands in no partition's."""

    name: str = Field(min_length=1, max_length=100)
    partitions: PlainPartitions


class Grid(Definition):
    """One partition for each pair of names, one of either dimension: `2013-01-31|eu`."""

    kind: Literal["grid"] = "grid"
    dimensions: tuple[Dimension, ...] = Field(min_length=2, max_length=2)

    @model_validator(mode="after")
    def _crosses(self) -> "Grid":
        one, other = self.dimensions
        if one.name == other.name:
            raise ValueError(f"both of its dimensions are called {one.name!r}")
        if isinstance(one.partitions, Windows) and isinstance(other.partitions, Windows):
            raise ValueError(f"{one.name!r} and {other.name!r} are both time windows; at most one dimension may be")
        return self

    @property
    def lines(self) -> tuple[Windows | Static | Dynamic, ...]:
        """The partitions of either dimension."""
        return tuple(one.partitions for one in self.dimensions)

    @property
    def example(self) -> str:
        """A partition's name, for sentences."""
        return SEPARATOR.join(_example(one) for one in self.dimensions)

    def wrong(self, name: str) -> str | None:
        """Why there is no such partition; None where there is."""
        parts = name.split(SEPARATOR)
        if len(parts) != len(self.dimensions):
            kinds = " and ".join(repr(one.name) for one in self.dimensions)
            return f"{name!r} doesn't name its {kinds}; it is written like {self.example!r}"
        for one, part in zip(self.dimensions, parts, strict=True):
            if (wrong := one.partitions.wrong(part)) is not None:
                return f"{one.name!r} of {name!r}: {wrong}"
        return None

    def within(self, first: str, last: str) -> Iterator[str]:
        """The partitions from one to another along both dimensions, both included.

        Where both ends are windows alone, all listed names of the other dimension are meant. Raises ValueError.
        """
        both = SEPARATOR in first or SEPARATOR in last
        spans = self._between(first, last) if both else self._of_windows(first, last)
        if (count := prod(map(len, spans))) > RANGE_MAX:
            raise ValueError(f"the range names {count} partitions, and may name {RANGE_MAX}; name a shorter one")
        return iter(crossed(spans))

    def _between(self, first: str, last: str) -> list[list[str]]:
        for name in (first, last):
            if (wrong := self.wrong(name)) is not None:
                raise ValueError(wrong)
        ends = zip(first.split(SEPARATOR), last.split(SEPARATOR), strict=True)
        return [list(line.within(*pair)) for line, pair in zip(self.lines, ends, strict=True)]

    def _of_windows(self, first: str, last: str) -> list[list[str]]:
        """Raises ValueError where that wouldn't say which partitions are meant."""
        spans = []
        for line in self.lines:
            if isinstance(line, Windows):
                spans.append(list(line.within(first, last)))
            elif isinstance(line, Static):
                spans.append(list(line.names))
        if len(spans) < len(self.lines) or not any(isinstance(line, Windows) for line in self.lines):
            raise ValueError(f"a range of it names both dimensions at either end, like {self.example!r}")
        return spans


Partitions = Annotated[Windows | Static | Dynamic | Grid, Field(discriminator="kind")]


def dimensions_of(parts: Partitions) -> dict[str, Windows | Static | Dynamic]:
    """Name → partitions of each dimension, in order; what isn't a Grid has one without a name."""
    return {one.name: one.partitions for one in parts.dimensions} if isinstance(parts, Grid) else {"": parts}


def crossed(spans: Sequence[Iterable[str]]) -> list[str]:
    """The names of the partitions that have one of the names along each dimension.

    >>> crossed([["2013-01-30", "2013-01-31"], ["eu"]])
    ['2013-01-30|eu', '2013-01-31|eu']
    """
    return [SEPARATOR.join(names) for names in product(*spans)]


def _example(one: Dimension) -> str:
    if isinstance(one.partitions, Windows):
        return one.partitions.first
    return one.partitions.names[0] if isinstance(one.partitions, Static) else one.name


class Same(Definition):
    """A partition reads the input's partition of the same name."""

    kind: Literal["same"] = "same"


class All(Definition):
    """Every partition of the input is read, and a change of any of them counts."""

    kind: Literal["all"] = "all"


class Last(Definition):
    """A window reads the input's window of the same name and those before it, `count` in all."""

    kind: Literal["last"] = "last"
    count: int = Field(ge=1, le=500)

    def __init__(self, count: int | None = None, /, **fields: Any) -> None:
        super().__init__(**fields if count is None else {"count": count, **fields})


class Overlapping(Definition):
    """A window reads the input's windows that share an instant with it: a month its days, an hour its day."""

    kind: Literal["overlapping"] = "overlapping"


class Matched(Definition):
    """Each partition reads the input's partitions that are listed for it; one that isn't listed reads none."""

    kind: Literal["matched"] = "matched"
    pairs: dict[str, tuple[str, ...]]

    def __init__(self, pairs: dict[str, Iterable[str]] | None = None, /, **fields: Any) -> None:
        super().__init__(**fields if pairs is None else {"pairs": pairs, **fields})


PlainMapping = Annotated[Same | All | Last | Overlapping | Matched, Field(discriminator="kind")]
"""between partitions of one dimension"""


class Along(Definition):
    """How each dimension of a Grid is read; those that aren't named are read as is meant.

    The names are the input's, or, of an input that is no Grid, the reader's.
    """

    kind: Literal["along"] = "along"
    dimensions: dict[str, PlainMapping]


Mapping = Annotated[Same | All | Last | Overlapping | Matched | Along, Field(discriminator="kind")]


def wrong_partition(parts: Partitions | None, said: Any) -> str | None:
    """Why an asset of these partitions, or of none, has none such as is spoken of; None where it has."""
    if parts is None:
        return "'partition' names a partition, but the asset has none" if said else None
    if not isinstance(said, str) or not said:
        return "the asset has partitions, so 'partition' must name one of them"
    return parts.wrong(said)


def wrong_mapping(mapping: Mapping, reader: Partitions | None, read: Partitions) -> str | None:
    """Why a mapping makes no sense between partitions; None where it does."""
    if isinstance(mapping, All):
        return None
    if reader is None:
        return "an asset without partitions reads All() partitions of another"
    if isinstance(mapping, Along):
        return "Along(…) is for dimensions, and neither of the two has any; say what it says without it"
    windows = isinstance(reader, Windows) and isinstance(read, Windows)
    if isinstance(mapping, Same) and _lines(reader) != _lines(read):
        return "their partitions aren't the same ones; say mapping=All() or Matched({…})"
    if isinstance(mapping, Last) and not (windows and _lines(reader) == _lines(read)):
        return "Last(…) counts windows of one unit and time zone"
    if isinstance(mapping, Overlapping) and not windows:
        return "Overlapping() is of time windows"
    if isinstance(mapping, Matched):
        for name, others in mapping.pairs.items():
            wrong = reader.wrong(name) or next((said for said in map(read.wrong, others) if said), None)
            if wrong is not None:
                return f"Matched(…): {wrong}"
    return None


def _lines(parts: Partitions) -> list[Any]:
    """What is equal of partitions that have the same names, wherever their windows begin."""
    lines = dimensions_of(parts).values()
    return [(line.unit, line.tz) if isinstance(line, Windows) else line for line in lines]


def default_mapping(reader: Partitions | None, read: Partitions) -> PlainMapping:
    """What a dep means that names no mapping."""
    if reader is None:
        return All()
    if isinstance(reader, Windows) and isinstance(read, Windows) and (reader.unit, reader.tz) != (read.unit, read.tz):
        return Overlapping()
    return Same()


def read_by(mapping: Mapping, reader: Partitions, read: Partitions, name: str) -> list[str]:
    """The partitions of an input that a partition reads, in order; those of `All` are not for counting.

    >>> days = Windows(unit="day", first="2013-01-01")
    >>> read_by(Last(3), days, days, "2013-01-02")
    ['2013-01-01', '2013-01-02']
    """
    if isinstance(mapping, Same):
        found = [name]
    elif isinstance(mapping, Matched):
        found = list(mapping.pairs.get(name, ()))
    elif isinstance(reader, Windows) and isinstance(read, Windows):
        if isinstance(mapping, Last):
            found = [name]
            while len(found) < mapping.count:
                found.append(preceding(read.unit, read.tz, found[-1]))
            found.reverse()
        else:
            found = list(between(read.unit, read.tz, *bounds(reader.unit, reader.tz, name)))
    else:
        found = []
    return [one for one in found if read.wrong(one) is None]


def readers_of(mapping: Mapping, reader: Partitions, read: Partitions, name: str) -> list[str]:
    """The partitions that read an input's partition, in order.

    >>> days, months = Windows(unit="day", first="2013-01-01"), Windows(unit="month", first="2013-01")
    >>> readers_of(Overlapping(), months, days, "2013-02-03")
    ['2013-02']
    """
    if isinstance(mapping, Same):
        found = [name]
    elif isinstance(mapping, Matched):
        found = [one for one, others in mapping.pairs.items() if name in others]
    elif isinstance(reader, Windows) and isinstance(read, Windows):
        if isinstance(mapping, Last):
            found = [name]
            while len(found) < mapping.count:
                found.append(following(reader.unit, reader.tz, found[-1]))
        else:
            found = list(between(reader.unit, reader.tz, *bounds(read.unit, read.tz, name)))
    else:
        found = []
    return [one for one in found if reader.wrong(one) is None]
