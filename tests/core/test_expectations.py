"""Checks that come with everfresh: how they are declared, and what is refused."""

from collections.abc import Callable

import pytest

import everfresh as ef
from everfresh import checks
from reactors.expectations import Expectation
from streams.errors import DefinitionError
from streams.events import CheckResult


def shop() -> ef.App:
    app = ef.App("shop")
    orders, planes = app.source("orders"), app.source("planes")

    @app.asset(deps=[orders, planes])
    def revenue(orders: object, planes: object) -> None: ...

    return app


def test_expectations_are_checks_of_the_asset_by_names_that_say_what_they_ask() -> None:
    app = shop()
    app.expect("revenue", checks.not_null("a", "b"), checks.row_count(least=1), severity="warn", timeout="10s")
    app.expect("revenue", checks.unique("id", name="each once"), blocking=True, on_error="pass")
    (asset,) = [one for one in app.manifest(1).assets if one.key == "shop/revenue"]
    assert [(one.name, one.severity, one.blocking, one.on_error, one.timeout_ms) for one in asset.checks] == [
        ("not_null(a, b)", "warn", False, "block", 10_000),
        ("row_count", "warn", False, "block", 10_000),
        ("each once", "error", True, "pass", None),
    ]


def test_what_is_expected_is_told_in_words() -> None:
    told = [
        (checks.in_range("x", least=0), "x at least 0"),
        (checks.in_range("x", most=9, tolerance=0.05), "x at most 9, in all but 5% of the rows"),
        (checks.in_range("x", 0, 9), "x from 0 to 9"),
        (checks.row_count(1, 3), "from 1 to 3 rows"),
        (checks.accepted_values("x", ["a", "b"]), "x one of 'a', 'b'"),
        (checks.relationship("tail", "shop/planes", at="number"), "each tail in number of shop/planes"),
        (checks.unique("a", "b"), "each a, b once"),
    ]
    assert [one.expected for one, _ in told] == [words for _, words in told]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (checks.not_null, "names no column"),
        (checks.unique, "names no column"),
        (lambda: checks.in_range("x"), "neither least nor most"),
        (lambda: checks.in_range("x", 3, 1), "least 3 is above most 1"),
        (checks.row_count, "neither least nor most"),
        (lambda: checks.accepted_values("x", []), "names no value"),
        (lambda: checks.not_null("x", tolerance=1.5), "tolerance is a share"),
    ],
)
def test_an_expectation_that_makes_no_sense_is_refused_in_a_sentence(
    make: Callable[[], Expectation], told: str
) -> None:
    with pytest.raises(DefinitionError, match=told):
        make()


def test_what_is_compared_with_must_be_read_by_the_run() -> None:
    app = shop()
    app.source("airports")
    with pytest.raises(DefinitionError, match=r"'shop/airports', which the asset doesn't read.*add it to its deps"):
        app.expect("revenue", checks.relationship("dest", to="airports"))
    app.expect("revenue", checks.relationship("tail", to="planes"))


def test_a_check_of_an_unknown_asset_or_a_name_twice_is_refused() -> None:
    app = shop()
    with pytest.raises(DefinitionError, match="did you mean 'shop/revenue'"):
        app.expect("revenu", checks.row_count(least=1))
    app.expect("revenue", checks.row_count(least=1))
    with pytest.raises(DefinitionError, match="two of that name"):
        app.expect("revenue", checks.row_count(least=2))
    with pytest.raises(DefinitionError, match=r"has no option 'severty'.*did you mean 'severity'"):
        app.expect("revenue", checks.not_null("x"), severty="warn")  # type: ignore[call-arg]
    with pytest.raises(DefinitionError, match="timeout"):
        app.expect("revenue", checks.not_null("x"), timeout="soon")


@pytest.mark.parametrize(
    ("outcome", "on_error", "held"),
    [
        ("fail", "block", True),
        ("fail", "pass", True),
        ("error", "block", True),
        ("error", "pass", False),
        ("skip", "block", False),
        ("pass", "block", False),
    ],
)
def test_a_blocking_check_holds_back_what_fails_and_what_it_cannot_judge_unless_told_otherwise(
    outcome: str, on_error: str, held: bool
) -> None:
    answer = {"check": "c", "outcome": outcome, "on_error": on_error}
    assert CheckResult(**answer, blocking=True).holds_back == held  # type: ignore[arg-type]
    assert not CheckResult(**answer, blocking=False).holds_back  # type: ignore[arg-type]
