"""Each role is killed again and again under load, and nothing is lost, nothing counted twice."""

import asyncio
import os
import random
import secrets
from pathlib import Path

import pytest

from tests.checker.__main__ import main as checker
from tests.faults.kills import rampage
from tests.faults.spoils import SPOILS, Found, broken_by
from tests.faults.stage import CREW, Json, staged
from tests.faults.tally import Tally
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
FEW, MANY = 2, 20

Ravaged = tuple[list[Json], list[dict[str, str]], Tally]


async def ravaged(url: str, folder: Path, rounds: int) -> Ravaged:
    """An export of all topics after so many kills of each role, when everything has come to rest."""
    dice = random.Random(SEED)
    async with staged(url, folder) as stage:
        await stage.start(*CREW)
        loading = stage.begin_load()
        kills = await rampage(stage, CREW, rounds, dice)
        await stage.end_load(loading)
        await stage.quiet()
        records = stage.export()
        return records, stage.load.acked, Tally(records, kills, stage.checked(records))


@pytest.fixture(scope="module")
def few(broker: Broker, tmp_path_factory: pytest.TempPathFactory, say: list[str]) -> tuple[Path, Ravaged]:
    """A few kills; what is spoilt below is a copy of this."""
    folder = tmp_path_factory.mktemp("few")
    found = asyncio.run(ravaged(broker.url, folder, FEW))
    say += [f"a few kills, FAULTS_SEED={SEED}", *found[2].lines()]
    return folder, found


@pytest.mark.timeout(400)
def test_nothing_is_lost_or_doubled_by_a_few_kills(few: tuple[Path, Ravaged]) -> None:
    folder, (_, acked, tally) = few
    assert len(tally.kills) == FEW * len(CREW)
    assert tally.mid_run
    assert len(acked) > 100
    export = str(folder / "export.jsonl")
    assert checker([export, "--quiet", "--acked", str(folder / "acked.jsonl")]) == 0


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", SPOILS)
def test_what_is_planted_in_a_real_export_is_caught(few: tuple[Path, Ravaged], kind: str) -> None:
    _, (records, acked, _) = few
    found: list[Found] = [broken_by(kind, records, acked, random.Random(SEED + number)) for number in range(3)]
    assert all(found), f"FAULTS_SEED={SEED}: {kind} was not caught: {found}"


@pytest.mark.long
@pytest.mark.timeout(3_600)
async def test_nothing_is_lost_or_doubled_by_twenty_kills_of_each_role(
    broker: Broker, tmp_path: Path, say: list[str]
) -> None:
    _, acked, tally = await ravaged(broker.url, tmp_path, MANY)
    say += [f"twenty kills of each, FAULTS_SEED={SEED}", *tally.lines()]
    assert len(tally.kills) == MANY * len(CREW)
    assert tally.mid_run > MANY
    assert tally.mid_append > MANY // 4
    assert len(acked) > 1_000
