"""The life of a run: granted, started, succeeded, failed, lost, rejected. A fact that doesn't fit is nothing.

Whether a fact fits depends on the journal alone, never on the planner: so any version of the planner, folding a journal
that another one wrote, comes to the same runs.
"""

from dataclasses import replace
from hashlib import blake2b

from reactors.alerts import close_alert, of_node, open_alert
from reactors.causes import WORKER_LOST, Trouble
from reactors.commits import News, commit
from reactors.domain import Domain
from reactors.durations import learn
from reactors.marking import plan_again
from reactors.outputs import is_output, want_outputs
from reactors.promises import is_needed
from reactors.reports import charge, run_ended
from reactors.requests import FAR, code_changed, end, finish, is_busy, make_ready, proceed
from reactors.results import hold, publish
from reactors.state import Hold, Made, Node, Request, Run
from reactors.timers import arm
from reactors.waves import fix_through, leave, wake_below
from streams.definitions import LOOK, Retry
from streams.events import (
    Attempt,
    MadeOutput,
    RunCancelled,
    RunFailed,
    RunGranted,
    RunLost,
    RunRejected,
    RunStarted,
    RunSucceeded,
)
from streams.keys import node_key

LOSSES_MAX = 5
"""attempts of one run whose lease may run out before the run counts as failed: it may be what kills its workers"""

_DAY_MS = 86_400_000


def run_id(incarnation: str, asset: str, partition: str, number: int) -> str:
    """The n-th run of a node has the same name under every version of the planner.

    >>> run_id("j", "shop/revenue", "", 7)
    '7-b56f4f9fdd'
    """
    return f"{number}-{blake2b(f'{incarnation} {asset} {partition}'.encode(), digest_size=5).hexdigest()}"


def next_attempt(node: Node) -> tuple[int, int]:
    """(number, attempt) of what may be granted next: the run's next attempt while it waits for one, else a new run."""
    if node.run is not None and is_busy(node):
        return node.run.number, node.run.attempt + 1
    return node.runs + 1, 1


def _fits(domain: Domain, node: Node, fact: RunGranted) -> bool:
    """By facts alone: what a planner moved without a run is no reason, or another planner would come to other runs."""
    state = domain.state
    if (node.run is not None and node.run.live) or fact.basis < max(node.touched, state.renewed_at):
        return False
    if is_output(domain, node):
        return False
    if fact.cut_at == fact.basis < state.granted_at:
        return False
    again = node.run is not None and fact.run == node.run.id and fact.attempt == node.run.attempt + 1
    fresh = fact.number == node.runs + 1 and fact.attempt == 1
    onwards = all(fact.cut.get(key, seq) >= seq for key, seq in node.granted.items())
    return (again or fresh) and onwards


def granted(domain: Domain, fact: RunGranted) -> None:
    """A grant stands in the journal: bind it, fix the waves that waited for it, and hand it to its worker."""
    node = domain.state.nodes.get(node_key(fact.asset, fact.partition))
    if node is None or not _fits(domain, node, fact):
        return
    state = domain.state
    again = node.run is not None and is_busy(node) and fact.attempt > 1
    if not again:
        if not (node.requests and node.requests[0].cut == fact.cut and not node.requests[0].waiting):
            fix_through(domain, node, fact.cut_at)
        if not (node.requests and node.requests[0].cut == fact.cut and not node.requests[0].waiting):
            _insert(domain, node, fact)
        node.requests[0].pins, node.requests[0].consistent = dict(fact.inputs), fact.consistent
        node.runs = fact.number
    before = node.run if again else None
    node.run = Run(
        id=fact.run,
        number=fact.number,
        attempt=fact.attempt,
        worker=fact.worker,
        reason=fact.reason,
        granted_at=state.now,
        begun_at=before.begun_at if before else state.now,
        lease_ms=fact.lease_ms,
        lease_until=state.now + fact.lease_ms,
        code_version=fact.code_version,
        failures=before.failures if before else 0,
        losses=before.losses if before else 0,
    )
    narrowed = node.requests[0].narrowed if again else {}  # a deploy since the first attempt has it read less
    node.touched, node.granted = state.offset, {**fact.cut, **narrowed}
    state.granted_at = max(state.granted_at, fact.cut_at)
    _fulfil(domain, node)
    domain.flights[fact.run] = node.key
    if not again and node.asset in domain.graph.observed:
        commit(domain, state.roots[LOOK + node.asset], News(fact.run, None))  # what changes from now on it may not see
    domain.say(RunGranted, fact.worker, fact)
    arm(domain, node, node.key)
    domain.touched[node.key] = None


