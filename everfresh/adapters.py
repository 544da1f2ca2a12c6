"""Answers of other libraries' checks as ours, one each: to be returned from a function under `@app.check`.

```python
@app.check(revenue, blocking=True)
def contract(revenue: pl.DataFrame) -> list[ef.CheckOutcome]:
    return ef.adapters.pandera(schema, revenue)
```

Each answer's name comes after the check's and a slash, like `day.not_nullable` after `contract`. What a library calls a
warning has the severity "warn", and holds nothing back.
"""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from everfresh.pandera_checks import asked, warned, wrong
from reactors.compute import CheckOutcome
from streams.errors import BadResult
from streams.events import Severity

_GREAT: Mapping[str, Severity] = {"critical": "critical", "warning": "warn", "info": "info"}


def pandera(schema: Any, table: Any) -> list[CheckOutcome]:
    """Validate a table by a pandera schema or model, lazily: an answer for each thing that it asks.

    Polars, pandas, or whatever the schema is of; needs pip install 'everfresh[pandera]'. Named like `day.dtype`,
    `day.not_nullable`, `delay.less_than(5)`. Raises BadResult for what is no schema.
    """
    from pandera.errors import SchemaErrors

    schema = schema.to_schema() if hasattr(schema, "to_schema") else schema
    if not hasattr(schema, "validate") or not hasattr(schema, "columns"):
        raise BadResult(f"a pandera DataFrameSchema or DataFrameModel is wanted, not {type(schema).__name__}")
    failed: dict[str, CheckOutcome] = {}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            validated = schema.validate(table, lazy=True)
            if hasattr(validated, "collect") and hasattr(validated, "lazy"):
                validated.collect()
        except SchemaErrors as error:
            failed = wrong(error.schema_errors)
    for name in warned(schema, [str(one.message) for one in heard]):
        failed[name] = CheckOutcome(False, "it warned", name=name, severity="warn", engine="pandera")
    gone = tuple(f"{name.removesuffix('required')}" for name in failed if name.endswith(".required"))
    others = [name for name in asked(schema) if name not in failed]
    skipped = [name for name in others if name.startswith(gone)] if gone else []
    return [
        *failed.values(),
        *(CheckOutcome(True, name=name, engine="pandera") for name in others if name not in skipped),
        *(replace(CheckOutcome.skip("there is no such column"), name=name, engine="pandera") for name in skipped),
    ]


def pointblank(validation: Any) -> list[CheckOutcome]:
    """The steps of a pointblank `Validate`, interrogated here if it wasn't yet: an answer each.

    Where thresholds are set, a step fails once one of them is reached, with that level as its severity; else once a row
    fails. Named like `2 col_vals_gt(id)`. Raises BadResult for anything else.
    """
    if not hasattr(validation, "interrogate") or not hasattr(validation, "get_json_report"):
        raise BadResult(f"a pointblank Validate is wanted, not {type(validation).__name__}")
    if getattr(validation, "time_start", None) is None:
        validation = validation.interrogate()
    steps = [vars(one) for one in validation.validation_info]
    return [_of_step(step) for step in steps]


def great_expectations(result: Any) -> list[CheckOutcome]:
    """The result of a Great Expectations validation or checkpoint, or its JSON: an answer for each expectation.

    Named like `expect_column_values_to_not_be_null(day)`. Raises BadResult for anything else.
    """
    found = [_of_expectation(told) for one in _validations(result) for told in one.get("results", ())]
    return _told_apart(found, "this Great Expectations result")


def dbt(run_results: str | Path | Mapping[str, Any]) -> list[CheckOutcome]:
    """The tests in a dbt `run_results.json`, by path or read already: an answer each; models and seeds are left out.

    Named after the test, like `not_null_orders_id`; `warn` is a failure of the severity "warn". Raises BadResult where
    it holds no tests, or is no such file.
    """
    told = run_results
    if not isinstance(told, Mapping):
        try:
            told = json.loads(Path(told).read_bytes())
        except (OSError, ValueError) as error:
            raise BadResult(f"{run_results} can't be read as dbt's run_results.json: {error}") from None
    results = told.get("results") if isinstance(told, Mapping) else None
    if not isinstance(results, Sequence):
        raise BadResult("dbt's run_results.json has a list of results; this one has none")
    tests = [one for one in results if str(one.get("unique_id")).startswith(("test.", "unit_test."))]
    return _told_apart([_of_test(one) for one in tests], "dbt's run_results.json; run dbt test or dbt build before")


