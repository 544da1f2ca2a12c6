"""What `materialize` commanded, from the command until a run of it is granted, across deploys."""

from collections.abc import Iterator

from reactors.domain import Domain
from reactors.graph import Graph
from reactors.requests import is_busy
from reactors.state import Node, Wave
from reactors.waves import start
from streams.keys import node_key

Asked = dict[str, str]
"""node → by whom its run is commanded"""


def take_up(domain: Domain, node: Node) -> None:
    """Set off the wave of a node that was commanded to run: it does even if nothing is new."""
    start(domain, node, _reason(node), forced=True)


def set_aside(domain: Domain, graph: Graph) -> Asked:
    """Whatever waits for its run when a deploy comes, by the node that runs it on the graph to come."""
    found: Asked = {}
    for node in list(_waiting(domain)):
        found[node_key(graph.made_by.get(node.asset, node.asset), node.partition)] = node.asked_by
        node.asked_at = None  # by the new graph it may be an output, which has no run of its own
    return found


def ask_again(domain: Domain, asked: Asked) -> None:
    """A deploy loses no command, unless it takes away what was to run."""
    for key, by in asked.items():
        node = domain.state.nodes.get(key)
        if node is not None:
            node.asked_at, node.asked_by = domain.state.now, by


def _waiting(domain: Domain) -> Iterator[Node]:
    state = domain.state
    yield from (node for node in state.nodes.values() if node.asked_at is not None)
    for wave in state.waves.values():
        if wave.forced is not None and not _has_its_run(state.nodes[wave.forced], wave):
            yield state.nodes[wave.forced]


def _has_its_run(node: Node, wave: Wave) -> bool:
    """It was granted since, or a backfill asked, which does so again by itself."""
    if wave.reason != _reason(node):
        return True
    left = node.requests[1:] if is_busy(node) else node.requests
    return wave.at is not None and not any(one.forced and wave.id in one.waves for one in left)


def _reason(node: Node) -> str:
    return f"materialize was commanded{node.asked_by}"
