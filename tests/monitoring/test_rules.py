"""The shipped rules: tried by promtool, loaded by a real Prometheus, and one fires for a reactor that was killed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from everfresh.monitoring import RULES, shipped
from tests.monitoring.scene import Scene, until
from tools.kafka.broker import free_port
from tools.prometheus import Prometheus, promtool

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "everfresh" / "monitoring" / RULES
CASES = HERE / "everfresh.rules.test.yml"


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(shipped()[RULES])["groups"] for rule in group["rules"]]


def test_promtool_finds_nothing_wrong() -> None:
    done = promtool("check", "rules", FILE)
    assert done.returncode == 0, done.stderr
    assert f"{len(rules())} rules found" in done.stdout


def test_each_rule_fires_on_what_it_is_for_and_on_nothing_else() -> None:
    done = promtool("test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_case_in_which_it_fires_and_one_in_which_it_doesnt() -> None:
    cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == names


def test_every_rule_says_what_to_do() -> None:
    for rule in rules():
        assert {"summary", "description"} == set(rule["annotations"]), rule["alert"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, free_port())
    yield made
    made.close()


@pytest.mark.timeout(900)
def test_a_killed_reactor_fires_and_one_that_is_back_resolves(scene: Scene, tmp_path: Path) -> None:
    # The same rules, with seconds for minutes: what they say of time promtool has tried.
    hasty = tmp_path / RULES
    hasty.write_text(shipped()[RULES].replace("> 60\n", "> 3\n").replace("for: 1m\n", "for: 1s\n"))
    scene.run("deploy", "shop.py")
    scene.start("reactor", "start", "reactor", "ingress")
    scene.start("worker", "start", "worker", "--app", "shop.py")
    scene.start("sinks", "start", "sinks")
    targets = [f"127.0.0.1:{port}" for port in (scene.port, scene.reactor_port)]
    with Prometheus(targets, [FILE, hasty]) as prometheus:

        def firing(name: str) -> bool:
            alerts = prometheus.get("alerts")["alerts"]
            return any(one["labels"]["alertname"] == name and one["state"] == "firing" for one in alerts)

        assert len(prometheus.get("rules")["groups"]) == 2
        told = tmp_path / "sinks.log"  # what was never made runs at once, however far off it is due
        until(lambda: "shop/report materialized" in told.read_text(), scene.said, scene.publish)
        own = "everfresh_decision_seconds_count > 0"  # of another page, which is scraped at a moment of its own
        until(lambda: bool(prometheus.query(own)), scene.said, scene.publish)
        assert prometheus.query(own), "a reactor without sinks shows its own"
        since = time.time() + 20  # due later: for a change of now. Prometheus may still show one that ran
        metric = 'everfresh_asset_due_timestamp_seconds{asset="shop/report"}'
        due = f"{metric} - time() > 8 and {metric} > {since}"
        until(lambda: bool(prometheus.query(due)), scene.said, scene.publish)
        assert not firing("EverfreshNobodyDecides")
        scene.kill("reactor")
        until(lambda: firing("EverfreshNobodyDecides"), scene.said)
        scene.start("reactor", "start", "reactor", "ingress")
        until(lambda: not firing("EverfreshNobodyDecides"), scene.said)
