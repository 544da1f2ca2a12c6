"""Worlds of several domains on one clock: what one writes for another stands in the other's journal."""

from everfresh.testing import World
from streams.definitions import AssetDef, Manifest
from streams.events import CROSSING, DomainDelivered, DomainSubscribed, Event
from streams.policies import Eager, Within
from tests.core.worlds import derived, source


class Bridge:
    """Carries subscriptions and deliveries between worlds, in order; `again` carries the last ones once more."""

    def __init__(self, *worlds: World) -> None:
        self.worlds = {world.identity()[0]: world for world in worlds}
        self._read = dict.fromkeys(self.worlds, 0)
        self.held: set[str] = set()  # assets whose deliveries wait
        self._waiting: list[DomainDelivered] = []
        self.carry()

    def carry(self) -> None:
        """Until nobody has anything for another."""
        moved = True
        while moved:
            moved = False
            for name, world in self.worlds.items():
                fresh = world.outputs[self._read[name] :]
                self._read[name] += len(fresh)
                for output in fresh:
                    if output.model in CROSSING:
                        moved = self._hand(output.event()) or moved

    def _hand(self, event: Event) -> bool:
        if isinstance(event, DomainDelivered) and event.asset in self.held:
            self._waiting.append(event)
            return False
        self.post(event)
        return True

    def post(self, event: Event) -> None:
        assert isinstance(event, DomainSubscribed | DomainDelivered)
        world = self.worlds[event.to]
        world.append(event, event.asset if isinstance(event, DomainDelivered) else event.to)
        world.settle()

    def let_go(self) -> None:
        """What was held back arrives."""
        self.held, waiting, self._waiting = set(), self._waiting, []
        for event in waiting:
            self.post(event)
        self.carry()

    def advance(self, seconds: int) -> None:
        """Let time pass, a quarter second at a time."""
        for _ in range(seconds * 4):
            for world in self.worlds.values():
                world.advance("250ms")
            self.carry()

    def publish(self, asset: str, version: str | None = None) -> None:
        self.worlds[asset.partition("/")[0]].publish(asset, version)
        self.carry()


def domain(name: str, *assets: AssetDef) -> World:
    return World(Manifest(domain=name, deploy=1, assets=assets))


def producer(second: str = "10s") -> World:
    """up/s → up/a (eager) and up/s → up/b (within `second`): they publish at different cuts."""
    return domain(
        "up",
        source("up/s"),
        derived("up/a", "up/s", policy=Eager()),
        derived("up/b", "up/s", policy=Within(second)),
    )


def joined(promise: str = "60s", takes: str = "1s") -> World:
    """down/j reads both of up's assets."""
    world = domain("down", derived("down/j", "up/a", "up/b", policy=Within(promise), takes_ms=1_000))
    world.takes("down/j", takes)
    return world