def _fulfil(domain: Domain, node: Node) -> None:
    """Whoever commanded `materialize` before this grant has the run that was asked for."""
    node.asked_at = None
    for later in node.requests[1:]:
        later.forced = False
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    if wave is not None and wave.at is None and wave.forced == node.key:
        end(domain, wave)


def _insert(domain: Domain, node: Node, fact: RunGranted) -> None:
    """A grant that this planner didn't ask for: it binds all the same, ahead of what was asked at older cuts."""
    for request in [one for one in node.requests if one.at <= fact.cut_at]:
        leave(domain, node, request, parked=False)
    node.requests.insert(0, Request(fact.cut_at, dict(fact.cut), [], FAR, domain.state.offset))
    plan_again(domain, node)


def _live(domain: Domain, report: Attempt) -> Node | None:
    """The node whose attempt in flight this report is of; a late report is recorded as rejected and changes nothing."""
    node = domain.state.nodes.get(node_key(report.asset, report.partition))
    run = node.run if node is not None else None
    if run is not None and run.live and (run.id, run.attempt) == (report.run, report.attempt):
        return node
    if not isinstance(report, RunStarted):
        run_ended(
            domain, report, "rejected", "not the attempt in flight: it was granted again, lost or cancelled before"
        )
    return None


def _land(domain: Domain, node: Node) -> Run:
    """The attempt in flight is over, however it ended."""
    run = node.run
    if run is None:
        raise LookupError(f"{node.key} has no run")
    run.live = False
    domain.flights.pop(run.id, None)
    node.touched = domain.state.offset
    domain.touched[node.key] = None
    return run


def _worked(domain: Domain, node: Node) -> Run:
    """The same, and not for want of a worker."""
    close_alert(domain, of_node(WORKER_LOST, node), f"{node.key} lost no further worker")
    return _land(domain, node)


def started(domain: Domain, report: RunStarted) -> None:
    """The worker began."""
    node = _live(domain, report)
    if node is not None and node.run is not None:
        node.run.started = True


def succeeded(domain: Domain, report: RunSucceeded) -> None:
    """Accept the result of the attempt in flight: a new version, the same one verified, or one held back."""
    node = _live(domain, report)
    if node is None:
        return
    run, request = _worked(domain, node), node.requests[0]
    charge(domain, node.asset, (run.id, run.attempt), report.costs, domain.state.now)
    learn(domain, node, max(report.duration_ms, domain.state.now - run.begun_at))  # its retries too
    if any(request.cut.get(key, seq) < seq for key, seq in node.cut.items()):
        _overtaken(domain, node, report)
        return
    result = MadeOutput(**{name: getattr(report, name) for name in MadeOutput.model_fields})
    made = Made(run.id, run.attempt, report.started_at, report.finished_at, result)
    outputs = {key: replace(made, result=one) for key, one in report.outputs.items()}
    if outputs:
        want_outputs(domain, node, request, list(outputs))
    publish(domain, node, made, outputs)


def _overtaken(domain: Domain, node: Node, report: RunSucceeded) -> None:
    """Another planner granted this, or an old view did: here the version was found right at a newer cut meanwhile."""
    run_ended(domain, report, "rejected", "meanwhile the version before was found right at a newer cut")
    woken = finish(domain, node, node.requests[0])
    wake_below(domain, node)
    proceed(domain, woken)


