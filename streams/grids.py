"""Partitions of two dimensions: which of an input's is read along which of its reader's, and what that comes to."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from streams.partitions import (
    SEPARATOR,
    All,
    Along,
    Grid,
    Last,
    Mapping,
    Matched,
    Overlapping,
    Partitions,
    PlainMapping,
    PlainPartitions,
    Same,
    Static,
    Windows,
    crossed,
    default_mapping,
    dimensions_of,
    read_by,
    readers_of,
    wrong_mapping,
)
from streams.windows import most

READ_MAX = 750
"""partitions of an input that one run may read: the hours of a month, and what fits into a grant of 256 KiB"""

Spans = list[list[str] | None]
"""names along each dimension; None: those that are there"""


class Way(NamedTuple):
    """How one dimension of an input is read: along which of the reader's, by its place (None: whole), and by what."""

    along: int | None
    mapping: PlainMapping


def parts_of(parts: Partitions | None, name: str) -> dict[str, str]:
    """Dimension → its name in a Grid's partition; empty for all others.

    >>> parts_of(Static(names=("eu",)), "eu")
    {}
    """
    if not isinstance(parts, Grid):
        return {}
    return dict(zip(dimensions_of(parts), name.split(SEPARATOR), strict=True))


def windows_of(parts: Partitions | None) -> Windows | None:
    """The time windows among its dimensions; None where there are none."""
    lines = dimensions_of(parts).values() if parts is not None else ()
    return next((line for line in lines if isinstance(line, Windows)), None)


def window_in(parts: Partitions, name: str) -> str:
    """The window in the name of a partition, of what has windows."""
    lines = dimensions_of(parts).values()
    return next(part for line, part in zip(lines, name.split(SEPARATOR), strict=True) if isinstance(line, Windows))


def takes_several(mapping: Mapping) -> bool:
    """What is read by it is a dict from partition to value, however many there are."""
    return not all(isinstance(one, Same) for one in _steps(mapping))


def takes_what_is_there(mapping: Mapping) -> bool:
    """It reads those of its partitions that are there, and waits for none that isn't."""
    return any(isinstance(one, All | Last | Overlapping) for one in _steps(mapping))


def looks_back(mapping: Mapping) -> bool:
    """Windows read earlier ones by it."""
    return any(isinstance(one, Last) for one in _steps(mapping))


def meant(said: Mapping | None, reader: Partitions | None, read: Partitions) -> Mapping:
    """The mapping that a dep means, whole: what isn't said is worked out. Raises ValueError, with the way out.

    >>> from streams.partitions import Dimension
    >>> days, regions = Windows(unit="day", first="2013-01-01"), Static(names=("eu", "us"))
    >>> cells = Grid(dimensions=(Dimension(name="day", partitions=days), Dimension(name="region", partitions=regions)))
    >>> meant(None, days, cells).dimensions
    {'day': Same(kind='same'), 'region': All(kind='all')}
    """
    plain = not (isinstance(reader, Grid) or isinstance(read, Grid))
    if reader is None or plain or isinstance(said, All | Same | Matched):
        mapping = default_mapping(reader, read) if said is None else said
        if (wrong := wrong_mapping(mapping, reader, read)) is not None:
            raise ValueError(wrong)
        if reader is not None and not isinstance(mapping, All | Along):
            _refuse_many(_width(mapping, reader, read))
        return mapping
    found, own = ways(_spoken(said, reader, read), reader, read), list(dimensions_of(reader).values())
    widths = []
    for way, (name, line) in zip(found, dimensions_of(read).items(), strict=True):
        if way.along is None and not isinstance(line, Static):
            raise ValueError(
                f"it would read all of its {name!r}, which has no end; give the reader that dimension too, or say "
                "mapping=All(), by which a source is read at its newest change"
            )
        widths.append(_width(way.mapping, line if way.along is None else own[way.along], line))
    _refuse_many(prod(widths))
    return _told(found, reader, read)


def listed(mapping: Mapping, read: Partitions) -> list[str]:
    """The names that it reads all of: where they become others, something else is read."""
    lines = dimensions_of(read)
    if isinstance(mapping, Along):
        lines = {name: line for name, line in lines.items() if isinstance(mapping.dimensions.get(name), All)}
    elif not isinstance(mapping, All):
        return []
    return [name for line in lines.values() if isinstance(line, Static) for name in line.names]


def whole(read: Partitions) -> None:
    """What is computed may be read by All(). Raises ValueError where a run can't name all its partitions."""
    lines = dimensions_of(read).values()
    if not all(isinstance(line, Static) for line in lines):
        raise ValueError(
            "a run can't name all its partitions, which have no end; read Last(n) of them, or Overlapping() windows"
        )
    _refuse_many(prod(_width(All(), line, line) for line in lines))


def ways(along: Along, reader: Partitions, read: Partitions) -> list[Way]:
    """How each dimension of an input is read, in its order: as many along one of the reader's as can be.

    Dimensions of one name belong together, and of others those that fit. Raises ValueError where that isn't one way.
    """
    own, theirs = dimensions_of(reader), dimensions_of(read)
    _refuse_unknown(along, theirs if isinstance(read, Grid) else own)
    if not isinstance(read, Grid) and len(along.dimensions) > 1:
        raise ValueError(
            f"Along(…) names {_listed(along.dimensions)}, and the input has one dimension; name one of them"
        )
    if isinstance(read, Grid):
        choices = [_choices(along.dimensions.get(name), name, line, own) for name, line in theirs.items()]
    else:
        name, said = next(iter(along.dimensions.items()), ("", None))
        choices = [_choices(said, name, read, own)]
    found = [one for one in product(*choices) if _is_apart(one)]
    if not found:
        raise ValueError("two of its dimensions would be read along one; say All() of one of them")
    paired = max(map(_paired, found))
    if not paired:
        raise ValueError("they have no dimension in common; say mapping=All() or Matched({…})")
    best = [one for one in found if _paired(one) == paired]
    if len(best) > 1:
        place = next(place for place, one in enumerate(best[0]) if one != best[1][place])
        name = list(theirs)[place] if isinstance(read, Grid) else list(own)[best[0][place].along or 0]
        raise ValueError(
            "it can't be told which of their dimensions belong together; give those the same name, or say "
            f"mapping=Along({name}=Same()) where only one has to be told"
        )
    return list(best[0])


