"""The sinks are killed again and again under load: each event is one row, in SQLite and in PostgreSQL."""

import asyncio
import os
import random
import secrets
from pathlib import Path

import orjson
import pytest

from sinks.history import COLUMNS, KEPT
from tests.conformance.history_stage import Books, books
from tests.faults.stage import Json, staged
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
FEW, MANY = 3, 20


async def ravaged(url: str, folder: Path, kept: list[Books], kills: int) -> set[str]:
    """The ids of all events that the topics hold in the end, which each history holds too."""
    dice = random.Random(SEED)
    async with staged(url, folder) as stage:
        said = {one.kind: {"url": one.url} for one in kept}
        stage.environment |= {"EVERFRESH_SINKS": "[]", "EVERFRESH_HISTORY": orjson.dumps(said).decode()}
        await stage.start("reactor", "worker-1", "ingress", "sinks")
        loading, sinks = stage.begin_load(), stage.role("sinks")
        for _ in range(kills):
            if dice.random() < 0.8:  # else it may die before it has begun
                await stage.eventually(sinks.is_ready, "sinks ready")
            await asyncio.sleep(dice.uniform(0, 3))
            sinks.kill()
            sinks.start()
        await stage.end_load(loading)
        await stage.quiet()
        wanted = {one["event"]["id"] for one in stage.export() if is_kept(one)}
        await stage.eventually(lambda: all(wanted <= ids_of(one) for one in kept), "everything written")
        assert ids_of(kept[0]) == ids_of(kept[1])
        return wanted


def is_kept(record: Json) -> bool:
    """An output that has rows, not the like in a journal."""
    event = record["event"]
    return isinstance(event, dict) and event["type"] in KEPT and ".journal." not in record["topic"]


def ids_of(kept: Books) -> set[str]:
    try:
        found = [row for table in COLUMNS for row in kept.ask(f"SELECT event_id FROM {table}")]
    except Exception:  # the tables aren't there yet
        return set()
    return {name for (name,) in found}


def doubled(kept: Books) -> int:
    """Attempts, and alerts' transitions, that stand there twice by what they are, whatever their ids."""
    asked = (
        "SELECT 1 FROM everfresh_runs GROUP BY asset, run, attempt, outcome HAVING count(*) > 1",
        "SELECT 1 FROM everfresh_alerts GROUP BY fingerprint, episode, transition_number HAVING count(*) > 1",
        "SELECT 1 FROM everfresh_costs GROUP BY cost_id, revision HAVING count(*) > 1",
    )
    return sum(len(kept.ask(one)) for one in asked)


async def judged(broker: Broker, folder: Path, kills: int, request: pytest.FixtureRequest) -> str:
    kept = [books(kind, folder, request) for kind in ("sqlite", "postgresql")]
    wanted = await ravaged(broker.url, folder, kept, kills)
    assert len(wanted) > 100
    assert [doubled(one) for one in kept] == [0, 0]
    return f"history, FAULTS_SEED={SEED}: {kills} kills of the sinks, {len(wanted)} events, each one row in both"


@pytest.mark.timeout(400)
async def test_a_few_kills_lose_and_double_no_row(
    broker: Broker, tmp_path: Path, request: pytest.FixtureRequest, say: list[str]
) -> None:
    say.append(await judged(broker, tmp_path, FEW, request))


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_twenty_kills_lose_and_double_no_row(
    broker: Broker, tmp_path: Path, request: pytest.FixtureRequest, say: list[str]
) -> None:
    say.append(await judged(broker, tmp_path, MANY, request))
