"""Plays one script to its quiet end, and judges it."""

from itertools import islice

from everfresh.testing import COMMANDS
from streams.events import Backfill, BackfillSteered, Materialize
from tests.checker import check
from tests.core.simulation.judges import JUDGES
from tests.core.simulation.looks import LOOKS, in_order
from tests.core.simulation.scripts import Script, Step, script
from tests.core.simulation.stage import Stage

HOUR, DAY = 3_600_000, 86_400_000


def played(chosen: Script) -> Stage:
    stage = Stage(chosen)
    stage.looks = LOOKS
    begin = stage.clock
    for step in chosen.steps:
        stage.advance(max(0, begin + step.at - stage.clock))
        act(stage, step)
    calm_down(stage)
    return stage


def act(stage: Stage, step: Step) -> None:
    players = stage.worker.players  # type: ignore[attr-defined]
    if step.kind == "publish":
        stage.change(step.asset, step.number, step.pick)
        stage.settle()
    elif step.kind in ("outside", "fails", "check"):
        foresee(stage, step)
    elif step.kind == "crash":
        stage.crash_back(step.number)
    elif step.kind == "restart":
        if stage.domain is None:
            stage.restart()
    elif step.kind == "die":
        players[step.number % len(players)].die()
    elif step.kind in ("silent", "heard"):
        players[step.number % len(players)].silent = step.kind == "silent"
        stage.worker.beat()
        stage.settle()
    elif step.kind == "deploy":
        stage.deploy(step.manifest)
    elif step.kind == "upgrade":
        stage.worker.upgrade()  # type: ignore[attr-defined]
        stage.worker.beat()
        stage.settle()
    elif step.kind in ("backfill", "steer"):
        fill(stage, step)
    else:
        command = COMMANDS[step.kind](asset=step.asset, partition=stage.picked(step.asset, step.pick), by="stage")
        stage.append(command, step.asset)  # a deploy may have removed it
        stage.settle()


def foresee(stage: Stage, step: Step) -> None:
    """What the next runs will find, or come to."""
    if step.kind == "fails":
        stage.failures[step.asset] = step.number
    elif step.kind == "check":
        stage.outcomes[step.asset] = step.text
    elif step.asset in stage.worker.outside:  # a deploy may have ended that
        stage.worker.outside[step.asset] = f"o{step.number}"


def fill(stage: Stage, step: Step) -> None:
    """A backfill of a few partitions begins, or one that goes on is steered."""
    names = [stage.picked(step.asset, step.pick + further) for further in range(step.number)]
    if step.kind == "backfill" and names[0]:
        named = tuple(dict.fromkeys(names))
        stage.append(Backfill(asset=step.asset, partitions=named, slots=2, force=step.text == "force"), step.asset)
    elif step.kind == "steer" and stage.domain is not None and stage.domain.state.backfills:
        known = list(stage.domain.state.backfills)
        name = known[step.pick % len(known)]
        stage.append(BackfillSteered(backfill=name, action=step.text, by="stage"), name)  # type: ignore[arg-type]
    stage.settle()


def calm_down(stage: Stage) -> None:
    """No more trouble, whatever is held is let go, and time passes."""
    stage.trouble = False
    stage.failures.clear()
    stage.outcomes.clear()
    if stage.domain is None:
        stage.restart()
    for player in stage.worker.players:  # type: ignore[attr-defined]
        player.silent = False
    stage.worker.upgrade()  # type: ignore[attr-defined]
    stage.worker.beat()
    stage.settle()
    stage.advance(DAY)
    assert stage.domain is not None
    paused = [node for node in in_order(stage.domain) if node.paused is not None]
    for node in paused:
        stage.command("resume", node.asset, partition=node.partition)
    if paused and any(one.outputs for one in stage.domain.graph.assets.values()):
        stage.advance(HOUR)  # what was made while its output was paused may be held back only now
    for node in in_order(stage.domain):
        if node.hold is not None:
            stage.append(Materialize(asset=node.asset, partition=node.partition), node.asset)
            stage.settle()
    for one in [one for one in stage.domain.state.backfills.values() if one.status == "paused"]:
        stage.steer(one.name, "resume")
    hours = sum(one.policy.hours is not None for one in stage.domain.graph.assets.values())
    stage.advance((1 + hours) * DAY)  # what is in a chain may have to wait for another's hours, day after day


def broken(seed: int) -> list[str]:
    """What a seed's play broke; empty where everything held."""
    return judged(script(seed))[1]


def judged(chosen: Script) -> tuple[Stage | None, list[str]]:
    """A play and what it broke; a play that crashes has broken something like others."""
    try:
        stage = played(chosen)
        return stage, broken_by(stage)
    except Exception as error:
        return None, [f"{type(error).__name__}: {error}"]


def broken_by(stage: Stage, most: int = 5) -> list[str]:
    """What a play broke, at most so much of each kind."""
    found = stage.seen[:most] + [f"{judge.__name__}: {text}" for judge in JUDGES for text in islice(judge(stage), most)]
    return found + [str(one) for one in check(stage.trace(), quiet=True).violations[:most]]


__all__ = ["broken", "judged", "played"]
