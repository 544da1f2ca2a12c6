"""docs/history.md: each query answers, in SQLite and in PostgreSQL alike; each column is named."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from sinks.history import COLUMNS, COMMON
from sinks.io.history import History
from tests.conformance.history_stage import Books, books
from tests.core.sinks_samples import event
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "history.md"
QUERIES = [block.text for block in blocks("sql") if block.page == "docs/history.md"]


def events() -> list[dict[str, Any]]:
    """A day of a shop: versions, a failed run, checks with a figure, bills of which one is late, an alert."""
    return [
        *(event("asset.materialized", n, version=f"v{n}", run=f"{n}-shop/revenue") for n in (1, 2)),
        event("asset.verified", 3, run="3-shop/revenue"),
        event("run.ended", 4),
        *(event("check.evaluated", n, metric=float(n * n), run=f"{n}-shop/revenue") for n in (5, 6)),
        event("cost.incurred", 7, amount=1.0),
        event("cost.incurred", 8, amount=1.5, revision=2),
        *(event("freshness.changed", n) for n in (9, 10)),
        event("alert.opened", 11),
        event("alert.updated", 60_011, sequence=2, acknowledged_by="ada"),
        event("alert.resolved", 75_011, sequence=3),
    ]


async def filled(kept: Books) -> Books:
    history = History(kept.open())
    await asyncio.gather(*(history.deliver(one) for one in events()))
    await history.close()
    return kept


def comparable(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """Without what the databases' drivers call differently: moments, and the figures' types."""
    return [tuple(_plain(value) for value in row) for row in rows]


def _plain(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T.*Z)?", text):
        return text[:10]
    try:
        return f"{float(text):.6f}"
    except ValueError:
        return text


async def test_every_query_answers_and_both_databases_say_the_same(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    one, other = [await filled(books(kind, tmp_path, request)) for kind in ("sqlite", "postgresql")]
    assert len(QUERIES) >= 8
    for query in QUERIES:
        found = comparable(one.ask(query))
        assert found, query
        assert found == comparable(other.ask(query)), query


async def test_a_late_bill_replaces_the_earlier_and_an_episode_has_its_length(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kept = await filled(books("sqlite", tmp_path, request))
    [episodes, costs] = [kept.ask(query) for query in QUERIES[:2]]
    assert episodes == [("shop/revenue", "freshness.overdue", 1, 75.0)]
    assert costs == [("shop/revenue", "2026-01-01", "USD", 1.5)]


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_is_named_on_the_page(table: str) -> None:
    text = PAGE.read_text()
    [row] = [line for line in text.splitlines() if line.startswith(f"| `{table}` ")]
    assert {name for name in COLUMNS[table] if name not in COMMON} <= set(re.findall(r"`(\w+)`", row))
    assert {name for name in COMMON if f"`{name}`" not in text} == set()
