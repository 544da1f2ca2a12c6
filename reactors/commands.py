"""What operators command, by way of the journal."""

from reactors.commits import partition_named
from reactors.domain import Domain
from reactors.freshness import reblock
from reactors.growth import node_of
from reactors.marking import free_below, plan_again
from reactors.requests import proceed
from reactors.results import release
from reactors.runs import cancel
from reactors.state import Node
from reactors.timers import arm
from reactors.waves import wake_below
from streams.errors import BadEvent
from streams.events import Cancel, Command, Materialize, Pause, Release, Resume
from streams.keys import node_key


def obey(domain: Domain, command: Command) -> None:
    """Carry a command out. Raises BadEvent where the asset isn't one that runs here."""
    what = type(command).__name__.lower()
    if command.asset not in domain.graph.inputs:
        raise BadEvent(f"{what} {command.asset!r}: no such derived asset in {domain.name!r}")
    partition = partition_named(domain, command.asset, command.partition, what)
    asset = command.asset
    if isinstance(command, Materialize | Cancel):
        asset = domain.graph.made_by.get(asset, asset)  # an output has no run of its own
    node = node_of(domain, node_key(asset, partition))
    node.touched = domain.state.offset
    if isinstance(command, Pause):
        node.paused = f"paused{_by(command)}"
        reblock(domain, node)
        wake_below(domain, node)
    elif isinstance(command, Resume):
        _resume(domain, node)
    elif isinstance(command, Materialize):
        node.asked_at, node.asked_by, node.tried_at = domain.state.now, _by(command), -1
        plan_again(domain, node)
    elif isinstance(command, Release):
        release(domain, node)
    elif isinstance(command, Cancel):
        cancel(domain, node, f"cancelled{_by(command)}")
    arm(domain, node, node.key)
    domain.touched[node.key] = None


def _resume(domain: Domain, node: Node) -> None:
    if node.paused is None:
        return
    node.paused = None
    reblock(domain, node)
    free_below(domain, node)
    wake_below(domain, node)
    proceed(domain, [node])


def _by(command: Command) -> str:
    said = f" by {command.by}" if command.by else ""
    return f"{said}: {command.reason}" if command.reason else said
