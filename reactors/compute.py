"""What a compute function is handed and what it hands back. Nothing here touches the world: a Loader does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from hashlib import blake2b
from math import isfinite
from typing import Any, Protocol, SupportsFloat

from streams.costs import query_tag
from streams.errors import BadResult, LoadError
from streams.events import CostItem, Cut, InputNews, MadeOutput, Pin, Severity
from streams.keys import asset_of, partition_of
from streams.measures import Measure


class Log(Protocol):
    """Where a function may say what it does: `ctx.log.info("read %s rows", n)`. A standard logger is one."""

    def info(self, message: object, /, *args: object) -> None: ...
    def warning(self, message: object, /, *args: object) -> None: ...
    def error(self, message: object, /, *args: object) -> None: ...


def nothing_to_read(_as_type: Any) -> Any:
    """The reader of an input that was made without one."""
    raise LoadError("this input has nothing to load")


def encodable(text: str) -> str:
    r"""The text with what UTF-8 can't say (lone surrogates) replaced, so that it fits into an event.

    >>> encodable("caf\udce9")
    'caf?'
    """
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Change:
    """One commit that a run covers, as its publisher told it; `data_time` is RFC 3339 text.

    >>> Change(version="41", data_time="2026-01-31T06:00:00Z").version
    '41'
    """

    version: str | None = None
    partition: str = ""
    data_time: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a run: exactly the version that the run's cut names.

    Annotate an argument with it to decide yourself what to read, or whether to:

    >>> Input("shop/orders", version="41", read=lambda as_type: [1, 2]).load()
    [1, 2]

    `cut` is where the version is right: source → number of its newest commit in it. `uri`, `format`, `metadata` and
    `fingerprint` are as the change or the run that made the version told them. `changes` lists the commits of a source
    that this run takes in and the one before didn't, oldest first, and `previous` is the version that one read; None
    where the grant doesn't say (a first run, a computed input, more than 100 commits): then read the whole.
    """

    key: str
    version: str | None = None
    partition: str = ""
    cut: Cut = field(default_factory=dict)
    uri: str | None = None
    format: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None
    changes: tuple[Change, ...] | None = None
    previous: str | None = None
    read: Callable[[Any], Any] = field(default=nothing_to_read, repr=False, compare=False)

    def load(self, as_type: Any = None) -> Any:
        """The version's value; `as_type` may be a polars, pandas, Arrow or DuckDB table type, Path or bytes.

        Without it a table is a polars DataFrame, JSON is what it says, and a file is its bytes. Raises LoadError when
        there is nothing to load, or not so.
        """
        return self.read(as_type)


def input_of(key: str, pin: Pin, news: InputNews | None, read: Callable[[Any], Any]) -> Input:
    """The input that a grant's pin stands for, of a node or root `asset[partition]`, and what is new of it."""
    told = news.changes if news is not None else None
    return Input(
        key=asset_of(key),
        version=pin.version,
        partition=partition_of(key),
        changes=None if told is None else tuple(Change(**one.model_dump()) for one in told),
        previous=news.previous if news is not None else None,
        cut=dict(pin.cut),
        uri=pin.uri,
        format=pin.format,
        metadata=dict(pin.metadata or {}),
        fingerprint=pin.fingerprint,
        read=read,
    )


@dataclass(frozen=True, slots=True)
class Output:
    """What a run produced: a value for the asset's store, or the version or fingerprint of what it wrote itself.

    >>> Output(version="snapshot-8812", metadata={"rows": 336_776})
    Output(value=None, version='snapshot-8812', fingerprint=None, metadata={'rows': 336776})

    An equal fingerprint as last time runs nothing downstream. With a store, the store's fingerprint is used where none
    is given. Without a version, the run's id is the version. `metadata` is a dict that readers get. Raises BadResult
    for a version or fingerprint that is no text of 1 to 1024 characters, and for metadata that is no dict.
    """

    value: Any = None
    version: str | None = None
    fingerprint: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("version", "fingerprint"):
            given = getattr(self, name)
            if not (
                given is None or (isinstance(given, str) and given == encodable(given) and 0 < len(given) <= 1_024)
            ):
                raise BadResult(f"an Output's {name} is a text of 1 to 1024 characters, not {given!r}")
        if not isinstance(self.metadata, Mapping):
            raise BadResult(f"an Output's metadata is a dict, not {self.metadata!r}")


