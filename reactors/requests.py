"""A node wanted at a cut: what is pinned, what it still waits for, and the move that needs no run."""

from collections import deque
from collections.abc import Iterable, Mapping
from heapq import heappush

from reactors.crossing import agrees, deliver_version
from reactors.domain import Domain
from reactors.freshness import block_below, blocker, reblock
from reactors.heeding import oldest_after, wanted_at
from reactors.marking import free_below, hear_inputs, last_by, note_staleness, plan_again, try_again
from reactors.news import gone
from reactors.state import Node, Request, Root, Wave
from reactors.timers import arm
from streams.definitions import CODE
from streams.events import AssetVerified, Covers, Cut, Pin
from streams.keys import asset_of

FAR = 2**62
"""a deadline that nobody has set yet"""


def pin_root(root: Root, at: int) -> Pin:
    """A root's version at the journal's offset `at`."""
    commit = last_by(root, at)
    if commit is None:
        return Pin(version=None, cut={asset_of(root.key): 0})
    extra = commit.extra or {}
    return Pin(
        version=commit.version,
        fingerprint=commit.fingerprint,
        cut={**extra.get("cut", {}), asset_of(root.key): commit.seq},
        uri=extra.get("uri"),
        format=extra.get("format"),
        metadata=extra.get("metadata"),
    )


def pin_node(node: Node) -> Pin:
    """A node's version as it stands."""
    return Pin(
        version=node.version,
        fingerprint=node.fingerprint,
        cut=node.cut,
        uri=node.uri,
        format=node.format,
        metadata=node.metadata or None,
    )


def pins_now(domain: Domain, node: Node) -> dict[str, Pin]:
    """The newest version of each input: what a run reads whose inputs are all right at the newest cut."""
    state = domain.state
    return {
        key: pin_root(state.roots[key], state.offset) if domain.is_root(key) else pin_node(state.nodes[key])
        for key in domain.inputs(node)
    }


def is_new(pin: Pin, before: Pin | None) -> bool:
    """An input is new when its fingerprint is, or, without fingerprints, when its version is."""
    if before is None:
        return True
    if pin.fingerprint is not None and before.fingerprint is not None:
        return pin.fingerprint != before.fingerprint
    return pin.version != before.version


def may_move(node: Node, pins: Mapping[str, Pin]) -> bool:
    """None of the inputs is new, or gone: the version is right at the newer cut too, without a run."""
    if node.version is None or any(is_new(pin, node.consumed.get(key)) for key, pin in pins.items()):
        return False
    return not gone(node, pins)


def cut_of(domain: Domain, node: Node, at: int) -> Cut:
    """The cut of a node that the journal's offset `at` stands for."""
    found: Cut = {}
    for root in domain.roots_above(node, at):
        name, commit = asset_of(root.key), last_by(root, at)
        found[name] = max(found.get(name, 0), commit.seq if commit is not None else 0)
    return found


def covers_of(node: Node, cut: Cut) -> Covers:
    """The commits that a version at `cut` takes in and the one before didn't."""
    return {key: (node.cut.get(key, 0) + 1, seq) for key, seq in cut.items() if seq > node.cut.get(key, 0)}


def is_busy(node: Node) -> bool:
    """An attempt is in flight, or the run waits for its next one."""
    return node.run is not None and (node.run.live or node.run.retry_at is not None)


def is_parked(node: Node) -> bool:
    """It was tried, and failed: it waits for something new to be committed, or for somebody to want it again."""
    return node.tried_at >= 0 and node.stale_at is not None and node.since_at is None and not node.requests


def is_held(domain: Domain, node: Node) -> bool:
    """Nothing may be run through this node now. An output that was tried is brought by what its computation is at."""
    parked = is_parked(node) and not domain.run_by(node).requests
    return node.paused is not None or node.missing > 0 or parked


def is_underway(node: Node) -> bool:
    """A wave is to bring it, somebody wants it, or a run of it goes on."""
    return node.wave is not None or bool(node.requests) or is_busy(node)


def code_changed(domain: Domain, node: Node) -> bool:
    """A deploy gave the node another code than the one that its first request pins."""
    pin, code = node.requests[0].pins.get(CODE + node.asset), domain.state.roots[CODE + node.asset]
    return pin is not None and bool(code.commits) and pin.fingerprint != code.commits[-1].fingerprint


