"""Alerts: each opens once, is told again where it changed, and resolves when it is over."""

from itertools import pairwise
from typing import Any

from everfresh.testing import World
from reactors.apply import refuse
from reactors.domain import Output
from streams.definitions import CheckDef, Manifest, Retry
from streams.events import CheckResult, DefinitionsDeclared, DeliveryFailed, JournalGap, RunFailed, RunGranted
from streams.policies import Eager, OnDemand, Within
from tests.core.worlds import HOUR, Journal, derived, domain_of, single, source

Told = tuple[str, str]


def alerts(world: World, rule: str) -> list[dict[str, Any]]:
    return [one for one in world.events("everfresh.alert.*") if one["rule"] == rule]


def how(one: dict[str, Any]) -> str:
    return str(one["type"]).split(".")[2]


def in_outputs(outputs: list[Output]) -> list[Told]:
    """(rule, transition) of each alert event."""
    found = [(one.event(), one.model.TYPE.split(".")[2]) for one in outputs if ".alert." in one.model.TYPE]
    return [(event.rule, transition) for event, transition in found]  # type: ignore[attr-defined]


def test_a_broken_promise_opens_one_alert_and_a_kept_one_resolves_it() -> None:
    world = single(Within("10s"), takes="15s")
    world.publish("d/s")
    world.advance("1m")
    opened, resolved = alerts(world, "freshness.overdue")
    assert (how(opened), how(resolved)) == ("opened", "resolved")
    assert opened["fingerprint"] == resolved["fingerprint"]
    assert (opened["episode"], opened["sequence"], resolved["sequence"]) == (1, 1, 2)
    assert opened["expected"] == "10s"


def test_an_alert_that_opens_again_is_another_episode_even_of_an_asset_that_was_gone_for_a_while() -> None:
    world = single(Within("10s"), takes="15s")
    for deploy in range(3):
        world.publish("d/s")
        world.advance("1m")
        if deploy == 0:
            world.deploy(domain_of(source("d/s")))
            world.deploy(domain_of(source("d/s"), derived("d/a", "d/s", policy=Within("10s"))))
    episodes = [one["episode"] for one in alerts(world, "freshness.overdue") if how(one) == "opened"]
    assert episodes == list(range(1, len(episodes) + 1))
    assert len(episodes) >= 3


def test_an_asset_that_fails_for_good_fires_until_it_works_again() -> None:
    world = single(Eager(), retry=Retry(1, delay="1s"), owner="growth")
    world.fails("d/a", times=2)
    world.publish("d/s")
    world.advance("1m")
    (opened,) = alerts(world, "run.failing")
    assert how(opened) == "opened"
    assert opened["owner"] == "growth"
    assert "told to fail" in opened["summary"]
    world.publish("d/s")
    world.advance("1m")
    assert [how(one) for one in alerts(world, "run.failing")] == ["opened", "resolved"]


def test_a_quarantined_version_fires_until_it_is_released_or_a_good_one_comes() -> None:
    for mend in ("release", "publish"):
        world = single(Eager())
        world.check("d/a", "fail")
        world.publish("d/s")
        world.advance("1m")
        assert [how(one) for one in alerts(world, "asset.quarantined")] == ["opened"]
        if mend == "release":
            world.command("release", "d/a")
        else:
            world.publish("d/s")
        world.advance("1m")
        assert [how(one) for one in alerts(world, "asset.quarantined")] == ["opened", "resolved"]


def test_an_asset_that_is_declared_no_more_fires_no_more() -> None:
    world = single(Eager(), retry=Retry(0))
    world.fails("d/a", times=1)
    world.publish("d/s")
    world.advance("1s")
    world.deploy(domain_of(source("d/s")))
    assert [how(one) for one in alerts(world, "run.failing")] == ["opened", "resolved"]


def checked(journal: Journal, *answers: CheckResult) -> list[Told]:
    """Publish, run and report with these answers; what was told of alerts."""
    journal.clock += 1_000
    journal.change("d/s")
    (grant,) = journal.turn()
    return in_outputs(journal.report(grant, checks=answers))


def test_a_failed_check_fires_until_it_passes_and_tells_what_changed() -> None:
    checks = (CheckDef(name="full"),)
    journal = Journal(domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager(), checks=checks)))
    journal.beat("w", 1)

    def answer(outcome: str, observed: str | None = None) -> CheckResult:
        return CheckResult(check="full", outcome=outcome, severity="warn", observed=observed)  # type: ignore[arg-type]

    assert checked(journal, answer("pass")) == []
    assert checked(journal, answer("fail", "3 rows")) == [("check.failed", "opened")]
    assert checked(journal, answer("fail", "3 rows")) == []
    assert checked(journal, answer("fail", "2 rows")) == [("check.failed", "updated")]
    assert checked(journal, answer("skip")) == []
    assert checked(journal, answer("error")) == [("check.failed", "resolved"), ("check.errored", "opened")]
    assert checked(journal, answer("pass")) == [("check.errored", "resolved")]


def test_a_check_that_is_declared_no_more_fires_no_more() -> None:
    def manifest(deploy: int, *checks: CheckDef) -> Manifest:
        assets = (source("d/s"), derived("d/a", "d/s", policy=Eager(), checks=checks))
        return Manifest(domain="d", deploy=deploy, assets=assets)

    journal = Journal(manifest(1, CheckDef(name="full"), CheckDef(name="odd")))
    journal.beat("w", 1)
    failed = [CheckResult(check=name, outcome="fail") for name in ("full", "odd")]
    assert checked(journal, *failed) == [("check.failed", "opened")] * 2
    outputs = journal.append(DefinitionsDeclared(**manifest(2, CheckDef(name="odd")).model_dump()), "d")
    assert in_outputs(outputs) == [("check.failed", "resolved")]
    assert [alarm.cause.label for alarm in journal.domain.state.alerts.values()] == ["odd"]


