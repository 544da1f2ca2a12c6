"""An independent checker finds nothing wrong where checks stand alone, and what is wrong where something is."""

from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from tests.checker import check, read

ANSWER = "everfresh.check.evaluated.v1"


def lived(policy: Any) -> list[dict[str, Any]]:
    app = ef.App("shop")
    orders = app.source("orders", exists=True, load=lambda: [1])

    @app.asset(deps={"orders": orders}, freshness=ef.Within("20m"))
    def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(version=orders.version or "0")

    def is_positive(orders: list[int]) -> bool:
        return min(orders) > 0

    app.check(orders, freshness=policy)(is_positive)
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        for number in range(5):
            world.publish(orders, version=str(number))
            world.advance("1h")
        return world.exported()


@pytest.mark.parametrize("policy", [ef.Within("10m"), ef.Eager(), ef.Cron("0 * * * *")], ids=lambda one: one.kind)
def test_nothing_is_wrong_and_what_is_lost_or_published_is_missed(policy: Any) -> None:
    records = lived(policy)
    assert check(read(records)).violations == []
    answers = [one for one in records if one["event"]["type"] == ANSWER]
    assert len(answers) >= 5
    lost = [one for one in records if one is not answers[2]]
    assert "nobody was told the answer" in str(check(read(lost)).violations[0])
    version = next(one for one in records if one["event"]["type"] == "everfresh.asset.materialized.v1")
    data = version["event"]["data"] | {"asset": "shop/orders.is_positive"}
    published = {**version, "event": {**version["event"], "data": data, "id": "another"}}
    assert "a check that stands alone has a" in str(check(read([*records, published])).violations[0])
