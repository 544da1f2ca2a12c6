"""What the reactor's and the worker's loops need of the world, in the domain's words.

`reactors/io/` implements them. Each port names the suite that is its contract.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from reactors.collecting import Line
from streams.events import CheckResult, CostItem, Cut, InputNews, MadeOutput, Pin, RunGranted
from streams.measures import Learned


class Clock(Protocol):
    """Time: the system's, or a test's own."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC. It may step back."""

    def monotonic_ms(self) -> int:
        """Milliseconds since some moment. It never steps back: durations come from here."""

    async def sleep(self, duration_ms: int) -> None:
        """Return after `duration_ms` of this clock."""


class Task(BaseModel):
    """One attempt, as an executor is handed it: a grant without what only the worker minds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    asset: str
    partition: str = ""
    attempt: int
    code_version: str
    inputs: dict[str, Pin] = {}
    news: dict[str, InputNews] = {}
    cut: Cut = {}
    learned: Learned = {}
    at_ms: int | None = None  # when it is begun: the instant that checks call now

    @classmethod
    def of(cls, grant: RunGranted, at_ms: int) -> "Task":
        """What a grant asks for."""
        fields = {name: getattr(grant, name) for name in cls.model_fields if name != "at_ms"}
        return cls(**fields, at_ms=at_ms)


class Done(BaseModel):
    """The attempt computed, checked and stored. `version=None`: the function named none, so the run's id is it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str | None = None
    fingerprint: str | None = None
    uri: str | None = None
    format: str | None = None
    metadata: dict[str, Any] = {}
    checks: tuple[CheckResult, ...] = ()
    costs: tuple[CostItem, ...] = ()
    outputs: dict[str, MadeOutput] = {}  # of a computation, by asset


FailureKind = Literal["raised", "timeout", "died", "bad_result", "check_error", "store"]
"""how an attempt failed, as RunFailed says it"""


class Failed(BaseModel):
    """The attempt published nothing; `error` is one sentence for people."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: FailureKind
    error: str
    costs: tuple[CostItem, ...] = ()


class Executor(Protocol):
    """Runs attempts somewhere. tests/conformance/test_executors.py is its contract."""

    async def start(self) -> None:
        """Make ready what is slow to make, without waiting for it."""

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        """Load inputs, compute, check, store. What goes wrong is an outcome, never an exception.

        After `timeout_ms` the work is stopped and the outcome is `Failed(kind="timeout")`. To cancel the call is to
        stop the work.
        """

    async def close(self) -> None:
        """Stop all work at once; idempotent."""


class Loader(Protocol):
    """Reads one version of an input."""

    def load(self, key: str, pin: Pin, as_type: Any) -> Any:
        """The value of `pin`, a version of an asset or of one partition, `asset[partition]`.

        `as_type` may name a kind of table, Path or bytes.

        Raises LoadError where there is nothing to load or it can't be read so.
        """


@dataclass(frozen=True, slots=True)
class Address:
    """Where in a store a version goes. `name` is unique per attempt, so that a lost one never overwrites another."""

    asset: str
    partition: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store kept: where, as what, the hash of its logical content, and how many bytes that took."""

    uri: str
    format: str
    fingerprint: str
    size_bytes: int


class Store(Protocol):
    """Keeps the versions of assets. tests/conformance/test_stores.py is its contract."""

    def write(self, address: Address, value: Any) -> Stored:
        """Keep `value`, durable and whole, or not there at all. Raises BadResult for a value it can't keep."""

    def load(self, uri: str, format: str | None = None, as_type: Any = None) -> Any:  # noqa: A002  the event's own word
        """Read a version back. Raises LoadError when it isn't there or can't be read as `as_type`."""

    def prune(self, asset: str, partition: str, named: Collection[str], last: int = 3) -> list[str]:
        """Remove all versions but the `last` newest and those whose uri is `named`; returns the uris removed."""


class Collector(Protocol):
    """Reads bills somewhere. tests/conformance/test_collectors.py is its contract."""

    async def lines(self, first: str, last: str) -> Sequence[Line]:
        """All lines of the days from `first` to `last` (UTC, like "2026-01-31"), both included; every page of them.

        Raises NotCollected where they can't all be read: half a bill would take back what the other half said.
        """
