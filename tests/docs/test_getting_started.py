"""Getting started, followed from the top: what the page shows is what is printed, but for times, ids and durations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Shop, eventually
from tests.docs.pages import ROOT
from tests.docs.session import Output, Reader, Step, masked, steps
from tools.kafka.broker import Broker

EMBEDDED, KAFKA = (ROOT / "docs" / "getting-started.md").read_text().split("\n## On Kafka\n")
PREFIX = "getting-started."


def followed(reader: Reader, markdown: str) -> Iterator[tuple[Step, Output]]:
    """Each step with what it printed, but for those that need the clone."""
    for step in steps(markdown):
        if not any(words in step.text for words in ("make venv", "tools.kafka.broker")):
            yield step, reader.do(step)


def test_what_a_page_shows_is_compared_but_for_times_and_ids() -> None:
    one = (
        "2026-11-25T09:03:20.793Z  asset.verified   shop/clean  verified 3-92e8d05858 in 1s654ms: covers shop/orders 4"
    )
    other = "2026-11-26T11:03:20.001Z  asset.verified  shop/clean  verified 4-aaaaaaaaaa in 9ms: covers shop/orders 4"
    assert masked(one) == masked(other) != masked(other.replace("orders 4", "orders 5"))
    assert masked(one) != masked(one.replace("verified 3", "materialized 3"))
    assert masked("a\n2026-11-25T09:03:20.793Z alert freshness.overdue opened\nb") == ["a", "b"]


def test_following_the_page_prints_what_it_shows(tmp_path: Path) -> None:
    failed, compared = [], 0
    reader = Reader(tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")  # its reader's pytest has none of our plugins
    for step, output in followed(reader, EMBEDDED):
        if step.shown is not None:
            assert masked(output.text) == masked(step.shown), step.text
            compared += 1
        failed += output.failed
    assert compared >= 15
    assert failed == ["everfresh dev shop.py --until-idle"] * 2  # the version held back, and the file that isn't there


@pytest.mark.kafka
def test_following_the_page_on_kafka_prints_what_it_shows(tmp_path: Path, kafka_broker: Broker) -> None:
    (tmp_path / "orders-1.json").write_text('[{"id": 1, "day": "Mon", "amount": 40}]')
    app = next(step.text for step in steps(EMBEDDED) if step.text.startswith("# shop.py"))
    here = {"EVERFRESH_LOG": kafka_broker.url, "EVERFRESH_PREFIX": PREFIX, "EVERFRESH_GATEWAY_PORT": "0"}
    shop, reader = Shop(tmp_path, app), Reader(tmp_path, **here)
    before, after = KAFKA.split("`start` runs the roles")
    printed = {step.text: (shown(output), masked(step.shown or "")) for step, output in followed(reader, before)}
    assert len(printed) == 2
    assert all(ours == theirs for ours, theirs in printed.values()), printed
    start, publish, status = steps(after)
    with shop.running(*start.text.split()[1:], **here) as roles:
        for line in (start.shown or "").splitlines():
            roles.says(line)
        assert shown(reader.do(publish)) == masked(publish.shown or "")
        wanted = masked(status.shown or "")
        assert eventually(lambda: shown(reader.do(status)) == wanted), reader.do(status)
        assert roles.ended() == 0


def shown(output: Output) -> list[str]:
    """What was printed, with the page's names of topics."""
    return masked(output.text.replace(PREFIX, "everfresh."))