def output_of(returned: Any, keeps_values: bool) -> Output:
    """Read what a function returned: an `Output`, or the value of one. `keeps_values`: the asset has a store.

    >>> output_of([1], keeps_values=True).value
    [1]

    Raises BadResult where a value would be lost, or where one is missing.
    """
    output = returned if isinstance(returned, Output) else Output(value=returned)
    if output.value is not None and not keeps_values:
        kind = type(output.value).__name__
        raise BadResult(
            f"it returned a value of type {kind}, and no store keeps it: give the app or the asset a store, "
            "or return None or ef.Output(version=…) for what is kept elsewhere"
        )
    if returned is None and keeps_values:
        raise BadResult(
            "it returned None, and its store waits for a value: return one, or ef.Output(version=…) for what is kept "
            "elsewhere, or declare the asset with store=None"
        )
    return output


def observation_of(returned: Any) -> Output:
    """Read what a look at a source returned: what tells one state of it from another, or an `Output` without a value.

    >>> observation_of("etag-8812")
    Output(value=None, version='etag-8812', fingerprint='etag-8812', metadata={})

    Raises BadResult where it says nothing.
    """
    if returned is None or (isinstance(returned, Output) and returned.value is not None):
        what = "None" if returned is None else "an ef.Output with a value, which nobody keeps"
        raise BadResult(
            f"it returned {what}; return what tells one state of the source from another, like a version, a time of "
            "change or a count, or an ef.Output(version=…)"
        )
    if isinstance(returned, Output):
        return returned
    return Output(version=str(returned), fingerprint=str(returned))


