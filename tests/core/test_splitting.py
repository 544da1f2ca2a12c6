"""A shared bill in parts: they sum to the whole to the coin, whatever the rule, and idle is a part of its own."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactors.splitting import by_shares, by_use, evenly, places_of, split
from streams.costs import IDLE

FIFTY = [f"shop/a{number:02}" for number in range(50)]
CENTS = st.integers(-(10**12), 10**12).map(lambda cents: Decimal(cents).scaleb(-2))
MONEY = st.decimals(-(10**9), 10**9, places=6) | CENTS
QUANTITY = st.decimals(0, 10**9, places=9) | st.just(Decimal(0))
USED = st.lists(QUANTITY, min_size=50, max_size=50).map(lambda all_: dict(zip(FIFTY, all_, strict=True)))


@given(CENTS, USED, QUANTITY)
def test_fifty_assets_and_idle_sum_to_the_whole_to_the_cent(
    whole: Decimal, used: dict[str, Decimal], idle: Decimal
) -> None:
    weights = by_use(used, sum(used.values()) + idle)
    parts = split(whole, weights)
    assert sum(parts.values()) == whole
    if any(weights.values()):
        assert parts.keys() == {*FIFTY, IDLE}
    assert all(part == part.quantize(Decimal("0.01")) for part in parts.values())


@given(MONEY, st.dictionaries(st.text(max_size=3), QUANTITY, max_size=8), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_nobody_is_off_by_a_coin(whole: Decimal, used: dict[str, Decimal], currency: str) -> None:
    weights = by_use(used)
    parts = split(whole, weights, places_of(currency))
    assert sum(parts.values()) == whole
    total = sum(weights.values())
    coin = Fraction(1, 10 ** places_of(currency))
    for name, part in parts.items():
        if total:
            assert abs(Fraction(part) - Fraction(whole) * weights[name] / total) < coin
        assert part * whole >= 0, "nobody gets paid for a bill"


@given(CENTS, st.integers(1, 60))
def test_even_parts_differ_by_a_cent_at_most(whole: Decimal, count: int) -> None:
    parts = split(whole, evenly(f"{number}" for number in range(count)))
    assert sum(parts.values()) == whole
    assert max(parts.values()) - min(parts.values()) <= Decimal("0.01")


@given(CENTS, st.lists(st.integers(0, 200), min_size=50, max_size=50))
def test_fixed_shares_leave_the_rest_idle(whole: Decimal, hundredths: list[int]) -> None:
    shares = {name: Decimal(share).scaleb(-2) for name, share in zip(FIFTY, hundredths, strict=True)}
    parts = split(whole, by_shares(shares))
    assert sum(parts.values()) == whole
    assert abs(parts[IDLE] - whole * (100 - sum(shares.values())) / 100) < Decimal("0.01")


@given(CENTS, USED)
def test_the_order_in_which_they_are_named_changes_nothing(whole: Decimal, used: dict[str, Decimal]) -> None:
    backwards = dict(reversed(used.items()))
    assert split(whole, by_use(used)) == split(whole, by_use(backwards))


def test_what_nobody_used_is_idle() -> None:
    assert split(Decimal(5), by_use({"a": Decimal(0)})) == {IDLE: Decimal(5)}
    assert split(Decimal("7.77"), {}) == {IDLE: Decimal("7.77")}
    assert split(Decimal(4), by_use({"a": Decimal(1)}, Decimal(4)))[IDLE] == Decimal("3.00")


def test_what_used_more_than_there_was_leaves_nothing_idle() -> None:
    assert split(Decimal(4), by_use({"a": Decimal(9)}, Decimal(4))) == {"a": Decimal("4.00"), IDLE: Decimal("0.00")}


def test_wrong_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="the weight of 'a' is -1; it is at least 0"):
        by_use({"a": Decimal(-1)})
    with pytest.raises(ValueError, match="the shares are 101% together"):
        by_shares({"a": Decimal(100), "b": Decimal(1)})
