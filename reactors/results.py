"""What becomes of a result: published, verified as the same, or held back by a check until somebody releases it."""

from reactors.commits import count_publication
from reactors.crossing import agrees
from reactors.domain import Domain
from reactors.freshness import reblock
from reactors.marking import hear_inputs, plan_again
from reactors.measured import allow, remember
from reactors.outputs import catch_up
from reactors.reports import publish_checks
from reactors.requests import (
    finish,
    is_made,
    is_new,
    may_move,
    pins_now,
    proceed,
    publication,
    recovered,
    stand,
    stand_aside,
)
from reactors.state import Hold, Made, Node, Quarantine, Request
from reactors.timers import arm
from reactors.waves import leave, park, wake_below
from streams.definitions import Retry
from streams.events import AssetMaterialized, AssetQuarantined, AssetReleased, AssetVerified, Pin


def publish(domain: Domain, node: Node, made: Made, outputs: dict[str, Made] | None = None) -> None:
    """Accept what was made at the node's first request: a new version, the same one verified, or one held back.

    `outputs`: of a computation, what it made of each of its assets.
    """
    request, result = node.requests[0], made.result
    version = result.version or made.run
    asks = domain.definition(node).asks
    publish_checks(domain, node, made.run, version, result.checks)
    if asks is None and any(check.holds_back for check in result.checks):
        _quarantine(domain, node, made)
        return
    new = is_new(Pin(version=version, fingerprint=result.fingerprint), _current(node))
    if new:
        remember(domain, node, version, result.checks, held=False)
        node.version, node.fingerprint = version, result.fingerprint
        node.uri, node.format, node.metadata = result.uri, result.format, result.metadata
    node.made, node.ran_at = outputs or {}, request.at
    fields = publication(node, made.run, made.attempt, request.pins, request.cut)
    fields |= {"started_at": made.started_at, "finished_at": made.finished_at, "metadata": result.metadata}
    fields |= _claimed(node, request.consistent)
    if asks is None:  # a check's answers were all there is to tell
        domain.say(AssetMaterialized if new else AssetVerified, node.key, fields)
    if request.consistent:
        stand(domain, node, request.stands_for, request.at, request.pins)
    else:
        stand_aside(domain, node, request.pins)
    woken = finish(domain, node, request)
    recovered(domain, node)
    # What it reads may be tried again at that very cut, after a deploy: then so is this.
    if not (request.consistent or any(_is_planned(one, request.at) for one in domain.derived_inputs(node))):
        park(domain, node, request.at)
    if new:
        count_publication(domain, node)
    wake_below(domain, node)
    proceed(domain, woken)


def _is_planned(node: Node, at: int) -> bool:
    return node.since_at is not None and node.since_at <= at


def publish_outputs(domain: Domain) -> None:
    """Publish what computations made of their outputs, until none is left."""
    while domain.arriving:
        key = next(iter(domain.arriving))
        del domain.arriving[key]
        node = domain.state.nodes.get(key)
        request = node.requests[0] if node is not None and node.requests else None
        if node is None or request is None or request.waiting or node.paused is not None:
            continue
        held = node.quarantine
        if request.made is None:  # its computation runs code that knows nothing of it
            leave(domain, node, request)
        elif held is not None and held.run == request.made.run:  # that is right at the newer cut, and judged already
            held.cut_at, held.cut, held.pins = request.at, request.cut, request.pins
            leave(domain, node, request)
        elif _is_torn(domain, node, request):
            leave(domain, node, request)
            if not may_move(node, pins_now(domain, node)):
                catch_up(domain, node)
        else:
            publish(domain, node, request.made)


def _is_torn(domain: Domain, output: Node, request: Request) -> bool:
    """What its computation reads of other domains doesn't agree at that cut, so neither ran for it nor moved there."""
    if request.at <= domain.run_by(output).cut_at or is_made(domain, output, request):
        return False
    return not agrees(domain, output, request.at)


def _claimed(node: Node, consistent: bool) -> dict[str, object]:
    """What was made from what didn't agree is right at no cut: it claims none but that of the version before."""
    return {} if consistent else {"consistent": False, "cut": dict(node.cut), "covers": {}}


def _current(node: Node) -> Pin | None:
    return Pin(version=node.version, fingerprint=node.fingerprint) if node.version is not None else None


def _quarantine(domain: Domain, node: Node, made: Made) -> None:
    request, result = node.requests[0], made.result
    version = result.version or made.run
    failed = [one for one in result.checks if one.holds_back]
    remember(domain, node, version, result.checks, held=True)
    fields = publication(node, made.run, made.attempt, request.pins, request.cut)
    fields |= {"version": version, "fingerprint": result.fingerprint, "uri": result.uri, "format": result.format}
    fields |= {"started_at": made.started_at, "finished_at": made.finished_at, "metadata": result.metadata}
    fields |= _claimed(node, request.consistent)
    domain.say(AssetQuarantined, node.key, fields)
    node.quarantine = Quarantine(
        version,
        result.fingerprint,
        result.uri,
        result.format,
        made.run,
        request.at,
        request.stands_for,
        request.pins,
        request.consistent,
    )
    reason = "; ".join(f"check {one.check!r}: {one.outcome}" for one in failed)
    hold(domain, node, Hold("quarantined", f"version {version} is held back by {reason}", None))


def release(domain: Domain, node: Node) -> None:
    """An operator lets the quarantined version through."""
    held = node.quarantine
    if held is None:
        return
    node.version, node.fingerprint, node.uri, node.format = held.version, held.fingerprint, held.uri, held.format
    fields = publication(node, held.run, None, held.pins, held.cut)
    fields |= _claimed(node, held.consistent)
    domain.say(AssetReleased, node.key, fields)
    allow(domain, node, held.version)
    node.touched = domain.state.offset
    if held.consistent:
        stand(domain, node, held.cut, held.cut_at, held.pins)
    else:
        stand_aside(domain, node, held.pins)
    plan_again(domain, node)
    recovered(domain, node)
    for reader in domain.readers(node.key):
        hear_inputs(domain, reader)
    count_publication(domain, node)
    wake_below(domain, node)


def hold(domain: Domain, node: Node, why: Hold) -> None:
    """The node's request is given up; it and what is below it leave their waves."""
    if why.kind != "cancelled":
        again = node.hold is not None and node.hold.kind == why.kind
        why.times = node.hold.times + 1 if again and node.hold is not None else 1
        why.pause_until = domain.state.now + _pause_of_hold(domain.definition(node).retry, why.times)
    node.hold = why
    request = node.requests[0]
    if node.run is not None:
        node.run.retry_at = None
    leave(domain, node, request)
    reblock(domain, node)
    arm(domain, node, node.key)


def _pause_of_hold(retry: Retry, times: int) -> int:
    """How long the node rests whatever is new: none the first time, then the retries' delay, doubling to the cool-down.

    The first time it may be that what is new mends it, and the promise counts on.
    """
    return 0 if times == 1 else min(retry.cool_down_ms, retry.delay_ms * 2 ** min(times - 2, 30))
