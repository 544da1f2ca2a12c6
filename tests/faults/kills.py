"""Kills each role in turn at moments that the dice choose, and writes down what it was at."""

import asyncio
import random
from dataclasses import dataclass

from tests.faults.roles import Role
from tests.faults.stage import Stage

MOMENTS = {
    "reactor": ("run.granted", "run.succeeded", "timer.fired", ""),
    "worker": ("run.started", "run.granted", ""),
    "ingress": ("asset.changed", ""),
}
"""what is waited for before a kill, so that many land amid an append; "" is any moment"""


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL. `at` is the instant, in ms, after which the process did nothing any more."""

    role: str
    kind: str
    moment: str
    at: int
    end: int  # the journal's next offset, as far as was seen
    flying: int  # attempts in flight, this worker's own or anyone's
    back_ms: int  # until its successor's first sign in the journal


async def rampage(stage: Stage, names: tuple[str, ...], rounds: int, dice: random.Random) -> list[Kill]:
    """Kill each of these roles in turn, `rounds` times; each is started again at once, and let come to work."""
    return [await kill(stage, stage.role(name), dice) for _ in range(rounds) for name in names]


async def kill(stage: Stage, role: Role, dice: random.Random) -> Kill:
    """Kill it at a moment that the dice choose, start it again, wait for its first sign."""
    moment = dice.choice(MOMENTS.get(role.kind, ("",)))
    await asyncio.sleep(dice.uniform(0.1, 1.0))
    if moment:
        mine = f"{role.name}-{role.pid}-" if role.kind == "worker" else ""
        await stage.tail.next(lambda seen: seen.kind == moment and str(seen.data.get("worker", "")).startswith(mine))
        await asyncio.sleep(dice.choice((0, 0, dice.uniform(0, 0.01))))
    flying = list(stage.tail.flying.values())
    if role.kind == "worker":
        flying = [worker for worker in flying if worker.startswith(f"{role.name}-{role.pid}-")]
    at = role.kill()
    end = stage.tail.seen[-1].offset + 1
    role.start()
    sign = await stage.back(role, end)
    return Kill(role.name, role.kind, moment, at, end, len(flying), sign.at - at)
