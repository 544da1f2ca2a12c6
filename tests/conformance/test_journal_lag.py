"""How far reactors are behind is asked of the log: also while no reactor is there to ask."""

import pytest

from everfresh.reading import bounds
from reactors.io.reactor import ROLE
from sinks.io.journal_lag import JournalLag
from streams.io.urls import Log
from streams.ports import Position, Record
from tests.conformance.logs import Place, everywhere

Rows = dict[str, float]


@pytest.fixture
async def lag(place: Place, opened: Log) -> JournalLag:
    await opened.admin.create([*place.topics.of("shop"), place.topics.journal("finance")])
    return JournalLag(opened.log, opened.admin, place.topics, place.topics.group(ROLE))


async def looked(lag: JournalLag, now_ms: int = 0) -> tuple[Rows, Rows]:
    """Entries and seconds, by domain."""
    await lag.look()
    events, seconds = ({labels[0]: float(value) for labels, value in one.rows} for one in lag.families(now_ms))  # type: ignore[arg-type]
    return events, seconds


@everywhere
async def test_unread_entries_count_and_age_whoever_is_dead(lag: JournalLag, place: Place, opened: Log) -> None:
    assert await looked(lag) == ({"finance": 0, "shop": 0}, {"finance": 0, "shop": 0})
    journal = place.topics.journal("shop").name
    stamps = await opened.log.append([Record(journal, b"{}", partition=0) for _ in range(3)])
    events, seconds = await looked(lag, stamps[0].timestamp + 90_000)
    assert events == {"finance": 0, "shop": 3}
    assert seconds == {"finance": 0, "shop": 90}
    [later] = (one for one in lag.families(stamps[0].timestamp + 120_000) if one.name.endswith("seconds"))
    assert dict(later.rows)["shop",] == 120, "it ages although nobody looked again"


@everywhere
async def test_what_a_reactor_has_folded_isnt_waited_for(lag: JournalLag, place: Place, opened: Log) -> None:
    journal = place.topics.journal("shop").name
    stamps = await opened.log.append([Record(journal, b"{}", partition=0) for _ in range(3)])
    group = place.topics.group(ROLE)
    member = await opened.log.subscribe(group, [journal])
    while not await member.fetch(10, 500):
        pass
    await member.commit({(journal, 0): stamps[1].offset})
    events, _ = await looked(lag)
    assert events["shop"] == 2
    await opened.log.append([], Position(group, journal, 0, stamps[-1].offset + 1))
    assert (await looked(lag)) == ({"finance": 0, "shop": 0}, {"finance": 0, "shop": 0})
    await member.close()
    assert (await bounds(opened, place.topics, "shop"))[1] == 3
