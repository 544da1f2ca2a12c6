"""What an alert may be besides open: pending, easing, flapping, explained by another, acknowledged, silenced."""

from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from streams.definitions import AlertRule, Retry
from streams.errors import DefinitionError
from streams.events import Acknowledge, Event, LiftSilence, SilenceAlerts
from streams.policies import Eager, Within
from tests.core.test_alerts import alerts, how
from tests.core.worlds import HOUR, derived, domain_of, single, source


def ruled(*rules: AlertRule, takes: str = "15s", **asset: Any) -> World:
    """A source, an asset that reads it, and these rules."""
    asset = {"policy": Within("10s"), "takes_ms": 15_000, **asset}
    manifest = domain_of(source("d/s"), derived("d/a", "d/s", **asset))
    world = World(manifest.model_copy(update={"alerts": rules}))
    world.takes("d/a", takes)
    return world


def told(world: World, rule: str) -> list[str]:
    return [how(one) for one in alerts(world, rule)]


def say(world: World, event: Event) -> None:
    world.append(event, "d")
    world.settle()


def test_what_passes_before_its_time_is_never_told() -> None:
    for lasts, wanted in ((4_000, ["opened", "resolved"]), (6_000, [])):
        world = ruled(AlertRule(rule="freshness.overdue", after_ms=lasts))
        world.publish("d/s")  # late from 10 s on, and done after 15
        world.advance("1m")
        assert told(world, "freshness.overdue") == wanted


def test_an_alert_that_waited_opens_at_its_time_and_says_since_when_it_is_so() -> None:
    world = ruled(AlertRule(rule="freshness.*", after_ms=4_000))
    begun = world.clock
    world.publish("d/s")
    world.advance("13s")
    assert told(world, "freshness.overdue") == []
    world.advance("1s")
    (opened,) = alerts(world, "freshness.overdue")
    assert (how(opened), opened["since"], opened["episode"], opened["sequence"]) == ("opened", begun, 1, 1)


def test_what_comes_back_while_it_is_kept_is_one_episode() -> None:
    world = ruled(AlertRule(rule="freshness.overdue", keep_ms=60_000))
    for _ in range(3):
        world.publish("d/s")
        world.advance("30s")
    assert told(world, "freshness.overdue") == ["opened"]
    world.advance("2m")
    assert told(world, "freshness.overdue") == ["opened", "resolved"]


def test_what_is_declared_no_more_is_over_at_once_however_long_it_is_kept() -> None:
    world = ruled(AlertRule(rule="*", keep_ms=24 * HOUR))
    world.publish("d/s")
    world.advance("12s")
    world.deploy(domain_of(source("d/s")))
    assert told(world, "freshness.overdue") == ["opened", "resolved"]


@pytest.mark.parametrize("damped", [True, False])
def test_one_that_opens_again_and_again_fires_on_until_it_was_calm(damped: bool) -> None:
    world = ruled(AlertRule(rule="*", damped=damped))
    for _ in range(8):
        world.publish("d/s")
        world.advance("1m")
    opened = [one for one in alerts(world, "freshness.overdue") if how(one) == "opened"]
    assert len(opened) == (5 if damped else 8)
    assert [one["flapping"] for one in opened] == [False] * 4 + [True] * (len(opened) - 4)
    world.advance("1h")
    assert told(world, "freshness.overdue").count("resolved") == len(opened)
    world.publish("d/s")
    world.advance("1m")
    assert told(world, "freshness.overdue")[-2:] == ["opened", "resolved"]  # that was long ago


def test_rules_add_up_and_the_last_that_says_something_counts() -> None:
    labels = {"team": "growth"}
    rules = (AlertRule(rule="*", severity="info", labels=labels), AlertRule(rule="freshness.*", severity="critical"))
    elsewhere = AlertRule(rule="*", assets=("d/s",), severity="warn", labels={"team": "other"})
    world = ruled(*rules, elsewhere)
    world.publish("d/s")
    world.advance("1m")
    opened = alerts(world, "freshness.overdue")[0]
    assert (opened["severity"], opened["labels"]) == ("critical", labels)


def chain_of_two() -> World:
    lower = derived("d/b", "d/a", policy=Within("1m"))
    world = World(domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager(), retry=Retry(0)), lower))
    world.publish("d/s")
    world.advance("2m")
    world.fails("d/a", times=1)
    world.publish("d/s")
    world.advance("5m")
    return world


def test_what_is_late_because_something_above_it_fails_says_so_and_that_it_no_longer_does() -> None:
    world = chain_of_two()
    (failing,) = alerts(world, "run.failing")
    late = [one for one in alerts(world, "freshness.overdue") if one["asset"] == "d/b"]
    assert [(how(one), one["inhibited_by"]) for one in late] == [("opened", failing["fingerprint"])]
    world.takes("d/b", "10m")
    world.publish("d/s")
    world.advance("1m")  # what failed works again; what reads it takes its time
    late = [one for one in alerts(world, "freshness.overdue") if one["asset"] == "d/b"]
    assert [(how(one), one["inhibited_by"]) for one in late][1] == ("updated", None)


def test_a_promise_that_will_hardly_be_kept_is_told_before_it_is_broken() -> None:
    world = ruled(takes="10s", takes_ms=10_000, policy=Within("1m"))
    world.publish("d/s")
    world.advance("5m")
    assert told(world, "freshness.at_risk") == []  # in time
    world.command("pause", "d/a")
    world.publish("d/s")
    world.advance("54s")
    assert told(world, "freshness.at_risk") == []
    world.advance("2s")
    (opened,) = alerts(world, "freshness.at_risk")
    assert told(world, "freshness.overdue") == []
    assert "d/a will hardly be up to date by" in opened["summary"]
    world.advance("30s")
    assert told(world, "freshness.at_risk") == ["opened", "resolved"]
    assert told(world, "freshness.overdue")[:1] == ["opened"]


