"""Whether what a node reads fits together: each source at one commit, whatever domains it came through."""

from tests.checker.graph import LOOK, Node
from tests.checker.items import Cut
from tests.checker.links import View
from tests.checker.trace import Trace


def torn(trace: Trace, node: Node, cut: Cut, view: View) -> str | None:
    """Which source isn't at one commit in all that was delivered by a node's cut; None where all of it fits."""
    abroad = sorted(view.graph.foreign & cut.keys())
    named: Cut = {}
    for asset in abroad:
        if not cut[asset]:
            continue
        handed = trace.commits.handed(asset, cut[asset])
        if handed is None:
            return f"{asset} {cut[asset]} was delivered as inconsistent"
        for source, seq in handed.items():
            if named.setdefault(source, seq) != seq:
                return f"{source} is at {named[source]} and at {seq}"
    own = cut.keys() & named.keys() - view.graph.foreign
    here = trace.own(node, cut | {source: named[source] for source in own}, view, view.graph.ancestors[node[0]])
    for source in sorted(own):
        if source.startswith(LOOK):
            found = trace.found(source, cut[source])
            if found != named[source]:
                return f"{source} finds what {found} found, and was delivered as of {named[source]}"
        elif named[source] < cut[source] or here[source] != cut[source]:
            return f"{source} is at {cut[source]}, and was delivered at {named[source]}"
    return None
