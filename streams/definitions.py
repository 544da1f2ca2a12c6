"""What an app declares, as data: it travels in the journal, so the fold needs nobody's code.

Durations are integer milliseconds (`…_ms`); constructors also take text like "5m" or a timedelta.
"""

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from streams.budgets import Budget
from streams.definition import Definition
from streams.partitions import Mapping, Partitions
from streams.policies import OnDemand, Policy
from streams.units import Duration

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
"""What an asset or a domain may be called; a key is `domain/name`."""

CODE = "code:"
"""The prefix of the pseudo-source whose commits are an asset's code versions."""

LOOK = "look:"
"""The prefix of the pseudo-source whose commits are the looks at an observed source: it may have changed since."""

PSEUDO = (CODE, LOOK)
"""The prefixes of all roots that nobody declares or publishes; `key.startswith(PSEUDO)` tells them."""


class Retry(Definition):
    """How often a failed attempt is tried again, and how long apart.

    The n-th retry waits `delay · backoffⁿ⁻¹`, plus up to `jitter` of that (by a hash of the run, so a replay waits the
    same). When `times` retries failed too, the asset is `failing` until a new commit, `materialize`, or the cool-down,
    which doubles at each exhaustion up to a day.
    """

    times: int = Field(default=2, ge=0, le=100)
    delay_ms: Duration = Field(default=1_000, ge=0)
    backoff: int = Field(default=2, ge=1, le=10)
    jitter_percent: int = Field(default=20, ge=0, le=100)
    cool_down_ms: Duration = Field(default=1_800_000, gt=0)

    def __init__(self, times: int | None = None, /, **fields: Any) -> None:
        for name in ("delay", "cool_down"):
            if name in fields:
                fields[f"{name}_ms"] = fields.pop(name)
        super().__init__(**fields if times is None else {"times": times, **fields})


class Dep(Definition):
    """One input: the asset read, and the argument of the compute function that takes it."""

    asset: str
    argument: str
    mapping: Mapping | None = None  # which of the asset's partitions; None: what their partitions suggest


class Learning(Definition):
    """What a check compares with: measures of the versions before, kept in the domain's state."""

    window: int = Field(ge=1, le=1_000)  # usual ones that are kept, the newest
    relearn: int = Field(ge=1, le=1_000)  # unusual ones in a row, all published, after which they are the usual


class CheckDef(Definition):
    """A question about one version of an asset, asked between compute and publish."""

    name: str
    severity: Literal["info", "warn", "error", "critical"] = "error"
    blocking: bool = False
    on_error: Literal["block", "pass"] = "block"  # what becomes of a version that a blocking check can't judge
    timeout_ms: Duration | None = Field(default=None, gt=0)
    learning: Learning | None = None


class AlertRule(Definition):
    """How the alerts of a rule behave, of all assets or of some. What one leaves unsaid, those before it say."""

    rule: str  # its name, or a pattern as in a shell: "check.*"
    assets: tuple[str, ...] = ()  # keys; none: all, and the domain itself
    severity: Literal["info", "warn", "error", "critical"] | None = None
    after_ms: Duration | None = Field(default=None, ge=0)  # how long it has to last before the alert opens
    keep_ms: Duration | None = Field(default=None, ge=0)  # how long the alert fires on once it is over
    damped: bool | None = None  # whether one that opens again and again fires on until it was calm for a while
    labels: dict[str, str] = Field(default_factory=dict)


class AssetDef(Definition):
    """One asset of a domain. `kind="source"`: nobody here computes it."""

    key: str
    kind: Literal["source", "derived"]
    deps: tuple[Dep, ...] = ()
    policy: Policy = OnDemand()
    retry: Retry = Retry()
    timeout_ms: Duration = Field(default=3_600_000, gt=0)
    takes_ms: Duration = Field(default=0, ge=0)
    pool: str | None = None
    owner: str | None = None
    code_version: str = "1"
    checks: tuple[CheckDef, ...] = ()
    exists: bool = False
    expect_every_ms: Duration | None = Field(default=None, gt=0)
    description: str | None = None
    partitions: Partitions | None = None
    outputs: tuple[str, ...] = ()  # a computation: the assets that one run of it makes
    made_by: str | None = None  # an output: the computation that makes it
    asks: str | None = None  # a check that stands alone: the asset whose versions its runs ask about; nobody reads it
    observed: bool = False  # a source that can't publish: its runs look at it, as promises ask

    @field_validator("key")
    @classmethod
    def _key_has_two_names(cls, key: str) -> str:
        domain, _, name = key.partition("/")
        if not (NAME.fullmatch(domain) and NAME.fullmatch(name)):
            raise ValueError(
                f"{key!r} is no asset key: it is 'domain/name', "
                "each of letters, digits, '_', '-', '.', at most 100 long"
            )
        return key


class Manifest(Definition):
    """All that one deploy of a domain declares. `deploy` is monotone: a lower one is ignored."""

    domain: str
    deploy: int = Field(ge=0)
    assets: tuple[AssetDef, ...]
    pools: dict[str, int] = Field(default_factory=dict)
    alerts: tuple[AlertRule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    hash: str = ""
