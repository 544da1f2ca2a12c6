"""A graph as a tree of text, as Mermaid, as DOT, and as JSON."""

from typing import Any

from everfresh.cli.words import counted, promised
from reactors.graph import Graph
from streams.definitions import PSEUDO, AssetDef
from streams.units import readable


def as_text(graph: Graph) -> list[str]:
    """A tree from each root down; what reads several hangs below the first and is only named below the others."""
    roots = _given(graph) + [key for key in graph.order if not _reads(graph, key)]
    lines: list[str] = []
    drawn: set[str] = set()
    stack = [(key, "", "") for key in reversed(roots)]
    while stack:
        key, lead, below = stack.pop()
        again = key in drawn
        lines.append(f"{lead}{key}  {'… as above' if again else _said(graph, key)}".rstrip())
        drawn.add(key)
        readers = () if again else graph.readers.get(key, ())
        for place, reader in enumerate(reversed(readers)):
            branch, gap = ("└─ ", "   ") if place == 0 else ("├─ ", "│  ")
            stack.append((reader, below + branch, below + gap))
    return lines


def as_mermaid(graph: Graph) -> list[str]:
    """A Mermaid flowchart; a source is a cylinder."""
    names = {key: f"n{place}" for place, key in enumerate(_keys(graph))}
    return [
        "flowchart LR",
        *(f"  {name}{_mermaid_shape(graph, key)}" for key, name in names.items()),
        *(f"  {names[one]} --> {names[key]}" for key in graph.order for one in _reads(graph, key)),
    ]


def as_dot(graph: Graph) -> list[str]:
    """A Graphviz digraph; a source is a cylinder."""
    shapes = {key: "box" if key in graph.inputs else "cylinder" for key in _keys(graph)}
    return [
        "digraph everfresh {",
        "  rankdir=LR;",
        *(f'  "{key}" [shape={shape}, label="{key}\\n{_said(graph, key)}"];' for key, shape in shapes.items()),
        *(f'  "{one}" -> "{key}";' for key in graph.order for one in _reads(graph, key)),
        "}",
    ]


def as_data(domain: str, graph: Graph) -> dict[str, Any]:
    """Every asset as it is declared, with who reads it; `order` has inputs before readers.

    `unneeded`: what only a command ever runs, though it is declared to run on demand.
    """
    return {
        "domain": domain,
        "order": list(graph.order),
        "unneeded": graph.unneeded(),
        "assets": [
            _declared(graph, key) | {"reads": list(_reads(graph, key)), "read_by": list(graph.readers.get(key, ()))}
            for key in _keys(graph)
        ],
    }


def _keys(graph: Graph) -> list[str]:
    """Sources and other domains' assets first, then what is derived, inputs before readers."""
    return [*_given(graph), *graph.order]


def _given(graph: Graph) -> list[str]:
    """What nobody here computes."""
    return sorted(key for key in graph.roots if not key.startswith(PSEUDO) and key not in graph.inputs)


def _reads(graph: Graph, key: str) -> tuple[str, ...]:
    return tuple(one for one in graph.inputs.get(key, ()) if not one.startswith(PSEUDO))


def _declared(graph: Graph, key: str) -> dict[str, Any]:
    asset = graph.assets.get(key)
    return asset.model_dump(mode="json") if asset is not None else {"key": key, "kind": "foreign"}


def _said(graph: Graph, key: str) -> str:
    """What is declared of an asset, in a few words."""
    asset = graph.assets.get(key)
    if asset is None:
        return f"of domain {key.partition('/')[0]}"
    idle = key in graph.inputs and graph.is_unneeded(key)
    return ", ".join([_kind(asset), *(["nothing needs it"] if idle else []), *_more(asset)])


def _kind(asset: AssetDef) -> str:
    if asset.outputs:
        return f"one run makes {counted(len(asset.outputs), 'asset')}"
    if asset.observed:
        return f"source, looked at {promised(asset.policy)}"
    return "source" if asset.kind == "source" else promised(asset.policy)


def _more(asset: AssetDef) -> list[str]:
    said = [f"takes {readable(asset.takes_ms)}"] if asset.takes_ms else []
    said += [f"pool {asset.pool}"] if asset.pool else []
    said += [counted(len(asset.checks), "check")] if asset.checks else []
    return said + ([f"owner {asset.owner}"] if asset.owner else [])


def _mermaid_shape(graph: Graph, key: str) -> str:
    label = f'"{key}<br/>{_said(graph, key).replace(chr(34), "#quot;")}"'
    return f"[{label}]" if key in graph.inputs else f"[({label})]"