def came_later(domain: Domain, node: Node, at: int) -> bool:
    """Its code is newer than the cut `at`, or a source that it reads: what it has there is nobody's to compute."""
    roots = domain.state.roots
    if roots[CODE + node.asset].commits[-1].offset > at:
        return True
    return any(roots[key].born_at > at for key in domain.inputs(node, at) if domain.is_root(key))


def is_forced(domain: Domain, node: Node) -> bool:
    """`materialize` was commanded and has no run yet: the next one runs even if none of its inputs is new."""
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    return wave is not None and wave.forced == node.key and wave.at is None


def lacks(domain: Domain, node: Node, at: int) -> bool:
    """Neither its version is right at the cut `at`, nor is it already wanted at an equal one."""
    if node.stale_at is None or node.stale_at > at:
        return False
    planned = wanted_at(node)
    if node.tried_at <= planned:
        return node.since_at is not None and node.since_at <= at
    if planned < 0:
        return True  # nothing that came to be above it since it could first be run makes that too early
    oldest = oldest_after(domain, node, planned)  # it was tried at a newer cut since, and failed
    return oldest is not None and oldest[0] <= at


def ask(domain: Domain, node: Node, wave: Wave, at: int) -> Request:
    """Want the node at a cut, together with whoever wants it at an equal one."""
    forced = wave.forced == node.key or is_forced(domain, node)
    newest = node.requests[-1] if node.requests else None
    if (
        newest is not None
        and not lacks(domain, node, at)
        and not (forced and is_busy(node) and len(node.requests) == 1)
    ):
        if wave.id not in newest.waves:
            newest.waves.append(wave.id)
        newest.forced = newest.forced or forced
        return newest
    request = Request(at, cut_of(domain, node, at), [wave.id], FAR, domain.state.offset, forced)
    state = domain.state
    for key in domain.inputs(node, at):
        if domain.is_root(key):
            request.pins[key] = pin_root(state.roots[key], at)
        elif state.nodes[key].requests:
            request.waiting[key] = state.nodes[key].requests[-1].at
        else:
            request.pins[key] = pin_node(state.nodes[key])
            request.made = state.nodes[key].made.get(node.asset)
    node.requests.append(request)
    plan_again(domain, node)
    return request


def urge(domain: Domain, node: Node, request: Request, deadline: int) -> None:
    """Give a request a deadline; what it waits for gets one that leaves time for it."""
    stack = [(node, request, deadline)]
    while stack:
        at_node, wanted, by = stack.pop()
        if by >= wanted.deadline:
            continue
        wanted.deadline = by
        make_ready(domain, at_node)
        place = at_node.requests.index(wanted)
        if place:
            stack.append((at_node, at_node.requests[place - 1], by))
        for key, at in wanted.waiting.items():
            above = domain.state.nodes[key]
            stack.extend((above, one, by - at_node.takes) for one in above.requests if one.at == at)


def is_grantable(domain: Domain, node: Node) -> bool:
    """Its first request has all its inputs and nothing holds it up."""
    if not node.requests or node.requests[0].waiting or node.paused is not None:
        return False
    run = node.run
    if run is None or not is_busy(node):
        return True
    return not run.live and run.retry_at is not None and run.retry_at <= domain.state.now


def is_made(domain: Domain, node: Node, request: Request) -> bool:
    """A run of its computation was for this request: its checks judged it anew, even if nothing else is."""
    return request.made is not None and node.ran_at < request.at == domain.run_by(node).ran_at


def make_ready(domain: Domain, node: Node) -> None:
    """Put the node into the admission queue, if it may be granted. An output is made by its computation's run."""
    if is_grantable(domain, node) and node.asset not in domain.graph.made_by:
        first = node.requests[0]
        heappush(domain.ready, (first.deadline, first.asked, node.key))


