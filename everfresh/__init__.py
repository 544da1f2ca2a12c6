"""Everfresh keeps data assets fresh. What users need is here, under one name: `import everfresh as ef`.

A name is imported when it is first asked for, so that `everfresh --help` and every completion need nothing of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from everfresh import shadows as shadows  # first: it says whose `streams` Python would take for ours

if TYPE_CHECKING:
    from everfresh import adapters, checks, webhooks
    from everfresh.app import App
    from everfresh.partitions import (
        Along,
        Daily,
        Dep,
        Dynamic,
        Grid,
        Hourly,
        Last,
        Matched,
        Monthly,
        Quarterly,
        Static,
        Weekly,
        Yearly,
    )
    from everfresh.policies import Cron, Eager, Retry, Within
    from everfresh.publisher import AsyncPublisher, Publisher
    from reactors.compute import Change, CheckOutcome, Context, Input, Output
    from reactors.io.stores import DatabaseStore, FileStore, JsonStore, ParquetStore, Table
    from reactors.recipes import Sample
    from streams import errors
    from streams.partitions import All, Overlapping, Same
    from streams.policies import Manual, OnDemand

__all__ = [
    "All",
    "Along",
    "App",
    "AsyncPublisher",
    "Change",
    "CheckOutcome",
    "Context",
    "Cron",
    "Daily",
    "DatabaseStore",
    "Dep",
    "Dynamic",
    "Eager",
    "FileStore",
    "Grid",
    "Hourly",
    "Input",
    "JsonStore",
    "Last",
    "Manual",
    "Matched",
    "Monthly",
    "OnDemand",
    "Output",
    "Overlapping",
    "ParquetStore",
    "Publisher",
    "Quarterly",
    "Retry",
    "Same",
    "Sample",
    "Static",
    "Table",
    "Weekly",
    "Within",
    "Yearly",
    "adapters",
    "checks",
    "errors",
    "webhooks",
]

_HOMES = {
    "everfresh": ("adapters", "checks", "webhooks"),
    "everfresh.app": ("App",),
    "everfresh.partitions": (
        "Along",
        "Daily",
        "Dep",
        "Dynamic",
        "Grid",
        "Hourly",
        "Last",
        "Matched",
        "Monthly",
        "Quarterly",
        "Static",
        "Weekly",
        "Yearly",
    ),
    "everfresh.policies": ("Cron", "Eager", "Retry", "Within"),
    "everfresh.publisher": ("AsyncPublisher", "Publisher"),
    "reactors.compute": ("Change", "CheckOutcome", "Context", "Input", "Output"),
    "reactors.io.stores": ("DatabaseStore", "FileStore", "JsonStore", "ParquetStore", "Table"),
    "reactors.recipes": ("Sample",),
    "streams": ("errors",),
    "streams.partitions": ("All", "Overlapping", "Same"),
    "streams.policies": ("Manual", "OnDemand"),
}
"""module → the names that come from it"""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            found = vars(import_module(home)).get(name) or import_module(f"{home}.{name}")
            globals()[name] = found  # from now on without this function
            return found
    raise AttributeError(f"module 'everfresh' has no attribute {name!r}", name=name, obj=None)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
