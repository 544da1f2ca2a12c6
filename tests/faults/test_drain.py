"""SIGTERM under load: each role ends in good order, and what was accepted isn't run again."""

from pathlib import Path

import pytest

from tests.faults.stage import CREW, staged
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.long]


async def test_a_role_that_is_asked_to_end_leaves_nothing_to_do_again(broker: Broker, tmp_path: Path) -> None:
    async with staged(broker.url, tmp_path) as stage:
        await stage.start(*CREW)
        loading = stage.begin_load()
        for name in CREW:
            await stage.tail.next(lambda seen: seen.kind == "run.started")
            role = stage.role(name)
            assert role.stop() == 0, role.said.read_text()[-4000:]
            end = stage.tail.seen[-1].offset + 1
            role.start()
            await stage.back(role, end)
        await stage.end_load(loading)
        await stage.quiet()
        stage.checked(stage.export())
        kinds: dict[tuple[str, int], list[str]] = {}
        for seen in stage.tail.seen:
            if seen.attempt[0]:
                kinds.setdefault(seen.attempt, []).append(seen.kind)
        begun = {attempt for attempt, said in kinds.items() if "run.started" in said}
        again = {(run, attempt - 1) for run, attempt in kinds if attempt > 1}
        assert not again & begun  # what was granted and never begun may be run elsewhere
        assert not [said for attempt, said in kinds.items() if attempt in begun and "run.lost" in said]
