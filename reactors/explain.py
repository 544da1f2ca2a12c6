"""What is known of a node, in words: its verdict, why it is (not) running, when it will, what it waits for."""

from collections import Counter
from shlex import quote
from typing import Any

from reactors.crossing import disagreement
from reactors.domain import Domain
from reactors.freshness import judge
from reactors.heeding import owes_only_a_look
from reactors.outputs import is_output
from reactors.promises import held_until, is_promised, limited, promise_ms
from reactors.requests import is_busy
from reactors.state import Node, at_work
from streams.definitions import PSEUDO
from streams.policies import Within
from streams.units import readable, rfc3339

WAYS_OUT = {
    "failing": "mend what failed, then `everfresh materialize {key}` tries it again; `everfresh dev` does it by itself",
    "quarantined": "`everfresh release {key}` lets that version through; a new version is judged anew",
    "paused": "`everfresh resume {key}` lets it run",
    "cancelled": "it runs again when something new comes; `everfresh materialize {key}` runs it now",
    "blocked": "`everfresh explain {cause}` says what is wrong there",
    "infeasible": "promise more time, or make what it runs faster",
}
"""verdict, or what a node is held for → what its owner may do about it"""


def describe(domain: Domain, key: str, clock: int) -> dict[str, Any]:
    """The node as data: verdict, lag and promise in ms, instants in ms, version, uri, cut, reason. Raises KeyError."""
    node = domain.state.nodes[key]
    verdict, reason = judge(domain, node)
    return {
        "asset": node.asset,
        "partition": node.partition,
        "verdict": verdict,
        "lag": 0 if node.stale_since is None else clock - node.stale_since,
        "promise": promise_ms(domain, node),
        "stale_since": node.stale_since,
        "due_at": node.wake_at,
        "version": node.version,
        "uri": node.uri,
        "cut": dict(node.cut),
        "runs": domain.run_by(node).runs,
        "reason": reason,
    }


WORST = ("paused", "quarantined", "failing", "blocked", "overdue", "infeasible", "stale", "unknown", "fresh")
"""verdicts of partitions: an asset has the first that any of them has"""


def describe_partitions(domain: Domain, asset: str, clock: int) -> dict[str, Any]:
    """The same of an asset by all its partitions: the worst verdict, the largest lag, how many there are of each."""
    told = [describe(domain, key, clock) for key in domain.links.members(asset)]
    count = Counter(one["verdict"] for one in told)
    verdicts = {name: count[name] for name in WORST if count[name]}
    definition = domain.graph.assets[asset]
    return {
        "asset": asset,
        "verdict": next(iter(verdicts), "unknown"),
        "lag": max((one["lag"] for one in told), default=0),
        "promise": definition.policy.lag_ms if isinstance(definition.policy, Within) else None,
        "stale_since": min((one["stale_since"] for one in told if one["stale_since"] is not None), default=None),
        "due_at": min((one["due_at"] for one in told if one["due_at"] is not None), default=None),
        "version": None,
        "uri": None,
        "cut": {},
        "runs": sum(one["runs"] for one in told),
        "partitions": verdicts,
        "reason": ", ".join(f"{number} {name}" for name, number in verdicts.items()) or "no partition was touched yet",
    }


def explain(domain: Domain, key: str, clock: int) -> list[str]:
    """Sentences on the node: what it is now, what it waits for, and what comes next. Raises KeyError."""
    node = domain.state.nodes[key]
    verdict, reason = judge(domain, node)
    said = [f"{key} is {verdict}: {reason}."]
    if verdict in WAYS_OUT:
        said.append(_sentence(way_out(verdict, key, node)))
    if node.hold is not None and node.hold.until is not None:
        said.append(f"It is tried again by itself at {rfc3339(node.hold.until)}.")
    said.extend(_made_with(domain, node))
    looked = owes_only_a_look(domain, node)
    if node.version is not None:
        cut = ", ".join(f"{root} {seq}" for root, seq in node.cut.items() if not root.startswith(PSEUDO))
        lies = f", and lies at {node.uri}" if node.uri is not None else ""
        right = f"right at {cut}" if cut else "what was found" if looked else "right at its code alone"
        if not node.consistent:
            right = "made from inputs that didn't agree, so right at no cut"
        said.append(f"Its version {node.version} is {right}{lies}.")
    if node.stale_since is not None:
        ago = readable(max(0, clock - node.stale_since))
        what = "Its source was last looked at" if looked else "It is stale since"
        said.append(f"{what} {rfc3339(node.stale_since)}, {ago} ago.")
    held_by = limited(domain, node)
    if held_by is not None and held_by != reason:
        said.append(_sentence(held_by))
    said.extend(_running(node, clock))
    torn = disagreement(domain, node, domain.state.offset) if node.stale_at is not None else None
    said.extend(_waiting(domain, node, torn))
    if node.wake_at is not None:
        ahead = node.wake_at - clock
        when = f"in {readable(ahead)}" if ahead > 0 else "now"
        said.append(f"Its next wave is due at {rfc3339(node.wake_at)} ({when}).")
    elif not node.requests and node.wave is None and verdict in ("stale", "unknown"):
        said.append(_why_not(domain, node))
    return said


