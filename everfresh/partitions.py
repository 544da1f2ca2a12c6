"""Partitions as users write them: a bad value ends in one sentence, not in pydantic's report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from everfresh.assets import Declared
from everfresh.policies import in_one_sentence
from streams import partitions
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

    `mapping` is one of `ef.Same()`, `ef.All()`, `ef.Last(n)`, `ef.Overlapping()`, `ef.Matched({…})`. Without it a
    partition reads the one of its own name, a time window those it overlaps where the units differ, and an asset
    without partitions all of them.
    """

    asset: Declared | str
    mapping: partitions.Mapping | None = None


def _windows(name: str, unit: Unit, first: str, tz: str) -> partitions.Windows:
    with in_one_sentence(f"{name}({first!r}, tz={tz!r})"):
        return partitions.Windows(unit=unit, first=first, tz=tz)
