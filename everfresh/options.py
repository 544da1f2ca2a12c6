"""What may be said about an asset, and what is refused, each in one sentence."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

from pydantic import ValidationError

from everfresh.assets import Declared
from everfresh.partitions import Dep
from everfresh.policies import Span, in_one_sentence, inside, spoken
from reactors.anomalies import Metric
from reactors.binding import Function
from reactors.ports import Store
from reactors.recipes import Place, Sample
from streams import definitions
from streams.definitions import NAME, AssetDef, CheckDef, Learning, Retry
from streams.errors import DefinitionError
from streams.events import Severity
from streams.partitions import Dynamic, Grid, Partitions, Static, Windows
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within

Named = Declared | str
"""an asset: what declared it, its key `domain/name`, or its short name inside its own app"""

Deps = Sequence[Named | Dep] | Mapping[str, Named | Dep]
"""assets that are read, or argument → asset; `Dep` says which of its partitions"""


class SourceOptions(TypedDict, total=False):
    """What may be said about a source."""

    owner: str | None
    exists: bool
    expect_every: Span | None
    load: Function | None
    description: str | None
    partitions: Partitions | None
    observe: Function | None
    freshness: Policy
    retry: Retry
    timeout: Span
    takes: Span
    pool: str
    code_version: str
    executor: Literal["process", "thread"] | None


class CheckOptions(TypedDict, total=False):
    """What may be said about a check."""

    severity: Severity
    blocking: bool
    on_error: Literal["block", "pass"]
    timeout: Span | None
    sample: Sample | None
    freshness: Policy


class AnomalyOptions(TypedDict, total=False):
    """What may be said of an anomaly."""

    metrics: Sequence[Metric]
    z: float
    window: int
    season: int
    name: str | None


class CommandOptions(TypedDict, total=False):
    """What may be said about any derived asset; what isn't said is as AssetDef has it."""

    freshness: Policy
    retry: Retry
    timeout: Span
    pool: str
    takes: Span
    owner: str
    code_version: str
    description: str
    store: Store | None
    partitions: Partitions | None


class ProgramOptions(CommandOptions, total=False):
    """What may be said about what a program makes."""

    outputs: Sequence[str] | Mapping[str, Policy]


class AssetOptions(CommandOptions, total=False):
    """What may be said about what a function computes."""

    name: str
    executor: Literal["process", "thread"] | None


_ABOUT = ("pool", "owner", "code_version", "description")
_COMMAND = ("freshness", "retry", "timeout", "takes", *_ABOUT, "store", "partitions")
_LOOK = ("freshness", "retry", "timeout", "takes", "pool", "code_version", "executor")
_SOURCE = ("owner", "exists", "expect_every", "load", "description", "partitions", "observe", *_LOOK)
_PUBLISHED = ("exists", "expect_every", "partitions")
_CHECK = ("severity", "blocking", "on_error", "timeout", "sample", "freshness")
_FUNCTION = (*_COMMAND, "name", "executor")
OPTIONS = {
    "source": _SOURCE,
    "check": _CHECK,
    "command": (*_COMMAND, "outputs"),
    "asset": _FUNCTION,
    "assets": _FUNCTION,
    "budget": ("name", "owner", "tz", "thresholds", "forecast", "on_breach", "stretch"),
    "alert": ("severity", "after", "keep", "damped", "labels"),
}
_SPANS = ("timeout", "takes")


def refuse_unknown(options: Mapping[str, Any], method: str) -> None:
    """Raise DefinitionError for an option that isn't there: nothing is accepted that isn't honoured."""
    known = OPTIONS[method]
    for name in options:
        if name not in known:
            raise DefinitionError(f"{method}(…) has no option {name!r}{near(name, known)}; it has {', '.join(known)}")


def well_named(name: Any, what: str) -> str:
    """The name, if it may be one. Raises DefinitionError; `what` says whose it is, like "an app"."""
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise DefinitionError(
            f"{name!r} can't be {what}'s name: it is 1 to 100 letters, digits, '_', '-' and '.', "
            "the first a letter, digit or '_'"
        )
    return name


def definition(key: str, **fields: Any) -> AssetDef:
    """An asset's definition. Raises DefinitionError that names the asset and the field."""
    try:
        return AssetDef(key=key, **fields)
    except ValidationError as error:
        raise DefinitionError(f"asset {key!r}: {spoken(error)}") from None


def source(key: str, options: SourceOptions) -> AssetDef:
    """The definition of a source. Raises DefinitionError."""
    about = {name: options.get(name) for name in ("owner", "description")}
    exists, expected = options.get("exists", False), options.get("expect_every")
    parts = partitioned(key, options.get("partitions"))
    return definition(key, kind="source", exists=exists, expect_every_ms=expected, partitions=parts, **about)


def observed(key: str, options: SourceOptions) -> AssetDef:
    """The definition of a source that is looked at. Raises DefinitionError."""
    for name in _PUBLISHED:
        if options.get(name):
            raise DefinitionError(f"source {key!r}: {name}= is of what is published; observe= looks whether it changed")
    asset = derived(key, (), options)
    if isinstance(asset.policy, Eager | Manual):
        kind = type(asset.policy).__name__
        raise DefinitionError(
            f"source {key!r}: freshness=ef.{kind}() says nothing of how often to look; say ef.Within('5m'), or leave "
            "it out: then promises below say it"
        )
    return asset.model_copy(update={"observed": True})