def _made_with(domain: Domain, node: Node) -> list[str]:
    """Where one run makes several assets: which."""
    if is_output(domain, node):
        return [f"A run of {domain.graph.made_by[node.asset]!r} makes it."]
    outputs = domain.definition(node).outputs
    return [f"Its run makes {', '.join(map(repr, outputs))}."] if outputs else []


def way_out(verdict: str, key: str, node: Node) -> str:
    """What its owner may do about a verdict that nobody likes."""
    return WAYS_OUT[verdict].format(key=quote(key), cause=quote(node.blocked_by or ""))


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."


def _running(node: Node, clock: int) -> list[str]:
    run = node.run
    if run is None or not is_busy(node):
        return []
    if run.live:
        since = readable(max(0, clock - run.granted_at))
        return [f"Run {run.id}, attempt {run.attempt}, is with worker {run.worker!r} since {since}: {run.reason}."]
    when = f"at {rfc3339(run.retry_at)}" if run.retry_at else "as soon as a worker is free"
    return [f"Run {run.id} is tried again {when}, after {run.failures} failures."]


def _waiting(domain: Domain, node: Node, torn: str | None) -> list[str]:
    """What it waits for. `torn`: what of other domains doesn't agree."""
    wave = domain.state.waves.get(node.wave or "")
    floats = wave is not None and wave.at is None
    until = wave.patient_until if wave is not None and floats and torn is not None else 0
    said = []
    if wave is not None and floats and not until:
        said.append(f"Its wave has begun ({wave.reason}) and waits for a free slot, or for a run upstream to end.")
    for request in node.requests:
        if request.waiting:
            said.append(f"It waits for {', '.join(map(repr, request.waiting))} at the wave's cut.")
        elif not is_busy(node):
            said.append("It is ready and waits for a worker with a free slot and its code version.")
    if (wave is not None or node.requests) and not is_busy(node):
        policy, held = domain.definition(node).policy, held_until(domain, node, domain.state.now)
        if held > domain.state.now:
            why = f"its hours are {policy.hours.text}" if policy.hours else "it ran lately"
            why = "of the budget" if limited(domain, node) is not None else why
            said.append(f"It may not run before {rfc3339(held)}: {why}.")
        said.extend(_nobody(domain, node))
    if torn is not None:
        waits = f"; it waits until {rfc3339(until)}, and runs then on what there is" if until else ""
        said.append(f"What it reads of other domains doesn't agree: {torn}{waits}.")
    return said


def _nobody(domain: Domain, node: Node) -> list[str]:
    """No worker that could run it was heard of lately: one has to be started."""
    there, wanted = at_work(domain.state), domain.definition(node).code_version
    if not there:
        return ["No worker was heard of lately; `everfresh start worker --app APP` starts one."]
    if any(one.code_versions.get(node.asset) == wanted for one in there):
        return []
    known = sorted({repr(one.code_versions[node.asset]) for one in there if node.asset in one.code_versions})
    theirs = f"{', '.join(known)} only" if known else "none of it"
    way_out = "`everfresh start worker --app APP` starts one with the code as it is now"
    return [f"No worker has its code version {wanted!r}, they have {theirs}; {way_out}."]


def _why_not(domain: Domain, node: Node) -> str:
    if node.missing:
        absent = [root.key for root in domain.roots_above(node) if not root.exists]
        return f"It can't run before {', '.join(map(repr, absent))} was published once."
    policy = domain.definition(node).policy.kind
    if policy == "manual":
        return "Its policy is Manual: it runs on `everfresh materialize` only."
    if domain.graph.is_unneeded(node.asset):
        return "Its policy is OnDemand, and no promise needs it: it runs on `everfresh materialize` only."
    if policy == "on_demand":
        return "Its policy is OnDemand: it runs when an asset downstream with a promise needs it."
    if not is_promised(domain, node):
        return "Its policy's lookback leaves it out: it runs on `everfresh materialize` and by a backfill only."
    return "It was tried and is not tried again before something new is committed."
