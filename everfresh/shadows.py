"""Finds whose package it is that Python would take for ours. Runs before any of them is imported."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

OURS = ("streams", "reactors", "sinks")
"""the import names beside `everfresh` that are everfresh's"""

HOME = Path(__file__).resolve().parent.parent
"""the folder that holds all of everfresh's packages"""


def refuse_shadows() -> None:
    """Raise ImportError, in one sentence, where another `streams`, `reactors` or `sinks` would be imported.

    An ImportError and no EverfreshError, because that one lives in the package that is in the way.
    """
    for name in OURS:
        found = _found(name)
        if found is not None and found.parent != HOME / name:
            raise ImportError(
                f"{found} is in the way of everfresh's own package {name!r}: rename yours, "
                "or keep its folder off the front of Python's path",
                name=name,
                path=str(found),
            ) from None


def hidden_by_ours(folder: Path) -> Path | None:
    """The module in an app's folder that Python won't find, because everfresh has a package of that name."""
    if folder.resolve() == HOME:
        return None
    for name in ("everfresh", *OURS):
        if (folder / f"{name}.py").is_file():
            return folder / f"{name}.py"
        if any((folder / name).glob("*.py")):
            return folder / name
    return None


def _found(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    spec: ModuleSpec | None = loaded.__spec__ if loaded is not None else importlib.util.find_spec(name)
    return Path(spec.origin).resolve() if spec is not None and spec.origin else None


refuse_shadows()
