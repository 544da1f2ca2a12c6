"""Some of the rows that failed a check: kept beside the asset's versions, and of them only what may be shown."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reactors.ports import Address, Store
from reactors.recipes import Sample

REDACTED = "redacted"
"""stands where a value isn't shown"""


def keep_sample(store: Store | None, address: Address, said: Sample, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Where the rows lie now, as JSON; None where the store keeps no files."""
    keep: Callable[[Address, bytes], str] | None = getattr(store, "keep_beside", None)
    if keep is None:
        return None
    shown = [redacted(row, said.columns) for row in rows[: said.rows]]
    return keep(address, json.dumps(shown, default=str, ensure_ascii=False).encode())


def redacted(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A row with the values of these columns only.

    >>> redacted({"id": 7, "mail": "ada@example.org"}, ["id"])
    {'id': 7, 'mail': 'redacted'}
    """
    return {str(name): value if name in columns else REDACTED for name, value in row.items()}
