"""`graph`: an app's lineage, without running anything."""

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.deploying import APP
from everfresh.cli.screen import document, note, say

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Graph(Everywhere):
    """What `graph` takes."""

    app: Annotated[str, Argument(metavar="APP", help=APP)]
    format: Annotated[Literal["text", "mermaid", "dot", "json"], Option(help="How it is drawn.")] = "text"


@command(group, "graph", example="everfresh graph shop.py --format mermaid")
def graph(said: Graph) -> None:
    """Draw which asset reads which, from the sources down. Nothing is deployed or run.

    Assets that nothing will ever run are named: on demand, and no promise needs them.
    """
    from everfresh.cli.pictures import as_data, as_dot, as_mermaid, as_text
    from everfresh.loading import load_app
    from reactors.graph import compile_graph

    app = load_app(said.app)
    compiled = compile_graph(app.manifest(0))
    if said.json or said.format == "json":
        document(as_data(app.domain, compiled))
        return
    drawers = {"text": as_text, "mermaid": as_mermaid, "dot": as_dot}
    for line in drawers[said.format](compiled):
        say(line)
    if unneeded := compiled.unneeded():
        alone, it, one = ("runs by itself", "it", "it") if len(unneeded) == 1 else ("run by themselves", "them", "one")
        note(
            f"{', '.join(unneeded)} never {alone}: no promise is made of {it} or of what reads {it}; "
            f"give {one} a promise, or run it with `everfresh materialize`"
        )
