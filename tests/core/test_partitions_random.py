"""Random changes of a partitioned graph: every value is what a look at the sources alone would make of it."""

from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import blake2b

from hypothesis import given, settings
from hypothesis import strategies as st

from everfresh.simulated import SimulatedWorker
from everfresh.testing import World
from reactors.ports import Done
from streams.events import RunGranted
from streams.partitions import Last
from streams.policies import Eager, Within
from tests.core.test_partitions import DAYS, MONTHS, parted
from tests.core.worlds import domain_of, source

DAY_NAMES = [(date(2013, 1, 29) + timedelta(days=day)).isoformat() for day in range(6)]  # over the end of a month


class Computing(SimulatedWorker):
    """A run's fingerprint tells all that it read."""

    def _made(self, grant: RunGranted) -> Done:
        pins = {key: pin for key, pin in sorted(grant.inputs.items()) if "code:" not in key}
        read = [f"{key}={pin.version if 'd/s' in key else pin.fingerprint or pin.version}" for key, pin in pins.items()]
        return Done(fingerprint=digest(f"{grant.asset}[{grant.partition}]", read))

    def _as_told(self, grant: RunGranted, made: Done) -> Done:
        return made


class Play(World):
    def _crew(self, compute: bool) -> SimulatedWorker:
        return Computing(self)


def digest(name: str, read: list[str]) -> str:
    return blake2b("\n".join([name, *read]).encode(), digest_size=6).hexdigest()


def story() -> st.SearchStrategy[list[tuple[str, str]]]:
    changes = st.tuples(st.just("s"), st.sampled_from(DAY_NAMES))
    return st.lists(
        st.one_of(changes, changes, changes, st.tuples(st.sampled_from(["u", "wait", "crash"]), st.just("")))
    )


@settings(max_examples=150, deadline=None)
@given(story=story(), slots=st.sampled_from([0, 1, 3]), takes=st.sampled_from(["0s", "7s"]))
def test_every_partition_ends_as_the_sources_alone_would_have_it(
    story: list[tuple[str, str]], slots: int, takes: str
) -> None:
    world = Play(
        domain_of(
            source("d/s", partitions=DAYS),
            source("d/u", exists=True),
            parted("d/a", "d/s", "d/u", takes_ms=takes),
            parted("d/week", ("d/a", Last(3)), policy=Eager(), takes_ms=takes),
            parted("d/month", "d/a", parts=MONTHS, policy=Within("5m"), takes_ms=takes),
            parted("d/all", "d/s", parts=None, policy=Within("10m"), takes_ms=takes),
        )
    )
    if slots:
        world.slots(slots)
    sources: dict[str, str] = {}
    for number, (kind, day) in enumerate(story):
        if kind == "wait":
            world.advance("3m")
        elif kind == "crash":
            world.crash()
            world.restart()
        else:
            name = f"d/s[{day}]" if day else "d/u"
            sources[name] = f"v{number}"
            world.publish("d/u" if kind == "u" else "d/s", version=f"v{number}", partition=day or None)
            world.advance("1s")
    world.advance("1h")
    domain = world._up()
    wanted = dict(from_scratch(sources))
    assert {key: node.fingerprint for key, node in domain.state.nodes.items() if node.version} == wanted
    assert all(node.stale_at is None for key, node in domain.state.nodes.items() if key in wanted)
    for before, run in pairs(world):
        assert {key: pin.version for key, pin in before.items()} != {key: pin.version for key, pin in run.items()}


def from_scratch(sources: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Node → fingerprint, by the names of days alone."""
    days = sorted(key[4:-1] for key in sources if key.startswith("d/s["))
    rates = sources.get("d/u")
    a = {day: digest(f"d/a[{day}]", [f"d/s[{day}]={sources[f'd/s[{day}]']}", f"d/u={rates}"]) for day in days}
    yield from ((f"d/a[{day}]", value) for day, value in a.items())
    for month in {day[:7] for day in days}:
        read = [f"d/a[{day}]={value}" for day, value in a.items() if day.startswith(month)]
        yield f"d/month[{month}]", digest(f"d/month[{month}]", read)
    for reader in {(date.fromisoformat(day) + timedelta(days=ahead)).isoformat() for day in days for ahead in range(3)}:
        last = [(date.fromisoformat(reader) - timedelta(days=back)).isoformat() for back in (2, 1, 0)]
        yield f"d/week[{reader}]", digest(f"d/week[{reader}]", [f"d/a[{day}]={a[day]}" for day in last if day in a])
    if days:
        newest = max((int(value[1:]) for key, value in sources.items() if key != "d/u"))
        yield "d/all", digest("d/all[]", [f"d/s=v{newest}"])


def pairs(world: World) -> Iterator[tuple[dict, dict]]:  # type: ignore[type-arg]
    """The inputs of each two runs of a node, one after the other."""
    last: dict[str, dict] = {}  # type: ignore[type-arg]
    for run in world.runs():
        if run.outcome in ("materialized", "verified"):
            key = f"{run.asset}[{run.partition}]"
            if key in last:
                yield last[key], run.inputs
            last[key] = run.inputs