def refuse_looks(key: str, options: SourceOptions) -> None:
    """Raise DefinitionError for what is said of a look where nobody looks."""
    for name in _LOOK:
        if name in options:
            raise DefinitionError(
                f"source {key!r}: {name}= is of how it is looked at; say observe=, a function that looks"
            )


def partitioned(key: str, said: Any) -> Partitions | None:
    """An asset's partitions. Raises DefinitionError for what says of none."""
    if said is None or isinstance(said, Windows | Static | Dynamic | Grid):
        return said
    raise DefinitionError(f"asset {key!r}: partitions is like ef.Daily('2013-01-01'), not {said!r}")


def check(name: str, subject: str, options: CheckOptions, learning: Learning | None = None) -> CheckDef:
    """The definition of a check. Raises DefinitionError that begins with `subject`."""
    fields: dict[str, Any] = {name: said for name, said in options.items() if name not in {"sample", "freshness"}}
    fields["timeout_ms"] = fields.pop("timeout", None)
    with in_one_sentence(subject):
        return CheckDef(name=name, learning=learning, **fields)


def sample(subject: str, options: CheckOptions, store: Store | None) -> Sample | None:
    """What is kept of rows that fail. Raises DefinitionError for what says no columns, or where nothing keeps files."""
    said = options.get("sample")
    if said is None:
        return None
    if not isinstance(said, Sample):
        raise DefinitionError(
            f"{subject}: sample is like ef.Sample(['id']), of columns that may be shown, not {said!r}"
        )
    if not hasattr(store, "keep_beside"):
        raise DefinitionError(f"{subject}: sample= keeps rows in the asset's store, a folder; give it a ParquetStore")
    return said


def derived(key: str, deps: Sequence[definitions.Dep], options: Mapping[str, Any]) -> AssetDef:
    """The definition of an asset that reads these. Raises DefinitionError."""
    policy, retry = policy_of(key, options.get("freshness", OnDemand())), options.get("retry", Retry())
    if not isinstance(retry, Retry):
        raise DefinitionError(f"asset {key!r}: retry is like ef.Retry(3), not {retry!r}")
    if len({dep.asset for dep in deps}) < len(deps):
        raise DefinitionError(f"asset {key!r} names one asset twice in its deps; name it once")
    parts = partitioned(key, options.get("partitions"))
    plain = {name: options[name] for name in _ABOUT if name in options}
    spans = {f"{name}_ms": options[name] for name in _SPANS if name in options}
    said = {"deps": tuple(deps), "policy": policy, "retry": retry, "partitions": parts}
    return definition(key, kind="derived", **said, **plain, **spans)


def policy_of(key: str, policy: Any) -> Policy:
    """An asset's policy, the assets that it names by their keys. Raises DefinitionError for what is none."""
    if not isinstance(policy, Within | Eager | Cron | OnDemand | Manual):
        raise DefinitionError(f"asset {key!r}: freshness is a policy like ef.Within('5m'), not {policy!r}")
    return inside(key.partition("/")[0], policy)


def program(argv: Any, key: str) -> tuple[str, ...]:
    """A command's arguments. Raises DefinitionError for a text: nothing goes through a shell here."""
    if isinstance(argv, str) or not argv or not all(isinstance(one, str) and one for one in argv):
        raise DefinitionError(f"asset {key!r}: its program is a list of texts like ['dbt', 'build'], not {argv!r}")
    return tuple(argv)


def argument_of(key: str) -> str:
    """The argument that takes an asset where none is named: its short name, '-' and '.' as '_'.

    >>> argument_of("airline-ops/hourly-delays")
    'hourly_delays'
    """
    return key.rpartition("/")[2].replace("-", "_").replace(".", "_")


def place_of(function: Function, executor: str | None, subject: str) -> Place:
    """Where a function runs. Raises DefinitionError for a generator and for an executor that doesn't fit."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise DefinitionError(f"{subject}: its function yields; it has to return one value")
    if executor not in {None, "process", "thread"}:
        raise DefinitionError(f"{subject}: executor is 'process' or 'thread', not {executor!r}")
    if not inspect.iscoroutinefunction(function):
        return "thread" if executor == "thread" else "process"
    if executor is not None:
        raise DefinitionError(f"{subject}: an async function runs on the worker's loop; leave executor= out")
    return "loop"


def near(name: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence; empty where nothing is close.

    >>> near("ordrs", ["orders", "refunds"])
    " (did you mean 'orders'?)"
    """
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def meant(name: str, known: Iterable[str]) -> str:
    """What may be meant, else what there is.

    >>> meant("ordrs", ["orders", "refunds"]), meant("x", ["orders", "refunds"])
    ("did you mean 'orders'?", 'there are orders, refunds')
    """
    listed = sorted(known)
    shared = f"{name.partition('/')[0]}/" if "/" in name else ""  # a domain that all begin with makes nothing alike
    short = {one.removeprefix(shared): one for one in listed}
    close = get_close_matches(name.removeprefix(shared), short, n=1)
    if close:
        return f"did you mean {short[close[0]]!r}?"
    if len(listed) > 12:
        return f"there are {', '.join(listed[:12])} and {len(listed) - 12} more"
    return f"there {'is' if len(listed) == 1 else 'are'} {', '.join(listed) or 'none'}"