def each_of(returned: Any, names: Sequence[str]) -> dict[str, Any]:
    """Read what a function returned that makes several assets: a dict from each of their names.

    Raises BadResult where it is none, lacks one of them, or names another.
    """
    if not isinstance(returned, Mapping):
        kind = type(returned).__name__
        raise BadResult(f"it makes {', '.join(names)}, so it returns a dict from each name to its value, not a {kind}")
    for name in returned:
        if name not in names:
            close = get_close_matches(str(name), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it makes {', '.join(names)}"
            raise BadResult(f"it returned {name!r}, which is none of its outputs; {hint}")
    missing = [name for name in names if name not in returned]
    if missing:
        raise BadResult(f"it returned nothing for its output {', '.join(map(repr, missing))}")
    return {name: returned[name] for name in names}


def fingerprint_of(outputs: Mapping[str, MadeOutput]) -> str | None:
    """The fingerprint of all that a computation made; None where one of its assets has none.

    >>> fingerprint_of({"shop/a": MadeOutput(fingerprint="1"), "shop/b": MadeOutput(fingerprint="2")})
    'a961c2338c75de7e37be48b49c7b22ae'
    >>> fingerprint_of({"shop/a": MadeOutput(fingerprint="1"), "shop/b": MadeOutput()})
    """
    known = [f"{key} {one.fingerprint}" for key, one in sorted(outputs.items()) if one.fingerprint is not None]
    if len(known) < len(outputs):
        return None
    return blake2b("\n".join(known).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """A check's answer; a plain bool will do where there is nothing to add.

    >>> CheckOutcome(False, observed="-3 on 2013-02-01", expected="no negative day").observed
    '-3 on 2013-02-01'

    `observed` and `expected` are shown side by side; `n_tested` and `n_failed` count rows, or whatever was looked at;
    `metric` is the number to plot.
    """

    passed: bool
    observed: object = None
    expected: object = None
    n_tested: int | None = None  # rows, or whatever was looked at
    n_failed: int | None = None
    metric: float | None = None  # what there is to plot
    skipped: bool = False
    errored: bool = False  # it can't be told; `passed` says nothing then
    name: str | None = None  # of a function that gives several answers: which of its checks this is
    severity: Severity | None = None  # another one than the check's
    engine: str | None = None  # what looked, where that isn't the function itself
    sample: Sequence[Mapping[str, Any]] = ()  # some of the rows that failed; `sample=` of the check says what is shown
    measure: Measure | None = field(default=None, repr=False)  # what later versions are compared with

    @classmethod
    def skip(cls, why: str) -> "CheckOutcome":
        """The question doesn't arise: `ef.CheckOutcome.skip("no flights on that day")`. It never blocks."""
        return cls(True, why, skipped=True)


def outcomes_of(returned: Any) -> list[CheckOutcome]:
    """Read what a check returned: one answer, or a list of several, each with a name. Raises BadResult."""
    if not isinstance(returned, list):
        return [outcome_of(returned)]
    outcomes = [outcome_of(one) for one in returned]
    names = [one.name for one in outcomes]
    if not names:
        raise BadResult("a check returned an empty list, so it answers nothing; return ef.CheckOutcome.skip(why)")
    if None in names or len(set(names)) < len(names):
        raise BadResult("a check that returns a list gives each ef.CheckOutcome a name=, each another")
    return outcomes


def outcome_of(returned: Any) -> CheckOutcome:
    """Read what a check returned. Raises BadResult for anything but a CheckOutcome or a bool (numpy's too)."""
    outcome = returned if isinstance(returned, CheckOutcome) else CheckOutcome(returned)
    passed: Any = outcome.passed
    if type(passed).__module__ == "numpy" and type(passed).__name__ in {"bool", "bool_"}:
        passed = bool(passed)
    if not isinstance(passed, bool):
        raise BadResult(f"a check returns a bool or an ef.CheckOutcome, not {outcome.passed!r}")
    is_written = not isinstance(outcome.metric, SupportsFloat) or isfinite(outcome.metric)  # JSON has no NaN
    return replace(outcome, passed=passed, metric=outcome.metric if is_written else None)


@dataclass(frozen=True, slots=True)
class Context:
    """What a function may know about its own run; annotate an argument with it, or call it `ctx`.

    `attempt` counts from 1 within the run. `partitions` tells of a Grid's partition the name along each dimension:
    `ctx.partitions["region"]`. `log` is a logger: `ctx.log.info("read %s rows", n)`.
    """

    run: str
    attempt: int
    asset: str
    partition: str = ""
    partitions: Mapping[str, str] = field(default_factory=dict)
    log: Log = field(kw_only=True)
    costs: list[CostItem] = field(default_factory=list, kw_only=True, repr=False)

    @property
    def idempotency_key(self) -> str:
        """The run's id: the same for every attempt, so that a warehouse can tell a repeat."""
        return self.run

    @property
    def query_tag(self) -> str:
        """What a query should carry, so that its bill is known as this run's: `everfresh:domain/asset:run`.

        For Snowflake's QUERY_TAG, a Databricks tag, or a comment in a query: `f"/* {ctx.query_tag} */ SELECT …"`.
        """
        return query_tag(self.asset, self.run)

    def report_cost(
        self,
        resource: str,
        quantity: float,
        unit: str | None = None,
        amount: float | None = None,
        currency: str | None = None,
    ) -> None:
        """Add what this attempt used elsewhere: `ctx.report_cost("snowflake.credits", 0.4, amount=1, currency="USD")`.

        `quantity` is in `unit`, by default the last part of the resource's name (here "credits"); `amount` is money in
        `currency`, an ISO 4217 code. What a failed attempt reported counts as well, unless it had to be killed. Raises
        ValueError for what is no finite number.
        """
        if not all(isfinite(number) for number in (quantity, amount or 0)):
            raise ValueError(f"cost {resource!r}: quantity and amount are finite numbers, not {quantity!r}, {amount!r}")
        unit = resource.rpartition(".")[2] if unit is None else unit
        item = CostItem(resource=resource, quantity=quantity, unit=unit, amount=amount, currency=currency)
        self.costs.append(item)
