"""Backfills: a range of partitions brought up to date, so many at once, beside what promises ask for."""

from reactors.commits import partition_named
from reactors.domain import Domain
from reactors.growth import node_of
from reactors.marking import try_again
from reactors.requests import end, is_busy, is_underway
from reactors.state import BackfillState, Node
from reactors.waves import start
from streams.errors import BadEvent
from streams.events import Backfill, BackfillChanged, BackfillStatus, BackfillSteered
from streams.keys import asset_of, node_key

KEPT = 20
"""backfills that are over and still known"""

YIELDS_MS = 86_400_000
"""its runs come after whatever is promised within so long"""

_WANTED: dict[str, BackfillStatus] = {"pause": "paused", "resume": "running", "cancel": "cancelled"}


def commanded(domain: Domain, command: Backfill) -> None:
    """A backfill begins. Raises BadEvent where the asset has no such partitions."""
    asset = domain.graph.made_by.get(command.asset, command.asset)  # an output has no run of its own
    parts = domain.graph.partitioned.get(asset)
    if asset not in domain.graph.inputs or parts is None:
        raise BadEvent(f"backfill of {asset!r}: no such asset with partitions is computed in {domain.name!r}")
    try:
        ranged = list(parts.within(command.first, command.last)) if command.first else []
    except ValueError as error:
        raise BadEvent(f"backfill of {asset!r}: {error}") from None
    named = [partition_named(domain, asset, one, "backfill") for one in command.partitions]
    left = list(dict.fromkeys([*ranged, *named]))
    if not left:
        raise BadEvent(f"backfill of {asset!r}: it names no partition")
    state = domain.state
    name = f"b{state.offset}"
    one = BackfillState(name, asset, len(left), command.slots, command.force, state.offset, command.by)
    state.backfills[name], one.left = one, left[::-1]
    for over in [key for key, old in state.backfills.items() if old.is_over][:-KEPT]:
        del state.backfills[over]
    _tell(domain, one)
    _advance(domain, one)


def steered(domain: Domain, said: BackfillSteered) -> None:
    """A backfill is paused, resumed or cancelled; what is in flight goes on, what waits for a slot doesn't begin.

    Raises BadEvent where there is none.
    """
    one = domain.state.backfills.get(said.backfill)
    if one is None or one.is_over:
        why = "there is no such backfill" if one is None else f"it is {one.status} already"
        raise BadEvent(f"{said.action} of backfill {said.backfill!r}: {why}")
    wanted = _WANTED[said.action]
    if wanted == one.status:
        return
    one.status = wanted
    if wanted != "running":
        ended = [name for name in one.active if _end_wave(domain, domain.node(one.asset, name), one)]
        one.left.extend(reversed(ended))
        one.active = {name: runs for name, runs in one.active.items() if name not in ended}
    if wanted == "cancelled":
        one.left, one.active = [], {}
    _tell(domain, one)
    _advance(domain, one)


def follow(domain: Domain) -> bool:
    """An entry was folded: whatever partition is through makes room for the next one. Tells whether any goes on."""
    going = [one for one in domain.state.backfills.values() if not one.is_over]
    for one in going:
        _advance(domain, one)
    return bool(going)


def replanned(domain: Domain) -> None:
    """A deploy dropped all plans: what was being worked on is begun again, unless its run is in flight already.

    What isn't declared is left out.
    """
    for one in domain.state.backfills.values():
        if one.is_over:
            continue
        parts = domain.graph.partitioned.get(one.asset) if one.asset in domain.graph.inputs else None
        if parts is None:
            one.status, one.left, one.active = "cancelled", [], {}
            _tell(domain, one)
            continue
        before = len(one.left) + len(one.active)
        flying = [name for name in one.active if _is_in_flight(domain.node(one.asset, name))]
        again = [*one.left, *reversed([name for name in one.active if name not in flying])]
        one.left = [name for name in again if parts.wrong(name) is None]
        one.active = dict.fromkeys(name for name in flying if parts.wrong(name) is None)
        one.total -= before - len(one.left) - len(one.active)
        _end(domain, one)  # no node of it may be there any more whose entry would look at it again


def _is_in_flight(node: Node | None) -> bool:
    return node is not None and node.run is not None and node.run.live


