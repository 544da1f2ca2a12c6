"""What fires, as one asks for it."""

from tests.cli.shop import Shop


def test_alerts_are_what_fires_now_the_worst_first(shop: Shop) -> None:
    ran = shop.look("alerts")
    assert ran.lines[0].split()[:3] == ["severity", "rule", "asset"]
    fires = [(line.split()[1], line.split()[2]) for line in ran.lines[1:]]
    assert ("run.failing", "shop/broken") in fires
    assert ("asset.quarantined", "shop/suspect") in fires
    assert ("check.failed", "shop/suspect") in fires


def test_alerts_for_machines_name_what_the_events_name(shop: Shop) -> None:
    fires = shop.look("alerts", "--json").json()
    opened = {one["data"]["fingerprint"]: one["data"] for one in shop.look("events", "alert.opened", "--json").jsonl()}
    assert {one["fingerprint"] for one in fires} == set(opened)
    for one in fires:
        event = opened[one["fingerprint"]]
        assert (one["rule"], one["asset"], one["severity"], one["episode"]) == (
            event["rule"],
            event["asset"],
            event["severity"],
            event["episode"],
        )


def test_alerts_keep_to_one_asset(shop: Shop) -> None:
    assert {one["asset"] for one in shop.look("alerts", "suspect", "--json").json()} == {"shop/suspect"}
    ran = shop.look("alerts", "revenue")
    assert (ran.out, ran.err) == ("", "nothing fires\n")
