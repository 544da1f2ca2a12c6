"""What a function is handed and may hand back, and how inputs are read."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import everfresh as ef
from reactors.compute import Input, outcome_of, output_of
from reactors.io.executors.telling import run_log
from reactors.io.loading import CodeLoader
from reactors.ports import Address, Task
from streams.errors import BadResult, LoadError
from streams.events import Pin


def context() -> ef.Context:
    task = Task(run="7-a", asset="shop/revenue", attempt=2, code_version="1")
    return ef.Context(task.run, task.attempt, task.asset, log=run_log(task))


def test_every_attempt_of_a_run_has_the_same_idempotency_key() -> None:
    assert context().idempotency_key == "7-a"


def test_a_reported_cost_is_in_the_unit_its_resource_is_named_for() -> None:
    ctx = context()
    ctx.report_cost("snowflake.credits", 0.4, amount=1.2, currency="USD")
    ctx.report_cost("bigquery", 3, unit="TiB")
    assert [(item.resource, item.quantity, item.unit, item.amount) for item in ctx.costs] == [
        ("snowflake.credits", 0.4, "credits", 1.2),
        ("bigquery", 3, "TiB", None),
    ]


@pytest.mark.parametrize("quantity", [float("nan"), float("inf")])
def test_a_cost_that_is_no_number_is_refused_where_it_is_reported(quantity: float) -> None:
    with pytest.raises(ValueError, match="'credits': quantity and amount are finite numbers"):
        context().report_cost("credits", quantity)


@pytest.mark.parametrize("fields", [{"version": 3}, {"version": ""}, {"fingerprint": "\ud800"}, {"metadata": [1]}])
def test_an_output_that_fits_no_event_is_refused_where_it_is_made(fields: dict[str, Any]) -> None:
    with pytest.raises(BadResult):
        ef.Output(**fields)


def test_a_returned_value_is_an_output_of_it() -> None:
    assert output_of([1], keeps_values=True) == ef.Output([1])
    assert output_of(ef.Output(version="1"), keeps_values=True) == ef.Output(version="1")
    assert output_of(None, keeps_values=False) == ef.Output()


def test_an_empty_value_is_a_value() -> None:
    assert output_of([], keeps_values=True).value == []
    with pytest.raises(BadResult):
        output_of(0, keeps_values=False)


@pytest.mark.parametrize("passed", [True, np.True_, ef.CheckOutcome(True), ef.CheckOutcome(np.True_)])  # type: ignore[arg-type]
def test_a_check_may_answer_with_any_kind_of_bool(passed: Any) -> None:
    assert outcome_of(passed).passed is True


@pytest.mark.parametrize("answer", [None, 1, "yes", ef.CheckOutcome(None), pl.Series([True])])  # type: ignore[arg-type]
def test_a_check_that_answers_otherwise_has_not_answered(answer: Any) -> None:
    with pytest.raises(BadResult, match="a check returns a bool"):
        outcome_of(answer)


@pytest.mark.parametrize("metric", [math.nan, -math.inf, np.float32("nan")])
def test_a_metric_that_is_no_number_is_none(metric: float) -> None:
    assert outcome_of(ef.CheckOutcome(True, metric=metric)).metric is None
    assert outcome_of(ef.CheckOutcome(True, metric=0.5)).metric == 0.5


# Inputs


def loader(**reads: Any) -> CodeLoader:
    app = ef.App("shop")
    for name, read in reads.items():
        app.source(name, load=read)
    return CodeLoader(app.code())


def test_a_source_is_read_by_its_own_function_with_the_version_that_is_wanted() -> None:
    def read(wanted: ef.Input) -> Any:
        return wanted.key, wanted.version, wanted.cut, wanted.metadata

    found = loader(orders=read).load("shop/orders", Pin(version="4", cut={"shop/orders": 9}, metadata={"a": 1}), None)
    assert found == ("shop/orders", "4", {"shop/orders": 9}, {"a": 1})


def test_a_source_whose_function_takes_nothing_is_just_read() -> None:
    assert loader(orders=lambda: [1]).load("shop/orders", Pin(version="4"), None) == [1]


def test_a_table_a_source_reads_becomes_the_kind_that_is_asked_for() -> None:
    one = loader(orders=lambda: pl.DataFrame({"a": [1]}))
    assert isinstance(one.load("shop/orders", Pin(version="4"), pa.Table), pa.Table)
    assert isinstance(one.load("shop/orders", Pin(version="4"), pl.DataFrame), pl.DataFrame)


def test_a_source_that_asks_its_input_to_load_itself_is_told() -> None:
    with pytest.raises(LoadError, match="asks the input to load itself"):
        loader(orders=lambda wanted: wanted.load()).load("shop/orders", Pin(version="4"), None)


def test_an_assets_version_is_read_by_the_store_that_wrote_it() -> None:
    class Remembered:
        def load(self, uri: str, format: str | None = None, as_type: Any = None) -> Any:  # noqa: A002
            return uri, format, as_type

    app = ef.App("shop")
    app.asset(name="revenue", store=Remembered())(lambda: 1)  # type: ignore[arg-type]
    found = CodeLoader(app.code()).load("shop/revenue", Pin(version="1", uri="kv:7", format="kv"), bytes)
    assert found == ("kv:7", "kv", bytes)


def test_another_domains_version_is_read_by_uri_and_format(tmp_path: Path) -> None:
    kept = ef.JsonStore(str(tmp_path)).write(Address("finance/fx", "", "1"), {"eur": 1})
    one = loader().input("finance/fx", Pin(version="1", uri=kept.uri, format=kept.format, fingerprint="f"))
    assert one.load() == {"eur": 1}
    assert one.load(Path).read_text() == '{"eur":1}'
    assert (one.key, one.version, one.fingerprint) == ("finance/fx", "1", "f")


def test_a_version_that_names_no_place_cannot_be_loaded_and_the_way_out_is_told() -> None:
    with pytest.raises(LoadError, match=r"'shop/x' has nothing to load.*annotate the argument as ef.Input"):
        loader().load("shop/x", Pin(version="1"), None)


def test_an_input_can_be_made_by_hand_to_try_a_function_out() -> None:
    one = Input("shop/orders", version="4", read=lambda as_type: ["loaded", as_type])
    assert one.load(bytes) == ["loaded", bytes]
    with pytest.raises(LoadError):
        Input("shop/orders").load()