def test_a_promise_that_runs_turn_out_to_break_is_told_until_they_are_quick_again() -> None:
    world = ruled(takes="2m", policy=Within("1m"))
    for _ in range(3):
        world.publish("d/s")
        world.advance("10m")
    assert told(world, "freshness.infeasible") == ["opened"]
    world.deploy(domain_of(source("d/s"), derived("d/a", "d/s", policy=Within("1h"))))
    assert told(world, "freshness.infeasible") == ["opened", "resolved"]


def test_a_promise_that_is_infeasible_again_while_its_alert_is_kept_fires_on() -> None:
    world = ruled(AlertRule(rule="freshness.infeasible", keep_ms=HOUR), takes="2m", policy=Within("1m"), takes_ms=0)
    world.publish("d/s")
    world.advance("10m")
    asset = derived("d/a", "d/s", policy=Within("1h"))
    for policy in (Within("1h"), Within("1m")):
        said = domain_of(source("d/s"), asset.model_copy(update={"policy": policy}))
        world.deploy(said.model_copy(update={"alerts": (AlertRule(rule="freshness.infeasible", keep_ms=HOUR),)}))
        world.advance("1m")
    world.advance("3h")
    assert told(world, "freshness.infeasible") == ["opened"]


def test_a_clock_that_steps_back_is_told() -> None:
    world = single(Eager())
    world.advance("1h")
    world.clock -= 600_000
    world.publish("d/s")
    (opened,) = alerts(world, "clock.stepped")
    assert "by 10m" in opened["actual"]


def test_an_acknowledged_alert_says_by_whom_until_it_is_over() -> None:
    world = ruled(takes="1m")
    world.publish("d/s")
    world.advance("20s")
    (opened,) = alerts(world, "freshness.overdue")
    say(world, Acknowledge(fingerprint=opened["fingerprint"], by="ada"))
    say(world, Acknowledge(fingerprint=opened["fingerprint"], by="ada"))
    world.advance("2m")
    assert [one["acknowledged_by"] for one in alerts(world, "freshness.overdue")] == [None, "ada", "ada"]
    world.publish("d/s")
    world.advance("20s")
    assert alerts(world, "freshness.overdue")[-1]["acknowledged_by"] is None  # another episode
    for _ in range(2):
        say(world, Acknowledge(fingerprint=opened["fingerprint"]))
    assert [one["acknowledged_by"] for one in alerts(world, "freshness.overdue")][-2:] == [None, "somebody"]
    say(world, Acknowledge(fingerprint="nobody's", by="ada"))
    (letter,) = world.events("everfresh.dead.letter.*")
    assert "no such alert fires" in letter["error"]


def test_a_silence_is_said_of_what_opens_in_it_and_when_it_ends() -> None:
    world = ruled(takes="2h")
    say(world, SilenceAlerts(rule="freshness.*", asset="d/*", until=world.clock + HOUR, by="ada"))
    end = world.clock + HOUR
    world.publish("d/s")
    world.advance("30m")
    (opened,) = alerts(world, "freshness.overdue")
    assert opened["silenced_until"] == end
    world.crash()
    world.restart()
    world.advance("31m")
    assert [(how(one), one["silenced_until"]) for one in alerts(world, "freshness.overdue")][1:] == [("updated", None)]


def test_a_silence_that_is_lifted_is_over_and_one_amiss_is_refused() -> None:
    world = ruled(takes="2h")
    world.publish("d/s")
    world.advance("1m")
    name = f"s{len(world.journal)}"
    say(world, SilenceAlerts(until=world.clock + HOUR))
    say(world, LiftSilence(silence=name))
    said = [one["silenced_until"] is not None for one in alerts(world, "freshness.overdue")]
    assert said == [False, True, False]
    say(world, LiftSilence(silence=name))
    say(world, SilenceAlerts(until=world.clock - 1))
    errors = [one["error"] for one in world.events("everfresh.dead.letter.*")]
    assert "no such silence" in errors[0]
    assert "ends before it begins" in errors[1]


def test_an_app_says_how_its_alerts_behave_and_is_told_what_makes_no_sense() -> None:
    app = ef.App("shop")
    orders = app.source("orders")

    @app.asset(deps=[orders], freshness=ef.Within("5m"))
    def revenue(orders: object) -> None: ...

    app.alert("freshness.overdue", revenue, after="2m", severity="critical", labels={"team": "growth"})
    app.alert("check.*", keep="10m", damped=False)
    first, second = app.manifest(1).alerts
    assert (first.assets, first.after_ms, first.severity) == (("shop/revenue",), 120_000, "critical")
    assert (second.keep_ms, second.damped, second.after_ms) == (600_000, False, None)
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("freshnes.overdue", {}, r"there is no such rule; there are freshness.overdue"),
        ("*", {"afterwards": "2m"}, r"has no option 'afterwards' .did you mean 'after'"),
        ("*", {"after": "soon"}, r"app.alert\('\*'\): after"),
        ("*", {"severity": "bad"}, r"severity"),
    ]
    for rule, options, message in wrong:
        with pytest.raises(DefinitionError, match=message):
            app.alert(rule, **options)
    app.alert("*", "revenu")
    with pytest.raises(DefinitionError, match=r"'shop/revenu', which 'shop' doesn't declare .did you mean 'shop/rev"):
        app.manifest(2)