def _of_step(step: Mapping[str, Any]) -> CheckOutcome:
    column = step.get("column")
    columns = ", ".join(map(str, column)) if isinstance(column, list) else "" if column is None else str(column)
    levels: tuple[tuple[str, Severity], ...] = (("critical", "critical"), ("error", "error"), ("warning", "warn"))
    reached = next((severity for level, severity in levels if step.get(level)), None)
    has_levels = any(step.get(level) is not None for level, _ in levels)
    failed, tested = step.get("n_failed"), step.get("n")
    return CheckOutcome(
        passed=bool(step.get("all_passed")) or (has_levels and reached is None),
        observed=None if tested is None else f"{failed} of {tested} rows don't",
        expected=step.get("brief") or _words(step.get("values")),
        n_tested=tested,
        n_failed=failed,
        skipped=not step.get("active") and not step.get("eval_error"),
        errored=bool(step.get("eval_error")),
        name=f"{step.get('i')} {step.get('assertion_type')}({columns})",
        severity=reached,
        engine="pointblank",
    )


def _validations(result: Any) -> Iterable[Mapping[str, Any]]:
    run_results = getattr(result, "run_results", None)
    if isinstance(run_results, Mapping):  # of a checkpoint
        return [one.to_json_dict() for one in run_results.values()]
    told = result.to_json_dict() if hasattr(result, "to_json_dict") else result
    if isinstance(told, Mapping) and isinstance(told.get("run_results"), Mapping):
        inner = told["run_results"].values()
        return [one.get("validation_result", one) for one in inner]
    if isinstance(told, Mapping) and "results" in told:
        return [told]
    raise BadResult(f"a Great Expectations validation or checkpoint result is wanted, not {type(result).__name__}")


def _of_expectation(told: Mapping[str, Any]) -> CheckOutcome:
    config, result = told.get("expectation_config") or {}, told.get("result") or {}
    said = {key: value for key, value in (config.get("kwargs") or {}).items() if key not in {"batch_id", "column"}}
    raised = _exception(told.get("exception_info") or {})
    tested, failed = result.get("element_count"), result.get("unexpected_count")
    observed = result.get("observed_value")
    if observed is None and failed is not None:
        observed = f"{failed} of {tested} rows don't"
    column = (config.get("kwargs") or {}).get("column", "")
    return CheckOutcome(
        passed=bool(told.get("success")),
        observed=raised or observed,
        expected=_words(said),
        n_tested=tested,
        n_failed=failed,
        errored=raised is not None,
        name=f"{config.get('type') or config.get('expectation_type')}({column})",
        severity=_GREAT.get(str(config.get("severity"))) if not told.get("success") else None,
        engine="great_expectations",
    )


def _exception(info: Mapping[str, Any]) -> str | None:
    """What an expectation raised, in a line; it stands there by itself, or by each metric that raised."""
    for one in (info, *(inner for inner in info.values() if isinstance(inner, Mapping))):
        if one.get("raised_exception"):
            return str(one.get("exception_message"))
    return None


def _of_test(told: Mapping[str, Any]) -> CheckOutcome:
    status, failures = str(told.get("status")), told.get("failures")
    parts = str(told.get("unique_id")).split(".")
    return CheckOutcome(
        passed=status in {"pass", "success"},
        observed=told.get("message") or (None if failures is None else f"{failures} failures"),
        n_failed=failures,
        skipped=status == "skipped",
        errored=status not in {"pass", "success", "fail", "warn", "skipped"},
        name=parts[2] if len(parts) > 2 else parts[-1],
        severity="warn" if status == "warn" else None,
        engine="dbt",
    )


def _told_apart(outcomes: Sequence[CheckOutcome], where: str) -> list[CheckOutcome]:
    """Each under a name of its own. Raises BadResult where there are none: nothing was asked."""
    if not outcomes:
        raise BadResult(f"there are no checks in {where}")
    seen: dict[str | None, int] = {}
    found = []
    for one in outcomes:
        seen[one.name] = seen.get(one.name, 0) + 1
        found.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name} {seen[one.name]}"))
    return found


def _words(said: Any) -> str | None:
    if isinstance(said, Mapping):
        return ", ".join(f"{key} {value}" for key, value in said.items()) or None
    return None if said is None else str(said)
