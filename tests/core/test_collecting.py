"""From a bill's lines to costs: whose they are, what becomes of the rest, and which revision each is."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reactors.collecting import Bill, Known, Line, Split
from streams.costs import Tagged
from streams.events import CostReported

DAY, NEXT = "2026-01-01", "2026-01-02"
DAYS = (DAY, NEXT)
BILL = Bill("wh", frozenset(("d/a", "d/b")), "d")
RUN = "3-94af"


def line(quantity: Any, asset: str | None = "d/a", run: str = RUN, day: str = DAY, **fields: Any) -> Line:
    tag = None if asset is None else Tagged(asset, run)
    money: dict[str, Any] = {"amount": Decimal(str(quantity)) * 3, "currency": "USD"} | fields
    return Line(day, "wh.credits", Decimal(str(quantity)), "credits", tag=tag, **money)


def known(costs: list[CostReported]) -> list[Known]:
    """What the events say that follow from these."""
    found = []
    for one in costs:
        said = one.model_dump() | {"amount": None if one.amount is None else float(one.amount)}
        found.append(Known(*(said[name] for name in Known._fields)))
    return found


def estimate(attempt: int = 1, day: str = DAY) -> Known:
    name = f"{RUN}/{attempt}/wh.credits"
    return Known("d/a", name, 1, RUN, "wh.credits", 0.4, "credits", 1.2, "USD", "estimated", day)


def short(costs: list[CostReported]) -> list[tuple[str, str, int, float, str | None]]:
    return [(one.asset, one.cost_id, one.revision, one.quantity, one.amount) for one in costs]


def test_lines_of_a_run_are_one_cost_a_day() -> None:
    lines = [line("0.1"), line("0.2"), line(1, day=NEXT)]
    name = f"wh.credits/credits/USD/{RUN}"
    assert short(BILL.costs(lines, DAYS)) == [
        ("d/a", f"bill/wh/{DAY}/{name}", 1, 0.3, "0.9"),
        ("d/a", f"bill/wh/{NEXT}/{name}", 1, 1.0, "3"),
    ]


def test_to_collect_again_tells_only_what_differs_as_the_next_revision() -> None:
    before = BILL.costs([line(1), line(2, "d/b"), line(5, None)], DAYS)
    assert BILL.costs([line(5, None), line(2, "d/b"), line(1)], DAYS, known(before)) == []
    (later,) = BILL.costs([line(1), line("2.5", "d/b"), line(5, None)], DAYS, known(before))
    assert (later.asset, later.revision, later.amount) == ("d/b", 2, "7.5")
    assert later.cost_id in {one.cost_id for one in before}


def test_what_the_bill_doesnt_have_any_more_comes_to_nothing() -> None:
    before = BILL.costs([line(1), line(2, "d/b"), line(1, day=NEXT)], DAYS)
    (gone,) = BILL.costs([line(1)], [DAY], known(before))
    assert (gone.asset, gone.revision, gone.quantity, gone.amount) == ("d/b", 2, 0, "0"), (
        "the next day wasn't asked for"
    )


def test_an_estimate_of_the_run_itself_is_reconciled_under_its_own_name() -> None:
    (cost,) = BILL.costs([line("0.5")], DAYS, [estimate()])
    assert short([cost]) == [("d/a", f"{RUN}/1/wh.credits", 2, 0.5, "1.5")]
    assert cost.status == "reconciled"
    assert BILL.costs([line("0.5")], DAYS, [estimate(), *known([cost])]) == []


def test_of_several_attempts_the_last_one_takes_the_bill_and_the_others_come_to_nothing() -> None:
    costs = BILL.costs([line("0.5")], DAYS, [estimate(1), estimate(2)])
    assert [(one.cost_id[-12:], one.quantity) for one in costs] == [("2/wh.credits", 0.5), ("1/wh.credits", 0.0)]


def test_an_estimate_of_another_day_than_the_bill_is_replaced() -> None:
    costs = BILL.costs([line("0.5")], DAYS, [estimate(day=NEXT)])
    assert [(one.revision, one.quantity) for one in costs] == [(1, 0.5), (2, 0.0)]


def test_what_was_reconciled_stays_when_only_the_next_day_is_collected() -> None:
    lines = [line("0.5"), line("0.1", day=NEXT)]
    before = [estimate(), *known(BILL.costs(lines[:1], [DAY], [estimate()]))]
    (later,) = BILL.costs(lines[1:], [NEXT], before)
    assert (later.period, later.revision, later.quantity) == (NEXT, 1, 0.1)


def test_what_has_no_tag_of_ours_is_idle() -> None:
    lines = [line(1), line(2, None), line(3, "other/x")]
    idle = [one for one in BILL.costs(lines, DAYS) if one.asset == "d/_idle"]
    assert [(one.quantity, one.amount, one.method, one.run) for one in idle] == [(5.0, "15", "apportioned", "")]


def test_what_is_untagged_is_split_as_is_said() -> None:
    bill = Bill("wh", frozenset(("d/a", "d/b")), "d", "proportionally")
    costs = bill.costs([line(1), line(3, "d/b"), line(4, None)], DAYS)
    parts = {one.asset: one.amount for one in costs if one.method == "apportioned"}
    assert parts == {"d/a": "3", "d/b": "9"}
    even = Bill("wh", frozenset(("d/a", "d/b")), "d", "evenly").costs([line(1), line(3, "d/b"), line(1, None)], DAYS)
    assert {one.asset: one.amount for one in even if one.method == "apportioned"} == {"d/a": "1.5", "d/b": "1.5"}
    shares = Bill("wh", BILL.assets, "d", shares={"d/b": Decimal(30)}).costs([line(1, None)], DAYS)
    assert {one.asset: one.amount for one in shares} == {"d/b": "0.9", "d/_idle": "2.1"}


def test_currencies_and_units_are_never_added_up() -> None:
    costs = BILL.costs([line(1), line(1, currency="EUR"), line(1, amount=None, currency=None)], DAYS)
    assert sorted(str(one.currency) for one in costs) == ["EUR", "None", "USD"]
    assert len({one.cost_id for one in costs}) == 3


AMOUNTS = st.decimals(-10_000, 10_000, places=4)
LINES = st.lists(st.tuples(st.sampled_from(["d/a", "d/b", None, "x/y"]), AMOUNTS), max_size=12)


@given(LINES, st.sampled_from(["idle", "evenly", "proportionally"]))
def test_what_is_told_sums_to_the_bill(said: list[tuple[str | None, Decimal]], untagged: Split) -> None:
    bill = Bill("wh", frozenset(("d/a", "d/b")), "d", untagged)
    lines = [line(1, asset, amount=amount) for asset, amount in said]
    costs = bill.costs(lines, DAYS)
    assert sum(Decimal(one.amount or 0) for one in costs) == sum(amount for _, amount in said)
    assert bill.costs(lines, DAYS, known(costs)) == []
