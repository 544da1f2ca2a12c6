"""Nodes come to be once something touches them: a partition of an input, or a command."""

from collections.abc import Collection

from reactors.domain import Domain
from reactors.durations import expected, longest_lately, price
from reactors.freshness import blocker
from reactors.marking import count, note_deploy, plan_again, reach
from reactors.promises import is_needed, promised_until
from reactors.state import Node, Root
from reactors.timers import rearm
from streams.keys import asset_of, partition_of


def grow(domain: Domain, key: str) -> None:
    """Whatever partition reads this root or node is there from now on, and whatever reads that."""
    if domain.graph.partitioned:
        _spread(domain, [key], [])


def _spread(domain: Domain, stack: list[str], made: list[str]) -> None:
    """The same for several; some of what is there, or its roots, were made just now."""
    nodes, links = domain.state.nodes, domain.links
    while stack:
        for reader in links.readers_to_be(stack.pop()):
            if reader not in nodes:
                more = create(domain, [reader])
                stack += [one for one in more if one in nodes]
                made += more
    # A Manual one is read from its first publication on only.
    reach(domain, [one for one in made if one not in nodes or not (nodes[one].missing or links.is_root(one))])


def create(domain: Domain, keys: Collection[str]) -> list[str]:
    """Make partitions' nodes, and those above that they can't do without, inputs first.

    Returns their keys, and those of partitions of sources that are there by that.
    """
    state, links, was_scarce = domain.state, domain.links, domain.is_scarce
    wanted: dict[str, None] = {}
    roots: list[str] = []
    stack = list(keys)
    while stack:
        one = stack.pop()
        if one not in keys and links.is_root(one):
            if one not in state.roots and root_of(domain, one).exists:
                roots.append(one)
        elif one not in state.nodes and one not in wanted:
            wanted[one] = None
            stack += links.required(asset_of(one), partition_of(one))
    made = sorted(wanted, key=lambda one: domain.graph.rank[asset_of(one)])
    for one in made:
        add(domain, one).missing = 1  # nobody reads it before it was counted
    for one in made:
        begin(domain, state.nodes[one])
    if domain.is_scarce != was_scarce:
        rearm(domain)
    return [*roots, *made]


def node_of(domain: Domain, key: str) -> Node:
    """A node, made with all that it needs and all that reads it, where it isn't there yet."""
    if key not in domain.state.nodes:
        made = create(domain, [key])
        _spread(domain, [one for one in made if one in domain.state.nodes], made)
    return domain.state.nodes[key]


def root_of(domain: Domain, key: str) -> Root:
    """A root, made where nothing was heard of it yet. A partition of a source that exists is there too."""
    found = domain.state.roots.get(key)
    if found is None:
        found = domain.state.roots[key] = Root(key)
        definition = domain.graph.assets.get(asset_of(key))
        if definition is not None and definition.exists and key != definition.key:
            found.exists, found.born_at, found.born = True, domain.state.offset, domain.state.now
    return found


def add(domain: Domain, key: str) -> Node:
    """A node by that name; what an earlier one of that name counted goes on."""
    node = domain.state.nodes[key] = Node(asset_of(key), partition_of(key))
    domain.links.note(key, node)
    before = domain.state.retired.pop(key, None)
    if before is not None:
        node.runs = before.runs
    return node


def begin(domain: Domain, node: Node) -> None:
    """Judge the node from scratch: what it takes, what it misses, whether it is stale."""
    node.takes, node.most = expected(domain, node), longest_lately(domain, node)
    price(domain, node)
    judge_anew(domain, node)
    domain.touched[node.key] = None


def judge_anew(domain: Domain, node: Node) -> None:
    """Work out from scratch what is missing and stale: the graph above the node may be another."""
    count(domain, node)
    node.ends_at = promised_until(domain, node)
    node.tried_at = -1
    if node.hold is not None and node.hold.kind == "failing":
        # New code may mend it; but where no promise needs it, it waits for a command.
        node.hold.until = domain.state.now if is_needed(domain, node) else None
    note_deploy(domain, node)
    node.blocked_by = blocker(domain, node) if domain.troubled else None
    plan_again(domain, node)
