"""What other libraries' checks answer comes back as ours, one each: by the real ones, and a file that dbt wrote."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.compute import CheckOutcome
from streams.errors import BadResult

TABLE = pl.DataFrame({"id": [1, 2, 2, -1], "x": [1.0, None, 9.0, -3.0]})
RUN_RESULTS = Path(__file__).parent / "artifacts" / "dbt_run_results.json"
"""by dbt-core 1.10.23 with dbt-duckdb, from a project of one model and five tests"""


def said(outcomes: list[CheckOutcome]) -> dict[str | None, str]:
    """Name → outcome, and a severity of its own."""
    assert len({one.name for one in outcomes}) == len(outcomes)
    return {one.name: _word(one) + (f" ({one.severity})" if one.severity else "") for one in outcomes}


def _word(one: CheckOutcome) -> str:
    return "skip" if one.skipped else "error" if one.errored else "pass" if one.passed else "fail"


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_pandera_answers_for_each_thing_that_a_schema_asks(library: str) -> None:
    pa: Any = import_module(f"pandera.{library}")
    columns = {
        "id": pa.Column(int, pa.Check.gt(0), unique=True),
        "x": pa.Column(float, [pa.Check.lt(5), pa.Check.gt(0, raise_warning=True)], nullable=True),
        "gone": pa.Column(int),
    }
    schema = pa.DataFrameSchema(columns, unique=["id", "x"])
    answers = ef.adapters.pandera(schema, TABLE if library == "polars" else TABLE.to_pandas())
    assert said(answers) == {
        "id.required": "pass",
        "id.dtype": "pass",
        "id.not_nullable": "pass",
        "id.unique": "fail",
        "id.greater_than(0)": "fail",
        "x.required": "pass",
        "x.dtype": "pass",
        "x.less_than(5)": "fail",
        "x.greater_than(0)": "fail (warn)",
        "gone.required": "fail",
        "gone.dtype": "skip",
        "gone.not_nullable": "skip",
        "unique": "pass",
    }
    assert {one.name: one.n_failed for one in answers}["id.greater_than(0)"] == 1


def test_a_pandera_model_will_do_as_well_and_a_sound_table_passes() -> None:
    import pandera.polars as pa

    class Flights(pa.DataFrameModel):
        id: int
        x: float = pa.Field(nullable=True)

    assert set(said(ef.adapters.pandera(Flights, TABLE)).values()) == {"pass"}
    with pytest.raises(BadResult, match="a pandera DataFrameSchema or DataFrameModel is wanted, not int"):
        ef.adapters.pandera(7, TABLE)


def test_pointblank_answers_for_each_step_by_its_thresholds() -> None:
    pb: Any = import_module("pointblank")

    plain = pb.Validate(TABLE).col_vals_gt("id", 0).col_vals_gt("id", -9).col_vals_gt("zz", 1)
    assert said(ef.adapters.pointblank(plain)) == {
        "1 col_vals_gt(id)": "fail",
        "2 col_vals_gt(id)": "pass",
        "3 col_vals_gt(zz)": "error",
    }
    levels = pb.Thresholds(warning=2, error=0.9)
    graded = pb.Validate(TABLE, thresholds=levels).col_vals_gt("id", 0).col_vals_gt("id", 1).col_vals_gt("id", 2)
    answers = ef.adapters.pointblank(graded.interrogate())
    assert list(said(answers).values()) == ["pass", "fail (warn)", "fail (error)"]
    assert [(one.n_tested, one.n_failed) for one in answers] == [(4, 1), (4, 2), (4, 4)]
    with pytest.raises(BadResult, match="a pointblank Validate is wanted, not DataFrame"):
        ef.adapters.pointblank(TABLE)


@pytest.mark.filterwarnings("ignore")
def test_great_expectations_answers_for_each_expectation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GX_ANALYTICS_ENABLED", "false")
    gx: Any = import_module("great_expectations")
    context: Any = gx.get_context(mode="ephemeral")
    whole = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    asks = gx.expectations
    expectations = [
        asks.ExpectColumnValuesToNotBeNull(column="x", mostly=0.9),
        asks.ExpectColumnValuesToNotBeNull(column="x", mostly=0.5),
        asks.ExpectTableRowCountToBeBetween(min_value=1, max_value=10),
        asks.ExpectColumnValuesToBeBetween(column="zz", min_value=0),
        asks.ExpectColumnMeanToBeBetween(column="x", min_value=5, severity="warning"),
    ]
    suite = context.suites.add(gx.ExpectationSuite(name="s", expectations=expectations))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=whole, suite=suite))
    result = validation.run(batch_parameters={"dataframe": TABLE.to_pandas()})
    answers = ef.adapters.great_expectations(result)
    assert sorted(said(answers).values()) == ["error (critical)", "fail (critical)", "fail (warn)", "pass", "pass"]
    assert {one.n_failed for one in answers if one.n_tested == 4} == {1}
    assert said(ef.adapters.great_expectations(result.to_json_dict())) == said(answers)
    checkpoint = context.checkpoints.add(gx.Checkpoint(name="c", validation_definitions=[validation]))
    run = checkpoint.run(batch_parameters={"dataframe": TABLE.to_pandas()})
    assert said(ef.adapters.great_expectations(run)) == said(answers)
    with pytest.raises(BadResult, match="validation or checkpoint result is wanted, not int"):
        ef.adapters.great_expectations(7)


def test_dbt_answers_for_each_test_and_for_no_model() -> None:
    answers = ef.adapters.dbt(RUN_RESULTS)
    assert said(answers) == {
        "accepted_values_flights_tail__A__C": "pass",
        "not_null_flights_gone": "error",
        "not_null_flights_id": "pass",
        "not_null_flights_tail": "fail (warn)",
        "unique_flights_id": "fail",
    }
    assert {one.name: one.n_failed for one in answers}["unique_flights_id"] == 1


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"results": []}, "there are no checks in dbt's run_results.json; run dbt test or dbt build before"),
        ({}, "has a list of results; this one has none"),
        ("nowhere/run_results.json", "nowhere/run_results.json can't be read as dbt's run_results.json"),
    ],
)
def test_what_holds_no_tests_is_no_answer(told: Any, said: str) -> None:
    with pytest.raises(BadResult, match=said):
        ef.adapters.dbt(told)


def test_each_answer_is_an_event_and_an_alert_of_its_own() -> None:
    app, versions = ef.App("shop"), iter(["1", "2", "3"])
    orders = app.source("orders")
    tables = {"1": TABLE, "2": TABLE.filter(pl.col("id") == 1), "3": TABLE.rename({"x": "y"})}

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def flights(orders: ef.Input) -> ef.Output:
        return ef.Output(version=next(versions))

    def contract(flights: ef.Output) -> list[ef.CheckOutcome]:
        table = tables[flights.version or ""]
        return [
            ef.CheckOutcome(table["id"].is_unique().all(), name="id.unique"),
            *([ef.CheckOutcome(table["x"].null_count() == 0, name="x.not_null")] if "x" in table else []),
        ]

    app.check(flights)(contract)
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        for number in range(3):
            world.publish(orders, version=str(number))
            world.advance("1m")
        events = world.events("everfresh.check.evaluated.v1")
        assert [(one["check"], one["outcome"]) for one in events] == [
            ("contract/id.unique", "fail"),
            ("contract/x.not_null", "fail"),
            ("contract/id.unique", "pass"),
            ("contract/x.not_null", "pass"),
            ("contract/id.unique", "fail"),
        ]
        opened = [one["labels"]["check"] for one in world.events("everfresh.alert.opened.v1")]
        assert opened == ["contract/id.unique", "contract/x.not_null", "contract/id.unique"]
        world.deploy(app)
        assert len(world.events("everfresh.alert.resolved.v1")) == 2


def test_an_answer_that_is_not_given_any_more_does_not_go_on_firing() -> None:
    app, answers = ef.App("shop"), iter([["a", "b"], ["b"], [], ["b"]])
    orders = app.source("orders")

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def flights(orders: ef.Input) -> ef.Output:
        return ef.Output(version=orders.version)

    def contract(_flights: ef.Output) -> list[ef.CheckOutcome]:
        return [ef.CheckOutcome(False, name=name) for name in next(answers)]  # an empty list is no answer

    app.check(flights)(contract)
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        firing = []
        for number in range(4):
            world.publish(orders, version=str(number))
            world.advance("1m")
            firing.append(sorted(one.cause.label for one in world._up().state.alerts.values()))
    assert firing == [
        ["contract/a", "contract/b"],
        ["contract/b"],
        ["contract", "contract/b"],
        ["contract/b"],
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([], "returned an empty list"),
        ([ef.CheckOutcome(True)], "gives each ef.CheckOutcome a name="),
        ([ef.CheckOutcome(True, name="a"), ef.CheckOutcome(True, name="a")], "each another"),
    ],
)
def test_a_list_of_answers_that_cannot_be_told_apart_is_no_answer(answers: list[ef.CheckOutcome], said: str) -> None:
    from reactors.compute import outcomes_of

    with pytest.raises(BadResult, match=said):
        outcomes_of(answers)
