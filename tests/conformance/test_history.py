"""What a history promises, the same in SQLite and in a real PostgreSQL: each event once, whatever happens."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sinks import history_schema
from sinks.history import COLUMNS, rows_of
from sinks.history_schema import VERSION, migration
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.history import History, Unfit, history_route
from sinks.ports import Refused, Retry
from tests.conformance.history_stage import Books, Counted, books, on_each
from tests.conformance.sinks_stage import QUICK, Stage, running, until
from tests.core.sinks_samples import TYPES, event

pytestmark = on_each

TABLE_OF = {
    "asset.materialized": "materializations",
    "run.ended": "runs",
    "check.evaluated": "checks",
    "cost.incurred": "costs",
    "alert.opened": "alerts",
    "freshness.changed": "freshness",
}


@pytest.fixture
def kept(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Books:
    return books(database, tmp_path, request)


@pytest.fixture
def kind() -> str:
    return "memory"


def delivery(stage: Stage, history: History) -> Delivery:
    route = history_route("test", stage.topics)
    route = replace(route, manner=Manner(QUICK, at_once=route.manner.at_once))
    return stage.delivery(history, route=route)


async def written(kept: Books, *kinds: str) -> None:
    history = History(kept.open())
    await asyncio.gather(*(history.deliver(event(kind, number)) for number, kind in enumerate(kinds)))
    await history.close()


async def test_each_kind_of_event_is_a_row_of_its_table(kept: Books) -> None:
    await written(kept, *(kind.removeprefix("everfresh.").removesuffix(".v1") for kind in TYPES))
    counts = {table: kept.count(table) for table in COLUMNS}
    assert counts == {
        "everfresh_materializations": 4,
        "everfresh_runs": 4,  # three that published or held back, one that failed
        "everfresh_checks": 1,
        "everfresh_costs": 1,
        "everfresh_alerts": 3,
        "everfresh_freshness": 1,
    }


async def test_columns_hold_what_the_event_says(kept: Books) -> None:
    await written(kept, "asset.materialized", "run.ended", "check.evaluated", "cost.incurred", "alert.opened")
    assert kept.ask(
        "SELECT domain, asset, kind, version, run, attempt, duration_seconds, details ->> 'version' "
        "FROM everfresh_materializations WHERE consistent"
    ) == [("shop", "shop/revenue", "materialized", "v7", "7-shop/revenue", 1, 30.0, "v7")]
    assert kept.ask("SELECT outcome, reason FROM everfresh_runs ORDER BY outcome") == [
        ("failed", "raised: no such table"),
        ("materialized", None),
    ]
    assert kept.ask("SELECT check_name, outcome, observed FROM everfresh_checks WHERE blocking") == [
        ("no_negative_days", "fail", "3")
    ]
    assert kept.ask("SELECT quantity, amount, currency FROM everfresh_newest_costs") == [(0.4, 1.2, "USD")]
    assert kept.ask("SELECT rule, transition, transition_number, owner FROM everfresh_alerts") == [
        ("freshness.overdue", "opened", 1, "growth")
    ]


@pytest.mark.parametrize("name", sorted(TABLE_OF))
async def test_an_event_that_comes_again_stays_one_row(kept: Books, name: str) -> None:
    await written(kept, name)
    history = History(kept.open())
    again = event(name, 0)
    await asyncio.gather(*(history.deliver(again) for _ in range(5)))  # in one transaction too
    await history.close()
    assert kept.count(f"everfresh_{TABLE_OF[name]}") == 1


async def test_what_waits_goes_into_one_transaction(kept: Books) -> None:
    database = Counted(kept.open())
    history = History(database)
    await asyncio.gather(*(history.deliver(event("check.evaluated", n)) for n in range(1_200)))
    await history.close()
    assert kept.count("everfresh_checks") == 1_200
    assert database.writes == [500, 500, 200]


async def test_what_will_never_fit_is_refused_and_its_neighbours_are_kept(kept: Books) -> None:
    history = History(kept.open())
    events = [event("check.evaluated", n) for n in range(40)]
    events[17]["data"]["n_failed"] = 2**63  # no database's integer
    outcomes = await asyncio.gather(*(history.deliver(one) for one in events), return_exceptions=True)
    await history.close()
    assert [n for n, one in enumerate(outcomes) if one is not None] == [17]
    assert isinstance(outcomes[17], Refused)
    assert kept.count("everfresh_checks") == 39


async def test_what_will_never_fit_becomes_a_dead_letter_with_its_bytes(kept: Books, stage: Stage) -> None:
    bad = event("check.evaluated", 1)
    bad["data"]["n_failed"] = 2**63
    await stage.send(bad)
    await stage.send(event("check.evaluated", 2))
    async with running(delivery(stage, History(kept.open())), grace_seconds=5):
        await until(lambda: sorted(outcome for _, outcome in stage.counted) == ["dead", "delivered"])
    [letter] = await stage.letters()
    assert letter["data"]["error"].startswith("sink 'history-test': refused: ")
    assert kept.count("everfresh_checks") == 1


async def test_an_event_that_isnt_what_its_type_says_is_refused(kept: Books) -> None:
    history = History(kept.open())
    with pytest.raises(Refused, match="version"):
        await history.deliver(event("asset.materialized") | {"data": {"asset": "shop/revenue"}})
    await history.close()


async def test_a_failing_database_gets_everything_later(kept: Books, stage: Stage) -> None:
    database = Counted(kept.open())
    database.failures = [Retry("the disk is full"), OSError("and again")]
    await stage.materialized("shop/revenue", range(10))
    async with running(delivery(stage, History(database)), grace_seconds=5):
        await until(lambda: stage.counted.count(("history-test", "delivered")) == 10)
    assert kept.count("everfresh_materializations") == 10
    assert await stage.letters() == []


async def test_a_process_that_ended_before_its_position_moved_repeats_and_nothing_doubles(
    kept: Books, stage: Stage
) -> None:
    await stage.materialized("shop/revenue", range(10))
    for name in ("first", "second"):  # two groups: what a crash before each commit amounts to
        sink = delivery(stage, History(kept.open()))
        sink.group = stage.topics.group(name)
        async with running(sink, grace_seconds=5):
            await until(lambda: len(stage.counted) >= 10)
        stage.counted.clear()
    assert kept.count("everfresh_materializations") == kept.count("everfresh_runs") == 10


async def test_two_processes_that_begin_at_once_make_the_tables_once(kept: Books) -> None:
    await asyncio.gather(*(written(kept, "check.evaluated") for _ in range(4)))
    assert kept.ask("SELECT version FROM everfresh_schema ORDER BY version") == [(n + 1,) for n in range(VERSION)]
    assert kept.count("everfresh_checks") == 1


async def test_tables_of_an_earlier_version_are_brought_up_to_date_with_their_rows(
    kept: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        for module in ("history_sqlite", "history_postgres"):
            before.setattr(f"sinks.io.{module}.VERSION", 1)
        await written(kept, "cost.incurred")
    assert kept.ask("SELECT max(version) FROM everfresh_schema") == [(1,)]
    await written(kept, "cost.incurred", "check.evaluated")
    assert kept.ask("SELECT max(version) FROM everfresh_schema") == [(VERSION,)]
    assert kept.count("everfresh_newest_costs") == 1  # a view of the second version, over a row of the first


async def test_tables_of_a_later_everfresh_are_left_alone_and_that_is_said(kept: Books) -> None:
    await written(kept, "check.evaluated")
    kept.ask(f"INSERT INTO everfresh_schema VALUES ({VERSION + 1}, '2030-01-01T00:00:00Z')")
    history = History(kept.open())
    with pytest.raises(Retry, match=f"the history has schema {VERSION + 1}, this everfresh knows {VERSION}: start"):
        await history.deliver(event("check.evaluated", 5))
    await history.close()
    assert kept.count("everfresh_checks") == 1


async def test_the_columns_written_are_those_of_the_tables(kept: Books) -> None:
    await written(kept, "check.evaluated")
    for table, columns in COLUMNS.items():
        asked = (
            f"SELECT name FROM pragma_table_info('{table}')"
            if kept.kind == "sqlite"
            else f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
        )
        assert {name for (name,) in kept.ask(asked)} == set(columns)


async def test_an_alerts_episode_is_one_row_with_its_length(kept: Books) -> None:
    history = History(kept.open())
    for at, step in ((0, "opened"), (20_000, "updated"), (90_500, "resolved")):
        await history.deliver(event(f"alert.{step}", at, sequence=at))
    await history.deliver(event("alert.opened", 100_000, episode=2))
    await history.close()
    assert kept.ask("SELECT episode, open_seconds FROM everfresh_alert_episodes ORDER BY episode") == [
        (1, 90.5),
        (2, None),
    ]


async def test_a_later_bill_counts_instead_of_the_earlier(kept: Books) -> None:
    history = History(kept.open())
    for revision, quantity in ((2, 0.5), (1, 0.4), (3, 0.3)):
        await history.deliver(event("cost.incurred", revision, revision=revision, quantity=quantity))
    await history.close()
    assert kept.ask("SELECT revision, quantity FROM everfresh_newest_costs") == [(3, 0.3)]
    assert kept.count("everfresh_costs") == 3


async def test_the_same_rows_twice_over_or_none_at_all_are_no_error(kept: Books) -> None:
    database = kept.open()
    rows = rows_of(event("asset.materialized"))
    await database.write(rows)
    await database.write(rows)
    await database.write([])
    bad = rows[0]._replace(values=("other", *[None] * (len(rows[0].values) - 1)))
    with pytest.raises(Unfit):
        await database.write([rows_of(event("run.ended"))[0], bad])
    assert kept.count("everfresh_runs") == 1, "all of a transaction or none"
    await database.write(rows_of(event("run.ended")))
    await database.close()
    await database.close()
    assert kept.count("everfresh_runs") == 2


def test_a_released_version_of_the_schema_is_never_edited(database: str) -> None:
    del database
    assert len(history_schema._MIGRATIONS) == VERSION
    assert migration(1, history_schema.SQLITE)[0].startswith("CREATE TABLE everfresh_materializations")
