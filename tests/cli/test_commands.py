"""Commands to a shop that is open: `dev` runs in the background, and what is typed beside it takes hold."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import APP, Running, Shop, eventually

QUICK = {"EVERFRESH_LEASE_MS": "2000"}


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, Running]]:
    """A shop with `dev` running in it."""
    shop = Shop(tmp_path_factory.mktemp("open"))
    with shop.running("dev", "shop.py", **QUICK) as dev:
        dev.says("deploy 1 of 'shop'")
        shop.typed("publish", "orders", "--version", "a")
        dev.says("asset.materialized    shop/report")
        yield shop, dev
        assert dev.ended(signal.SIGINT) == 0


def verdict(shop: Shop, asset: str) -> str:
    (row,) = shop.typed("status", asset, "--json").json()
    return str(row["verdict"])


def test_materialize_waits_for_the_run_and_tells_of_it(open_shop: tuple[Shop, Running]) -> None:
    shop, _ = open_shop
    ran = shop.typed("materialize", "yearly", "--reason", "the year is over", "--wait")
    assert ran.lines[0].startswith("materialize shop/yearly stands in the journal at offset ")
    assert "materialized" in ran.lines[1]
    assert ": the year is over; new: " in ran.lines[1]
    assert ran.lines[2] == "shop/yearly is fresh: nothing changed since its cut"


def test_materialize_of_what_fails_ends_with_1(open_shop: tuple[Shop, Running]) -> None:
    shop, _ = open_shop
    ran = shop.typed("materialize", "broken", "--wait", "--json")
    assert ran.code == 1
    answer = ran.json()
    assert (answer["verdict"], answer["run"]["outcome"]) == ("failing", "failed")


def test_pause_holds_and_resume_lets_go(open_shop: tuple[Shop, Running]) -> None:
    shop, _ = open_shop
    paused = shop.typed("pause", "revenue", "--reason", "the warehouse moves", "--wait", "--json").json()
    assert paused["verdict"] == "paused"
    assert paused["reason"].endswith(": the warehouse moves")
    refused = shop.typed("materialize", "revenue")
    assert (refused.code, refused.err.split(";")[1]) == (1, " `everfresh resume shop/revenue` lets it run\n")
    (event_id,) = shop.typed("publish", "orders", "--version", "b").lines
    assert event_id in shop.typed("events", "asset.changed", "--journal", "--json").out
    assert verdict(shop, "revenue") == "paused"
    shop.typed("resume", "revenue")
    assert eventually(lambda: verdict(shop, "revenue") == "fresh")
    assert [line.split()[3] for line in shop.typed("events", "command.*", "--journal").lines[-2:]] == ["by", "by"]


def test_release_lets_a_quarantined_version_through(open_shop: tuple[Shop, Running]) -> None:
    shop, dev = open_shop
    assert verdict(shop, "suspect") == "quarantined"
    ran = shop.typed("release", "suspect", "--wait")
    assert ran.lines[-1] == "shop/suspect is fresh: nothing changed since its cut"
    dev.says("asset.released        shop/suspect")


def test_cancel_ends_the_run_that_waits_for_its_next_attempt(open_shop: tuple[Shop, Running]) -> None:
    shop, dev = open_shop
    patient = APP.replace("retry=ef.Retry(0)", "retry=ef.Retry(3, delay='1h')").replace("no such warehouse", "nowhere")
    shop.app.write_text(patient)
    dev.says("deploy 2 of 'shop'")
    shop.typed("publish", "orders", "--version", "c")
    dev.says("nowhere")
    assert eventually(lambda: "is tried again at" in shop.typed("explain", "broken").out)
    assert "is stale: cancelled by " in shop.typed("cancel", "broken", "--reason", "no use", "--wait").lines[-1]


def test_an_app_that_does_not_import_any_more_leaves_the_one_before_at_work(open_shop: tuple[Shop, Running]) -> None:
    shop, dev = open_shop
    good = shop.app.read_text()
    shop.app.write_text(good + "oh no(\n")
    dev.says("was never closed; the app from before goes on")
    shop.typed("publish", "orders", "--version", "d")
    assert eventually(lambda: shop.typed("status", "revenue", "--json").json()[0]["cut"].get("shop/orders") == 4)
    shop.app.write_text(good)


def test_a_helper_beside_the_app_is_watched_too(bare: Shop) -> None:
    helper = bare.folder / "wording.py"
    helper.write_text("TAKES = '10ms'\n")
    bare.app.write_text("import wording\n" + APP.replace('takes="20ms"', "takes=wording.TAKES"))
    with bare.running("dev", "shop.py", **QUICK) as dev:
        dev.says("deploy 1 of 'shop'")
        helper.write_text("TAKES = '30ms'\n")
        dev.says("deploy 2 of 'shop'")
        assert dev.ended() == 0


def test_events_follow_what_comes(open_shop: tuple[Shop, Running]) -> None:
    shop, _ = open_shop
    before = shop.typed("events", "asset.materialized").lines
    with Shop(shop.folder, shop.app.read_text()).running("events", "asset.materialized", "--follow") as follower:
        follower.says(before[-1])
        shop.typed("publish", "orders", "--version", "e")
        assert eventually(lambda: len(follower.out.read_text().splitlines()) > len(before))
        assert follower.out.read_text().splitlines()[: len(before)] == before
        assert follower.ended() == -signal.SIGTERM


SIFTED = """
import time

import everfresh as ef

app = ef.App("shop")
orders = app.source("orders")


@app.assets(outputs={"kept": ef.OnDemand(), "refused": ef.OnDemand()}, deps=[orders], retry=ef.Retry(0))
def sifted(orders: ef.Input) -> dict[str, ef.Output]:
    if orders.version == "bad":
        raise ValueError("a bad order")
    if orders.version == "slow":
        time.sleep(600)
    return {"kept": ef.Output(version=orders.version), "refused": ef.Output(version="none")}
"""


def test_commands_to_an_output_are_seen_through_with_the_run_that_makes_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path, SIFTED)
    with shop.running("dev", "shop.py", **QUICK) as dev:
        dev.says("deploy 1 of 'shop'")
        shop.typed("publish", "orders", "--version", "a")
        made = shop.typed("materialize", "kept", "--wait")
        assert made.code == 0, made
        assert made.lines[2] == "shop/kept is fresh: nothing changed since its cut"

        shop.typed("publish", "orders", "--version", "bad")
        failed = shop.typed("materialize", "kept", "--wait", "--json")
        assert (failed.code, failed.json()["run"]["outcome"], failed.json()["verdict"]) == (1, "failed", "blocked")

        shop.typed("publish", "orders", "--version", "slow")
        assert shop.typed("materialize", "refused").code == 0
        assert eventually(lambda: "in flight" in shop.typed("runs", "sifted").out)
        assert shop.typed("cancel", "kept").code == 0
        assert shop.typed("cancel", "kept").err == (
            "'shop/kept' has no run in flight or waiting, so there is nothing to cancel\n"
        )

        shop.typed("pause", "sifted")
        refused = shop.typed("materialize", "kept")
        assert refused.code == 1
        assert refused.err.endswith("; `everfresh resume shop/sifted` lets it run\n")