def failed(domain: Domain, report: RunFailed) -> None:
    """The attempt failed: the next one after a while, or, when the retries are used up, `failing`."""
    node = _live(domain, report)
    if node is None:
        return
    run = _worked(domain, node)
    charge(domain, node.asset, (run.id, run.attempt), report.costs, domain.state.now)
    run_ended(domain, report, "failed", report.error)
    run.failures += 1
    retry = domain.definition(node).retry
    if run.failures <= retry.times:
        _again(domain, node, run, domain.state.now + pause_ms(retry, run))
    else:
        times = f" {run.failures} times, at last" if run.failures > 1 else ""
        _exhausted(domain, node, f"run {run.id} failed{times}: {report.error}")


def pause_ms(retry: Retry, run: Run) -> int:
    """How long the next attempt waits; the jitter comes from the run's name, so that a replay waits the same."""
    delay: int = retry.delay_ms * retry.backoff ** (run.failures - 1)
    dice = int.from_bytes(blake2b(f"{run.id} {run.attempt}".encode(), digest_size=4).digest(), "big")
    return delay + dice % (delay * retry.jitter_percent // 100 + 1)


def _again(domain: Domain, node: Node, run: Run, at: int) -> None:
    """The next attempt, unless a deploy came meanwhile: what another code makes of that cut is another run's to say."""
    if code_changed(domain, node):
        leave(domain, node, node.requests[0], parked=False)
        arm(domain, node, node.key)
        return
    run.retry_at = at if at > domain.state.now else 0
    arm(domain, node, node.key)
    make_ready(domain, node)


def _exhausted(domain: Domain, node: Node, reason: str) -> None:
    retry = domain.definition(node).retry
    times = node.hold.times + 1 if node.hold is not None and node.hold.kind == "failing" else 1
    cool_down = min(_DAY_MS, retry.cool_down_ms * 2 ** min(times - 1, 20))
    # Where a deploy since it began left nobody who needs it, it waits for a command.
    is_wanted = is_needed(domain, node) or node.requests[0].waves
    hold(domain, node, Hold("failing", reason, domain.state.now + cool_down if is_wanted else None))


def lost(domain: Domain, fact: RunLost) -> None:
    """The lease ran out: the next attempt, unless too many were lost."""
    node = domain.state.nodes.get(node_key(fact.asset, fact.partition))
    if node is None or node.run is None or not node.run.live or fact.basis < node.touched:
        return
    if (node.run.id, node.run.attempt) != (fact.run, fact.attempt) or domain.state.now < node.run.lease_until:
        return  # another attempt; or its worker was heard of after all
    run = _land(domain, node)
    run_ended(domain, fact, "lost", fact.reason)
    summary = f"{node.key} lost the worker of its run {run.id}: {fact.reason}"
    open_alert(domain, of_node(WORKER_LOST, node), Trouble("warn", summary, domain.state.now))
    run.losses += 1
    if run.losses < LOSSES_MAX:
        _again(domain, node, run, domain.state.now)
    else:
        _exhausted(domain, node, f"run {run.id}: {run.losses} attempts lost their worker; it may be what ends them")


def rejected(domain: Domain, report: RunRejected) -> None:
    """The worker refused the grant: the run is wanted again."""
    node = _live(domain, report)
    if node is not None:
        run = _land(domain, node)
        run_ended(domain, report, "rejected", report.reason)
        _again(domain, node, run, domain.state.now)


def cancel(domain: Domain, node: Node, reason: str) -> None:
    """End the run in flight, or the one that waits to be tried again; a late report changes nothing."""
    if node.run is None or not is_busy(node):
        return
    _stop(domain, node, _worked(domain, node), reason)
    hold(domain, node, Hold("cancelled", reason, None))


def call_off(domain: Domain, node: Node, reason: str) -> None:
    """Have the run in flight stopped of what nobody runs any more; a late report changes nothing."""
    if node.run is not None and node.run.live:
        domain.flights.pop(node.run.id)
        _stop(domain, node, node.run, reason)
        node.run, node.requests = None, []


def _stop(domain: Domain, node: Node, run: Run, reason: str) -> None:
    fact = RunCancelled(
        run=run.id,
        asset=node.asset,
        partition=node.partition,
        attempt=run.attempt,
        worker=run.worker,
        basis=domain.state.offset,
        reason=reason,
    )
    domain.say(RunCancelled, run.worker, fact)
    run_ended(domain, fact, "cancelled", reason)