def read_along(along: Along, reader: Partitions, read: Partitions, name: str) -> list[str]:
    """The partitions of an input that a partition reads, in order, there or not."""
    own, parts = list(dimensions_of(reader).values()), name.split(SEPARATOR)
    spans: list[Sequence[str]] = []
    for way, line in zip(ways(along, reader, read), dimensions_of(read).values(), strict=True):
        if way.along is not None:
            spans.append(read_by(way.mapping, own[way.along], line, parts[way.along]))
        else:
            spans.append(line.names if isinstance(line, Static) else ())
    return crossed(spans)


def readers_along(along: Along, reader: Partitions, read: Partitions, name: str) -> Spans:
    """The names along each of a reader's dimensions that read an input's partition.

    Along a dimension that the input doesn't have all do that are listed, or else those that are there.
    """
    theirs, parts = list(dimensions_of(read).values()), name.split(SEPARATOR)
    found = ways(along, reader, read)
    spans: Spans = []
    for place, line in enumerate(dimensions_of(reader).values()):
        at = next((at for at, way in enumerate(found) if way.along == place), None)
        if at is not None:
            spans.append(readers_of(found[at].mapping, line, theirs[at], parts[at]))
        else:
            spans.append(list(line.names) if isinstance(line, Static) else None)
    return spans


def _steps(mapping: Mapping) -> Iterable[Mapping]:
    return mapping.dimensions.values() if isinstance(mapping, Along) else (mapping,)


def _spoken(said: Mapping | None, reader: Partitions, read: Partitions) -> Along:
    """What is said of the time windows alone, or not at all, as said of dimensions."""
    if said is None or isinstance(said, Along):
        return said or Along(dimensions={})
    named = dimensions_of(read if isinstance(read, Grid) else reader)
    windows = [name for name, line in named.items() if isinstance(line, Windows)]
    if not windows:
        raise ValueError(f"{type(said).__name__} is of time windows, and there are none among {_listed(named)}")
    return Along(dimensions={windows[0]: said})


def _choices(said: PlainMapping | None, name: str, line: PlainPartitions, own: dict[str, PlainPartitions]) -> list[Way]:
    """The ways in which a dimension of an input may be read. Raises ValueError where there is none."""
    if isinstance(said, All):
        return [Way(None, said)]
    found: list[Way] = []
    wrongs: dict[str, None] = {}
    for place, (mine, its) in enumerate(own.items()):
        if name in own and mine != name:
            continue
        mapping = default_mapping(its, line) if said is None else said
        wrong = wrong_mapping(mapping, its, line)
        if wrong is None:
            found.append(Way(place, mapping))
        else:
            wrongs[wrong] = None
    if said is None and name not in own:
        return [*found, Way(None, All())]
    if not found and said is None:
        raise ValueError(f"their {name!r} aren't the same; say mapping=Along({name}=Matched({{…}})) or {name}=All()")
    if not found:
        raise ValueError(f"Along({name}=…): {'; '.join(wrongs)}")
    return found


def _refuse_unknown(along: Along, named: dict[str, PlainPartitions]) -> None:
    for name in along.dimensions:
        if name not in named:
            raise ValueError(f"Along(…) names {name!r}, which is no dimension; there are {_listed(named)}")


def _listed(names: Iterable[str]) -> str:
    return " and ".join(map(repr, names))


def _is_apart(found: Sequence[Way]) -> bool:
    """No two dimensions are read along one."""
    places = list(_places(found))
    return len(dict.fromkeys(places)) == len(places)


def _paired(found: Sequence[Way]) -> int:
    return sum(1 for _ in _places(found))


def _places(found: Sequence[Way]) -> Iterator[int]:
    return (way.along for way in found if way.along is not None)


def _told(found: list[Way], reader: Partitions, read: Partitions) -> Along | Same:
    """The ways as a mapping that says them all."""
    own = list(dimensions_of(reader))
    if found == [Way(place, Same()) for place in range(len(own))]:
        return Same()
    if isinstance(read, Grid):
        return Along(dimensions=dict(zip(dimensions_of(read), (way.mapping for way in found), strict=True)))
    return Along(dimensions={own[way.along]: way.mapping for way in found if way.along is not None})


def _width(mapping: Mapping, reader: Partitions, read: Partitions) -> int:
    """How many partitions a partition reads at most, along a dimension."""
    if isinstance(mapping, All) and isinstance(read, Static):
        return len(read.names)
    if isinstance(mapping, Matched):
        return max(map(len, mapping.pairs.values()), default=0)
    if isinstance(mapping, Overlapping) and isinstance(reader, Windows) and isinstance(read, Windows):
        return most(reader.unit, read.unit)
    return mapping.count if isinstance(mapping, Last) else 1


def _refuse_many(count: int) -> None:
    if count > READ_MAX:
        raise ValueError(
            f"a run would read up to {count} of its partitions, and can name {READ_MAX}; put an asset between the two "
            "that sums some up"
        )