def _advance(domain: Domain, one: BackfillState) -> None:
    for partition in list(one.active):
        node = domain.node(one.asset, partition)
        if node is not None and not one.force and _is_right_since(node, one.asked):
            _end_wave(domain, node, one)
        if node is None or not is_underway(node):
            runs = one.active.pop(partition)
            if node is not None and _is_owed(node, runs):
                one.left.append(partition)
            else:
                _ended(one, node, partition)
    while one.status == "running" and one.left and len(one.active) < one.slots:
        _begin(domain, one, one.left.pop())
    _end(domain, one)


def _end(domain: Domain, one: BackfillState) -> None:
    """Where nothing is left of it, it is done."""
    if one.status == "running" and not one.left and not one.active:
        one.status = "done"
        _tell(domain, one)


def _begin(domain: Domain, one: BackfillState, partition: str) -> None:
    """Set off the partition's wave, unless there is nothing to wait for."""
    key = node_key(one.asset, partition)
    if key not in domain.state.nodes:
        lacking = _lacking(domain, one.asset, partition)
        if lacking is not None:
            one.failed[partition] = lacking
            return
    node = node_of(domain, key)
    is_right = (node.version is not None and node.owed_at is None) or _is_right_since(node, one.asked)
    if node.ran_at >= one.asked if one.force else is_right:  # somebody else's run may have done it meanwhile
        one.done += 1
        return
    if node.missing or node.paused is not None:
        _ended(one, node, partition)
        return
    one.active[partition] = None
    if one.force and is_busy(node) and node.requests[0].at >= one.asked:
        return  # the run that was asked for is in flight
    if node.wave is not None:
        one.active[partition] = node.runs if one.force else None
    else:
        try_again(domain, node)
        wave = start(domain, node, _reason(one), forced=one.force)
        wave.deadline = max(wave.deadline, domain.state.now + YIELDS_MS)


def _is_right_since(node: Node, asked: int) -> bool:
    return node.version is not None and node.cut_at >= asked


def _end_wave(domain: Domain, node: Node | None, one: BackfillState) -> bool:
    """Nothing more is run for it that has no cut yet; a run that newer commits have overtaken may be in flight."""
    wave = domain.state.waves.get(node.wave) if node is not None and node.wave is not None else None
    if wave is None or wave.at is not None or wave.reason != _reason(one):
        return False
    end(domain, wave)
    return True


def _reason(one: BackfillState) -> str:
    by = f" by {one.by}" if one.by else ""
    return f"backfill {one.name}{by}"


def _is_owed(node: Node, runs: int | None) -> bool:
    """It was to be run, and another's wave that it was left to found that it needn't be. `runs`: as it was left so."""
    return node.runs == runs and not node.missing and _stands(node)


def _stands(node: Node) -> bool:
    """It has a version, and nothing holds it up."""
    return node.version is not None and node.hold is None and node.paused is None


def _lacking(domain: Domain, asset: str, partition: str) -> str | None:
    """Why there is nothing yet to compute the partition from; None where there is."""
    roots, empty = domain.links.above(asset, partition)
    for key in roots:
        root, definition = domain.state.roots.get(key), domain.graph.assets.get(asset_of(key))
        if not (root is not None and root.exists) and not (definition is not None and definition.exists):
            return f"{key!r} was never published"
    return "an input has no partition yet that it reads" if empty else None


def _ended(one: BackfillState, node: Node | None, partition: str) -> None:
    if node is not None and _stands(node):
        one.done += 1
    else:
        one.failed[partition] = _why(node)


def _why(node: Node | None) -> str:
    if node is None:
        return "it is declared no more"
    if node.paused is not None:
        return node.paused
    if node.hold is not None:
        return node.hold.reason
    if node.missing:
        return "not each of its inputs has a version"
    return f"{node.blocked_by!r} above it is held" if node.blocked_by is not None else "its wave came to nothing"


def _tell(domain: Domain, one: BackfillState) -> None:
    fields = {
        "backfill": one.name,
        "asset": one.asset,
        "status": one.status,
        "total": one.total,
        "done": one.done,
        "failed": len(one.failed),
        "by": one.by,
    }
    domain.say(BackfillChanged, one.asset, fields)
