"""What checks answered and what attempts cost, as one asks for it."""

from decimal import Decimal
from typing import Any

from everfresh.cli.tallies import newest_answers, newest_revisions, totals
from tests.cli.shop import Shop


def test_checks_are_the_newest_answer_of_each(shop: Shop) -> None:
    ran = shop.look("checks")
    assert ran.lines[0].split()[:3] == ["asset", "check", "outcome"]
    (row,) = shop.look("checks", "suspect", "--json").json()
    assert (row["asset"], row["check"], row["outcome"], row["blocking"]) == ("shop/suspect", "is_certain", "fail", True)
    assert row["time"]


def test_costs_are_totals_of_whatever_ran(shop: Shop) -> None:
    rows = {row["asset"]: row for row in shop.look("costs", "--json").json()}
    assert rows["shop/broken"]["attempts"] >= 1, "what failed has its cost too"
    assert rows["shop/revenue"]["wall_seconds"] > 0
    (whole,) = shop.look("costs", "--by", "domain", "--json").json()
    assert whole["domain"] == "shop"
    assert whole["attempts"] == sum(row["attempts"] for row in rows.values())
    assert shop.look("costs").lines[0].split()[0] == "asset"


def test_costs_keep_to_an_asset_and_to_a_time(shop: Shop) -> None:
    assert {row["asset"] for row in shop.look("costs", "revenue", "--json").json()} == {"shop/revenue"}
    assert shop.look("costs", "--since", "1ms", "--json").json() == []
    ran = shop.run("costs", "--since", "soon")
    assert ran.code == 2
    assert "'soon' is no duration" in ran.err


def answer(sequence: str, outcome: str) -> dict[str, Any]:
    return {"sequence": sequence, "data": {"asset": "d/a", "check": "c", "outcome": outcome}}


def test_an_older_answer_that_comes_late_is_not_the_newest() -> None:
    (newest,) = newest_answers([answer("2", "pass"), answer("1", "fail")])
    assert newest["data"]["outcome"] == "pass"


def cost(cost_id: str, resource: str, quantity: float, revision: int = 1, **fields: Any) -> dict[str, Any]:
    said = {"asset": "d/a", "cost_id": cost_id, "resource": resource, "quantity": quantity, "unit": "credits"}
    return {"data": said | {"revision": revision} | fields}


def test_a_revised_bill_counts_once_and_peaks_are_not_added() -> None:
    events = newest_revisions(
        [
            cost("1/wall", "wall", 2.0),
            cost("2/wall", "wall", 3.0),
            cost("1/peak", "memory.peak", 500),
            cost("2/peak", "memory.peak", 300),
            cost("1/wh", "warehouse", 9.0, revision=2, amount=1.5, currency="USD"),
            cost("1/wh", "warehouse", 7.0, amount=1.0, currency="USD"),
        ]
    )
    total = totals([one["data"] for one in events], lambda said: (said["asset"],))["d/a",]
    assert (total.attempts, total.wall_seconds, total.peak_bytes) == (2, 5.0, 500)
    assert (total.reported, total.amounts) == ({"warehouse (credits)": 9.0}, {"USD": Decimal("1.5")})