def test_a_lost_worker_fires_until_another_attempt_ends() -> None:
    journal = Journal(domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager())))
    journal.beat("w", 1)
    journal.change("d/s")
    (first,) = journal.turn()

    def lose(grant: RunGranted) -> list[Told]:
        journal.clock += first.lease_ms + 1
        return in_outputs(journal.lose(grant))

    assert lose(first) == [("worker.lost", "opened")]
    journal.beat("v", 1)
    (second,) = journal.turn()
    assert lose(second) == []
    journal.beat("v", 1)
    (third,) = journal.turn()
    assert in_outputs(journal.report(third, RunFailed)) == [("worker.lost", "resolved")]


def test_dead_letters_fire_once_are_counted_and_grow_old() -> None:
    journal = Journal(domain_of(source("d/s")))
    told = [in_outputs(journal.change("d/nothing")) for _ in range(9)]
    transitions = [one[0][1] if one else "" for one in told]
    assert transitions == ["opened", "updated", "", "updated", "", "", "", "updated", ""], "at 1, 2, 4 and 8"
    assert in_outputs(journal.append(DeliveryFailed(sink="pager", event="e", error="410"), "d/a")) == [
        ("dead.letter", "opened")
    ]
    journal.clock += HOUR - 1
    journal.turn()
    assert len(journal.domain.state.alerts) == 2
    journal.clock += 1
    journal.turn()
    assert journal.domain.state.alerts == {}


def test_an_entry_that_cannot_be_read_fires_too() -> None:
    journal = Journal(domain_of(source("d/s")))
    outputs = refuse(journal.domain, 1, journal.clock, "no JSON")
    assert in_outputs(outputs) == [("dead.letter", "opened")]


def test_a_gap_fires() -> None:
    journal = Journal(domain_of(source("d/s")))
    gap = JournalGap(topic="changes", partition=2, first=10, last=19)
    (opened,) = [one.event() for one in journal.append(gap, "d") if ".alert." in one.model.TYPE]
    assert (opened.rule, opened.labels) == ("journal.gap", {"topic": "changes/2"})  # type: ignore[attr-defined]


def silent(**fields: Any) -> World:
    return World(domain_of(source("d/s", expect_every_ms="1h", **fields), derived("d/a", "d/s", policy=OnDemand())))


def test_a_source_that_falls_silent_fires_and_resolves_with_its_next_change() -> None:
    world = silent()
    world.advance("59m")
    assert alerts(world, "source.silent") == []
    world.advance("1m")
    (opened,) = alerts(world, "source.silent")
    assert opened["asset"] == "d/s"
    world.advance("10h")
    assert len(alerts(world, "source.silent")) == 1
    world.publish("d/s", "1")
    assert [how(one) for one in alerts(world, "source.silent")] == ["opened", "resolved"]


def test_a_change_that_is_no_commit_is_a_sign_of_life() -> None:
    world = silent()
    for _ in range(5):
        world.publish("d/s", "always the same")
        world.advance("50m")
    assert alerts(world, "source.silent") == []
    world.advance("10m")
    assert [how(one) for one in alerts(world, "source.silent")] == ["opened"]


def test_a_source_that_is_waited_for_no_more_fires_no_more() -> None:
    world = silent()
    world.advance("2h")
    world.deploy(domain_of(source("d/s")))
    assert [how(one) for one in alerts(world, "source.silent")] == ["opened", "resolved"]


def test_a_silent_source_that_is_declared_no_more_fires_no_more() -> None:
    world = silent()
    world.advance("2h")
    world.deploy(domain_of(source("d/t"), derived("d/a", "d/t", policy=OnDemand())))
    assert [how(one) for one in alerts(world, "source.silent")] == ["opened", "resolved"]


def test_a_restart_forgets_no_alert_and_no_silence() -> None:
    world = silent()
    world.snapshot_every = 1
    world.publish("d/s")
    for _ in range(2):
        world.crash()
        world.restart()
        world.advance("1h")
    assert [how(one) for one in alerts(world, "source.silent")] == ["opened"]


def test_sequences_of_an_episode_grow_by_one() -> None:
    journal = Journal(domain_of(source("d/s")))
    seen = []
    for _ in range(8):
        outputs = journal.change("d/nothing")
        seen += [one.event().sequence for one in outputs if ".alert." in one.model.TYPE]  # type: ignore[attr-defined]
    assert all(later == earlier + 1 for earlier, later in pairwise(seen))
    assert seen[0] == 1


def test_what_is_about_a_domain_has_another_fingerprint_than_the_same_of_another_domain() -> None:
    found = set()
    for name in ("d", "e"):
        journal = Journal(Manifest(domain=name, deploy=1, assets=(source(f"{name}/s"),)))
        refuse(journal.domain, journal.domain.state.offset + 1, journal.domain.state.now, "no JSON")
        found |= {one.event().fingerprint for one in journal.domain.outputs if ".alert." in one.model.TYPE}  # type: ignore[attr-defined]
    assert len(found) == 2
