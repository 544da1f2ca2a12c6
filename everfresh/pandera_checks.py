"""What a pandera schema asks, by name, and which of that a validation found wrong."""

from collections.abc import Iterable, Sequence
from typing import Any

from reactors.compute import CheckOutcome

_NAMES = {
    "SERIES_CONTAINS_DUPLICATES": "unique",
    "SERIES_CONTAINS_NULLS": "not_nullable",
    "WRONG_DATATYPE": "dtype",
    "DATATYPE_COERCION": "dtype",
    "COLUMN_NOT_IN_DATAFRAME": "required",
    "COLUMN_NOT_IN_SCHEMA": "strict",
    "DUPLICATES": "unique",
}


def asked(schema: Any) -> list[str]:
    """Everything that the schema asks."""
    found = []
    for name, column in schema.columns.items():
        asks = {"required": column.required, "dtype": column.dtype, "unique": column.unique}
        asks["not_nullable"] = not column.nullable
        found += [f"{name}.{ask}" for ask, is_asked in asks.items() if is_asked]
        found += [f"{name}.{_name(check)}" for check in column.checks]
    found += [_name(check) for check in schema.checks]
    found += ["unique"] if schema.unique else []
    found += ["strict"] if schema.strict else []
    return list(dict.fromkeys(found))


def wrong(errors: Sequence[Any]) -> dict[str, CheckOutcome]:
    """What a validation found wrong, by name: how many rows, and pandera's first words about it."""
    found: dict[str, CheckOutcome] = {}
    for error in errors:
        reason = getattr(error.reason_code, "name", "CHECK")
        ask = _NAMES.get(reason) or (_name(error.check) if error.check is not None else reason.lower())
        column = _column(error, reason)
        name = f"{column}.{ask}" if column else ask
        cases = error.failure_cases
        count = len(cases) if hasattr(cases, "__len__") and not isinstance(cases, str) else None
        observed = str(error).partition("\n")[0]
        found[name] = CheckOutcome(
            False, observed, n_failed=count, errored=reason == "CHECK_ERROR", name=name, engine="pandera"
        )
    return found


def warned(schema: Any, messages: Iterable[str]) -> list[str]:
    """The checks that only warn, of those that did."""
    told = list(messages)
    named = [(f"{name}.{_name(check)}", name, check) for name, one in schema.columns.items() for check in one.checks]
    named += [(_name(check), "", check) for check in schema.checks]
    return [
        name
        for name, column, check in named
        if check.raise_warning and any(_name(check) in message and column in message for message in told)
    ]


def _name(check: Any) -> str:
    return str(getattr(check, "error", None) or getattr(check, "name", None) or check)


def _column(error: Any, reason: str) -> str | None:
    if reason == "COLUMN_NOT_IN_DATAFRAME":
        cases = error.failure_cases
        return str(cases if isinstance(cases, str) else next(iter(_values(cases)), ""))
    if reason in {"COLUMN_NOT_IN_SCHEMA", "DUPLICATES"}:
        return None
    found = getattr(error, "column_name", None)
    return None if found is None else str(found)


def _values(cases: Any) -> Iterable[Any]:
    """The failure cases of a table of them, polars' or pandas'."""
    return list(cases["failure_case"]) if hasattr(cases, "columns") else list(cases)
