"""Gives an operator's command, and sees it through."""

import getpass
from dataclasses import dataclass
from uuid import uuid4

from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import key_of
from everfresh.cli.screen import note
from everfresh.cli.standing import check
from everfresh.options import meant
from everfresh.reading import Reading, caught_up
from everfresh.site import Site
from reactors.history import History, Run
from reactors.io.reactor import ROLE
from reactors.requests import is_busy, is_underway
from reactors.state import Node
from streams.errors import EverfreshError
from streams.events import Cancel, Event, Materialize, Pause, Release, Resume
from streams.keys import asset_of, partition_of

MODELS = {"materialize": Materialize, "pause": Pause, "resume": Resume, "release": Release, "cancel": Cancel}

PATIENCE_SECONDS = 5.0
"""how long a reactor may take before one wonders whether there is any"""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Given:
    """A command that stands in the journal, and the state it was folded into."""

    name: str
    asset: str  # or one partition of it
    offset: int
    reading: Reading

    @property
    def node(self) -> Node:
        """Its node now."""
        return self.reading.domain.state.nodes[self.asset]

    @property
    def run_by(self) -> Node:
        """The node whose run it is about: an output has none of its own, but its computation's."""
        return self.reading.domain.run_by(self.node)


async def order(site: Site, name: str, asset: str, reason: str) -> Given:
    """Append a command. Raises UsedWrongly for an asset that isn't there, EverfreshError where it would do nothing."""
    key = await key_of(site, asset)
    domain = key.partition("/")[0]
    reading = await caught_up(site.log, site.settings.topics, domain)
    _check(reading, name, key)
    event = MODELS[name](asset=asset_of(key), partition=partition_of(key), by=user(), reason=reason)
    offset = await appended(site, reading, event, asset_of(key))
    return Given(name, key, offset, reading)


async def appended(site: Site, reading: Reading, event: Event, subject: str) -> int:
    """Append an event to the journal that is being read, and read on to it; its offset."""
    stamp = await site.append(reading.name, event, subject, uuid4().hex)
    async for _ in reading.to_end(stamp.offset + 1):
        pass
    return stamp.offset


async def seen_through(site: Site, given: Given) -> Run | None:
    """Return once a reactor has taken the command in; for `materialize` once its run has ended: that run, if any."""
    runs = History()
    waited = 0.0
    while not await _is_taken_in(site, given) or (given.name == "materialize" and _goes_on(given)):
        folded = await given.reading.more(wait_ms=int(_LOOK_SECONDS * 1_000))
        for one in folded:
            for output in one.outputs:
                runs.take(output)
        if waited < PATIENCE_SECONDS <= waited + _LOOK_SECONDS and not await _is_taken_in(site, given):
            note("no reactor has taken it in yet; is `everfresh start` or `everfresh dev` running?")
        waited += _LOOK_SECONDS
    ended = {run.key: run for run in runs.runs}
    return ended.get(given.asset) or ended.get(given.run_by.key)  # what failed made nothing of its outputs


async def _is_taken_in(site: Site, given: Given) -> bool:
    journal = site.settings.topics.journal(given.reading.name).name
    return (await site.log.admin.positions(site.settings.topics.group(ROLE), journal)).get(0, 0) > given.offset


def _goes_on(given: Given) -> bool:
    return any(one.asked_at is not None or is_underway(one) for one in (given.node, given.run_by))


def _check(reading: Reading, name: str, key: str) -> None:
    graph, asset, partition = reading.domain.graph, asset_of(key), partition_of(key)
    if asset not in graph.assets:
        raise UsedWrongly(f"nobody declares {asset!r}; {meant(asset, graph.order)}")
    if asset in graph.sources:
        raise UsedWrongly(f"{asset!r} is a source: nobody here computes it, so there is nothing to {name}")
    parts = graph.partitioned.get(asset)
    if parts is not None and not partition:
        raise UsedWrongly(
            f"{asset!r} has partitions: name one, like '{asset}[PARTITION]'; many are brought up to date by "
            f"`everfresh backfill start {asset} --from PARTITION --to PARTITION`"
        )
    node = reading.domain.state.nodes.get(key)
    if node is None and name == "materialize" and parts is not None and parts.wrong(partition) is None:
        return
    if node is None:
        check(reading.domain, key)
        return
    run_by = reading.domain.run_by(node)
    for one in (node, run_by):
        if name == "materialize" and one.paused is not None:
            raise EverfreshError(f"{one.key!r} is {one.paused}; `everfresh resume {one.key}` lets it run")
    if name == "resume" and node.paused is None:
        raise EverfreshError(f"{key!r} isn't paused")
    if name == "release" and node.quarantine is None:
        raise EverfreshError(f"{key!r} has no version that is held back, so there is nothing to release")
    if name == "cancel" and not is_busy(run_by):
        raise EverfreshError(f"{key!r} has no run in flight or waiting, so there is nothing to cancel")


def user() -> str:
    """Who types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return ""