def proceed(domain: Domain, nodes: Iterable[Node]) -> None:
    """Move on whatever can: free moves at once and down the graph, the rest into the admission queue."""
    queue = deque(nodes)
    while queue:
        node = queue.popleft()
        if not is_grantable(domain, node):
            continue
        request = node.requests[0]
        if not (request.forced or is_busy(node) or is_made(domain, node, request)) and may_move(node, request.pins):
            if agrees(domain, node, request.at):
                move(domain, node, request.cut, request.at, request.pins)
            else:  # nothing new to run with, and nothing that could be claimed
                node.tried_at = max(node.tried_at, request.at)
            queue.extend(finish(domain, node, request))
        elif node.asset in domain.graph.made_by:
            domain.arriving[node.key] = None
        else:
            make_ready(domain, node)


def move(domain: Domain, node: Node, cut: Cut, at: int, pins: dict[str, Pin]) -> None:
    """The version stands at a newer cut, without a run."""
    if domain.definition(node).asks is None:
        domain.say(AssetVerified, node.key, publication(node, None, None, pins, cut))
    stand(domain, node, cut, at, pins)
    recovered(domain, node)
    domain.wake(node.key)  # what slept as this one was held may go on


def publication(node: Node, run: str | None, attempt: int | None, pins: dict[str, Pin], cut: Cut) -> dict[str, object]:
    """What an event says of the node's version at a cut."""
    return {
        "asset": node.asset,
        "partition": node.partition,
        "version": node.version,
        "fingerprint": node.fingerprint,
        "uri": node.uri,
        "format": node.format,
        "run": run,
        "attempt": attempt,
        "inputs": pins,
        "cut": cut,
        "covers": covers_of(node, cut),
        "metadata": node.metadata,
    }


def stand(domain: Domain, node: Node, cut: Cut, at: int, pins: dict[str, Pin]) -> None:
    """The node's version is right at this cut: what is stale is what came after."""
    node.cut, node.cut_at, node.consumed, node.consistent = cut, at, pins, True
    note_staleness(domain, node)
    before, node.blocked_by = node.blocked_by, blocker(domain, node) if domain.troubled else None
    if node.blocked_by != before:
        block_below(domain, node.key)
    domain.touched[node.key] = None
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    if wave is not None and wave.at is None and wave.forced is None and node.owed_at is None:
        end(domain, wave)  # another wave's run did what this one was for
    deliver_version(domain, node)


def stand_aside(domain: Domain, node: Node, pins: dict[str, Pin]) -> None:
    """The node's version was computed from what didn't agree: it is shown, and right at no cut."""
    node.consumed, node.consistent = pins, False
    domain.touched[node.key] = None
    deliver_version(domain, node)


def recovered(domain: Domain, node: Node) -> None:
    """A good version came: whatever held the node up is over, and what was parked below it may be tried again."""
    node.quarantine = None
    if node.hold is not None or node.paused is not None:
        node.hold = None
        reblock(domain, node)
        free_below(domain, node)
    else:
        try_again(domain, node)


def finish(domain: Domain, node: Node, request: Request) -> list[Node]:
    """A request is met: hand its version to those that wait for it. Returns the nodes that may go on."""
    node.requests.remove(request)
    pin = pin_node(node)
    woken = [node]
    for reader in domain.readers(node.key):
        for wanted in reader.requests:
            if wanted.waiting.get(node.key) == request.at:
                del wanted.waiting[node.key]
                wanted.pins[node.key], wanted.made = pin, node.made.get(reader.asset)
                woken.append(reader)
        hear_inputs(domain, reader)
    for name in request.waves:
        drop_out(domain, node, domain.state.waves[name])
    plan_again(domain, node)
    return woken


def drop_out(domain: Domain, node: Node, wave: Wave) -> None:
    """The node is done with a wave, or has left it. A wave that waits for nobody is over."""
    if node.key in wave.left:
        del wave.left[node.key]
    if node.wave == wave.id:
        node.wave = None
        arm(domain, node, node.key)
    if not wave.left:
        end(domain, wave)


def end(domain: Domain, wave: Wave) -> None:
    """Forget a wave; its targets fall due again."""
    for key in wave.targets:
        node = domain.state.nodes.get(key)
        if node is not None and node.wave == wave.id:
            node.wave = None
            arm(domain, node, key)
            domain.touched[key] = None
    domain.state.waves.pop(wave.id, None)
    domain.floating.pop(wave.id, None)
    domain.sleeping.pop(wave.id, None)
