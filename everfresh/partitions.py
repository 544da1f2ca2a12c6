"""Partitions as users write them: a bad value ends in one sentence, not in pydantic's report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from everfresh.assets import Declared
from everfresh.policies import in_one_sentence
from streams import partitions
from streams.errors import DefinitionError
from streams.partitions import PlainMapping, PlainPartitions
from streams.windows import Unit


def Hourly(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  it reads as what it makes
    """One partition for each hour from `first` on, like "2013-01-31T05". Raises DefinitionError.

    Where clocks are set back an hour comes twice; the second is "2013-11-03T01.2".
    """
    return _windows("Hourly", "hour", first, tz)


def Daily(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  the same
    """One partition for each day of a time zone from `first` on, like "2013-01-31". Raises DefinitionError.

    >>> Daily("2013-01-01", tz="America/New_York").unit
    'day'
    """
    return _windows("Daily", "day", first, tz)


def Weekly(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  the same
    """One partition for each week from `first` on, which is a Monday like "2013-01-28". Raises DefinitionError."""
    return _windows("Weekly", "week", first, tz)


def Monthly(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  the same
    """One partition for each month from `first` on, like "2013-01". Raises DefinitionError."""
    return _windows("Monthly", "month", first, tz)


def Quarterly(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  the same
    """One partition for each quarter of a year from `first` on, like "2013-Q1". Raises DefinitionError."""
    return _windows("Quarterly", "quarter", first, tz)


def Yearly(first: str, tz: str = "UTC") -> partitions.Windows:  # noqa: N802  the same
    """One partition for each year from `first` on, like "2013". Raises DefinitionError."""
    return _windows("Yearly", "year", first, tz)


def Static(*names: str) -> partitions.Static:  # noqa: N802  the same
    """These partitions and no others: `ef.Static("eu", "us")`. Raises DefinitionError."""
    with in_one_sentence(f"Static{names!r}"):
        return partitions.Static(names=names)


def Dynamic() -> partitions.Dynamic:  # noqa: N802  the same
    """Whichever partitions changes, or commands, name."""
    return partitions.Dynamic()


def Grid(**dimensions: PlainPartitions) -> partitions.Grid:  # noqa: N802  the same
    """One partition for each pair of names, one of either dimension, like "2013-01-31|eu".

    There are two dimensions, by name and in that order; one of them may be time windows.

    >>> Grid(day=Daily("2013-01-01"), region=Static("eu", "us")).example
    '2013-01-01|eu'

    Raises DefinitionError.
    """
    said = f"Grid({', '.join(f'{name}=…' for name in dimensions)})"
    if len(dimensions) != 2:
        raise DefinitionError(f"{said}: a Grid has two dimensions, like day=ef.Daily('2013-01-01'), at=ef.Static('eu')")
    for name, one in dimensions.items():
        if not isinstance(one, partitions.Windows | partitions.Static | partitions.Dynamic):
            raise DefinitionError(f"{said}: {name} is partitions like ef.Static('eu', 'us'), not {one!r}")
    with in_one_sentence(said):
        listed = [partitions.Dimension(name=name, partitions=one) for name, one in dimensions.items()]
        return partitions.Grid(dimensions=tuple(listed))


def Along(**dimensions: PlainMapping) -> partitions.Along:  # noqa: N802  the same
    """How each dimension of a Grid is read: `ef.Along(day=ef.Last(7), region=ef.Same())`.

    The names are the input's dimensions; of an input that is no Grid, the reader's one that it is read along. What
    isn't named is read along the reader's dimension of the same name, or of the same partitions, or else all of it.

    >>> Along(day=Last(7)).dimensions
    {'day': Last(kind='last', count=7)}

    Raises DefinitionError for what is no mapping.
    """
    with in_one_sentence(f"Along({', '.join(f'{name}={one!r}' for name, one in dimensions.items())})"):
        return partitions.Along(dimensions=dimensions)


def Last(count: int) -> partitions.Last:  # noqa: N802  the same
    """A window reads the input's window of its name and those before it, `count` in all, as a dict by partition.

    Raises DefinitionError for a count outside 1 to 500.
    """
    with in_one_sentence(f"Last({count!r})"):
        return partitions.Last(count)


def Matched(pairs: Mapping[str, Iterable[str]]) -> partitions.Matched:  # noqa: N802  the same
    """Each partition reads the input's partitions that are listed for it: a dict from partition to value.

    >>> Matched({"north": ["eu", "us"]}).pairs
    {'north': ('eu', 'us')}

    Raises DefinitionError for what is no such dict.
    """
    with in_one_sentence(f"Matched({pairs!r})"):
        return partitions.Matched({name: tuple(others) for name, others in pairs.items()})


@dataclass(frozen=True, slots=True)
class Dep:
    """An input and which of its partitions are read: `deps={"orders": ef.Dep(orders, mapping=ef.Last(7))}`.

    `mapping` is one of `ef.Same()`, `ef.All()`, `ef.Last(n)`, `ef.Overlapping()`, `ef.Matched({…})`, and of dimensions
    `ef.Along(…)`. Without it a partition reads the one of its own name, a time window those it overlaps where the units
    differ, and an asset without partitions all of them; each dimension of a Grid likewise.
    """

    asset: Declared | str
    mapping: partitions.Mapping | None = None


def _windows(name: str, unit: Unit, first: str, tz: str) -> partitions.Windows:
    with in_one_sentence(f"{name}({first!r}, tz={tz!r})"):
        return partitions.Windows(unit=unit, first=first, tz=tz)
