"""What operators command, by way of the journal."""

from reactors.domain import Domain, node_key
from reactors.freshness import reblock
from reactors.marking import free_below, plan_again
from reactors.requests import proceed
from reactors.runs import cancel, release
from reactors.state import Node
from reactors.timers import arm
from reactors.waves import wake_below
from streams.errors import BadEvent
from streams.events import Cancel, Command, Materialize, Pause, Release, Resume


def obey(domain: Domain, command: Command) -> None:
    """Carry a command out. Raises BadEvent where the asset isn't one that runs here."""
    node = domain.state.nodes.get(node_key(command.asset, command.partition))
    if node is None:
        raise BadEvent(f"{type(command).__name__.lower()} {command.asset!r}: no such derived asset in {domain.name!r}")
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
    arm(domain, node, node.asset)
    domain.touched[node.asset] = None


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
