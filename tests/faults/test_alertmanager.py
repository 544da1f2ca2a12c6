"""An asset goes overdue and recovers while the sinks are killed: the real Alertmanager hears of each transition."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from everfresh import AsyncPublisher
from tests.faults.stage import Json, Stage, staged
from tests.patience import PATIENCE_SECONDS
from tests.real_alertmanager import RealAlertmanager, alertmanager
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
FEW, MANY = 3, 20
OVERDUE = "freshness.overdue"


@dataclass
class Relay:
    """Hands calls on to the real one, and keeps what that took: (event's id, labels)."""

    to: str
    url: str = ""
    took: list[tuple[str, frozenset[tuple[str, str]]]] = field(default_factory=list)

    async def hand_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {"content-type": request.content_type}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.to + request.path, data=body, headers=headers) as answer,
        ):
            if answer.status == 200:
                self.took += [(one["annotations"]["event"], frozenset(one["labels"].items())) for one in _alerts(body)]
            return web.Response(status=answer.status, body=await answer.read())


def _alerts(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(body)
    return found


@asynccontextmanager
async def relayed(to: str) -> AsyncIterator[Relay]:
    relay, app = Relay(to), web.Application()
    app.router.add_post("/{path:.*}", relay.hand_on)
    async with TestServer(app) as server:
        relay.url = f"http://127.0.0.1:{server.port}"
        yield relay


class Late:
    """The two held assets: overdue while `hold` is there, and over it when it is gone."""

    def __init__(self, stage: Stage, hold: Path, real: RealAlertmanager) -> None:
        self.stage, self.hold, self.real = stage, hold, real
        self.rounds = 0

    async def run(self, enough: asyncio.Event) -> None:
        """Overdue until Alertmanager shows it, and back until it doesn't any more; again and again."""
        async with AsyncPublisher(self.stage.settings.log, "late", topics=self.stage.settings.topics) as publisher:
            while not enough.is_set():
                self.rounds += 1
                self.hold.touch()
                await publisher.publish(f"{self.stage.domain}/holds", version=str(self.rounds))
                await self._shows(2)
                self.hold.unlink()
                await self._shows(0)

    async def _shows(self, firing: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await self.real.firing(alertname=OVERDUE)) != firing:
                await asyncio.sleep(0.05)


async def ravaged(url: str, folder: Path, kills: int, say: list[str]) -> None:
    dice, hold = random.Random(SEED), folder / "hold"
    async with alertmanager(folder) as real, relayed(real.url) as relay, staged(url, folder) as stage:
        said = {"main": {"url": relay.url, "allow_private": True, "resend_ms": "5s"}}
        stage.environment |= {
            "FAULTS_HOLD": str(hold),
            "EVERFRESH_SINKS": '["log"]',
            "EVERFRESH_ALERTMANAGER": orjson.dumps(said).decode(),
        }
        await stage.start("reactor", "worker-1", "ingress", "sinks")
        late, enough = Late(stage, hold, real), asyncio.Event()
        looping = asyncio.create_task(late.run(enough))
        sinks = stage.role("sinks")
        for _ in range(kills):
            if dice.random() < 0.7:  # else it may die before it has begun
                await stage.eventually(sinks.is_ready, "sinks ready")
            await asyncio.sleep(dice.uniform(0, 4))
            sinks.kill()
            sinks.start()
        enough.set()
        await looping
        transitions = [one["event"] for one in stage.export() if one["event"]["type"].startswith("everfresh.alert.")]
        wanted = {
            one["id"] for one in transitions if not one["data"].get("inhibited_by")
        }  # those aren't told to people
        await stage.eventually(lambda: wanted <= {event for event, _ in relay.took}, "every transition delivered")
        await stage.eventually(lambda: not still_firing(real.heard), "all over for whoever it notifies")
        assert await real.firing(alertname=OVERDUE) == []
    judge(transitions, wanted, relay)
    repeats = len(relay.took) - len(set(relay.took))
    say.append(
        f"alertmanager, FAULTS_SEED={SEED}: {kills} kills, {late.rounds} times overdue and back, {len(wanted)} "
        f"transitions, each delivered under one id; {repeats} tellings more; {len(real.heard)} notifications"
    )


def judge(transitions: list[Json], wanted: set[str], relay: Relay) -> None:
    """Each transition came, and by one name for its whole episode."""
    assert wanted
    names: dict[tuple[str, int], set[frozenset[tuple[str, str]]]] = {}
    by_id = {one["id"]: (one["data"]["fingerprint"], one["data"]["episode"]) for one in transitions}
    for event, labels in relay.took:
        names.setdefault(by_id[event], set()).add(labels)
    assert names.keys() >= {by_id[event] for event in wanted}
    assert all(len(found) == 1 for found in names.values()), names
    assert len(set().union(*names.values())) == len(names), "two episodes by one name"


def still_firing(heard: list[tuple[str, dict[str, str]]]) -> list[str]:
    """What was notified as overdue, and not since as resolved."""
    last = {(one["fingerprint"], one["episode"]): how for how, one in heard if one["alertname"] == OVERDUE}
    return [f"{name} {episode}" for (name, episode), how in last.items() if how == "firing"]


@pytest.mark.timeout(400)
async def test_no_transition_is_lost_by_a_few_kills_of_the_sinks(
    broker: Broker, tmp_path: Path, say: list[str]
) -> None:
    await ravaged(broker.url, tmp_path, FEW, say)


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_no_transition_is_lost_by_twenty_kills_of_the_sinks(
    broker: Broker, tmp_path: Path, say: list[str]
) -> None:
    await ravaged(broker.url, tmp_path, MANY, say)
