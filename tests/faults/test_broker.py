"""The broker loses its power under load and comes back: whoever was told it's kept finds it kept, and all go on."""

import asyncio
import os
import random
import secrets
from pathlib import Path

import pytest

from tests.faults.stage import CREW, Stage, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.long]

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))


async def power_cut(stage: Stage, broker: Broker, away: float) -> None:
    """The broker is killed, is away for so many seconds, and what is published then is run."""
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(away)
    await asyncio.to_thread(broker.start)
    acked = len(stage.load.acked)
    await stage.eventually(lambda: len(stage.load.acked) > acked, "changes are acked again")
    since = stage.tail.seen[-1].offset + 1
    changed = await stage.tail.next(lambda seen: seen.kind == "asset.changed", PATIENCE_SECONDS, since)
    await stage.tail.next(lambda seen: seen.kind == "run.succeeded", PATIENCE_SECONDS, changed.offset)


@pytest.mark.parametrize("cuts", [1, 6])
async def test_roles_go_on_by_themselves_and_nothing_acked_is_lost(
    broker: Broker, tmp_path: Path, say: list[str], cuts: int
) -> None:
    dice = random.Random(SEED)
    async with staged(broker.url, tmp_path) as stage:
        await stage.start(*CREW)
        loading = stage.begin_load()
        for _ in range(cuts):
            await asyncio.sleep(dice.uniform(1, 4))
            await power_cut(stage, broker, dice.uniform(1, 8))
        await stage.end_load(loading)
        await stage.quiet()
        assert {role.starts for role in stage.roles.values()} == {1}
        counts = stage.checked(stage.export()).counts
        say.append(f"broker killed {cuts} times, FAULTS_SEED={SEED}: refused {stage.load.refused}, {counts}")
