"""The outputs of a computation, which makes several assets in one run: wanted with it, published by what it made."""

from reactors.domain import Domain
from reactors.marking import plan_again
from reactors.requests import FAR, pin_node, pin_root
from reactors.state import Node, Request
from streams.definitions import CODE
from streams.events import Cut


def is_output(domain: Domain, node: Node) -> bool:
    """A computation's run makes it; it has none of its own."""
    return node.asset in domain.graph.made_by


def want_outputs(domain: Domain, node: Node, request: Request, outputs: list[str]) -> None:
    """A run of the computation is over: each output that is there takes what it made, whether somebody asked or not."""
    for asset in outputs:
        output = domain.node(asset, node.partition) if domain.graph.made_by.get(asset) == node.asset else None
        if output is None:
            continue
        waiting = [one for one in output.requests if one.waiting.get(node.key) == request.at]
        first = output.requests[0].at if output.requests else FAR
        if output.paused is None and not waiting and first > request.at > output.cut_at:
            waiting = [_wanted(domain, output, request.at, request.cut)]
            waiting[0].waiting[node.key] = request.at
            output.requests.insert(0, waiting[0])
            plan_again(domain, output)
        for one in waiting:
            one.consistent = request.consistent


def catch_up(domain: Domain, node: Node) -> None:
    """An output was held while its computation ran: it takes what that made last."""
    above = domain.run_by(node)
    request = _wanted(domain, node, above.cut_at, above.cut)
    request.pins[above.key], request.made = pin_node(above), above.made.get(node.asset)
    request.consistent = above.consistent
    node.requests.insert(0, request)
    plan_again(domain, node)
    domain.arriving[node.key] = None


def _wanted(domain: Domain, node: Node, at: int, cut: Cut) -> Request:
    """A request of an output at its computation's cut, by no wave. A deploy may have put others above both since."""
    code = CODE + node.asset
    pin = pin_root(domain.state.roots[code], at)
    return Request(at, {**cut, **pin.cut}, [], FAR, domain.state.offset, pins={code: pin})
