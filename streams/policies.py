"""Freshness policies as data: what is promised of an asset, and what may be added to that.

Durations are integer milliseconds (`…_ms`); constructors also take text like "5m" or a timedelta.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from streams.definition import Definition
from streams.errors import DefinitionError
from streams.units import Duration, readable
from streams.wallclock import DAY_MINUTES, minute_of_day, next_tick, opens_at, shortest_gap, zone


class Hours(Definition):
    """Hours of the day in a zone, [first, end) as minutes after midnight; an `end` before `first` is the next day's."""

    first: int = Field(ge=0, lt=DAY_MINUTES)
    end: int = Field(ge=0, le=DAY_MINUTES)
    tz: str = "UTC"

    @property
    def text(self) -> str:
        """As people write them."""
        first, end = (f"{minute // 60:02}:{minute % 60:02}" for minute in (self.first, self.end))
        return f"{first}-{end} {self.tz}"

    def opens(self, at_ms: int) -> int:
        """The earliest instant from `at_ms` on that lies within them."""
        return opens_at(self.first, self.end, self.tz, at_ms)

    def closes(self, at_ms: int) -> int:
        """The earliest instant from `at_ms` on that lies outside them."""
        return opens_at(self.end % DAY_MINUTES, self.first or DAY_MINUTES, self.tz, at_ms)


class Modified(Definition):
    """What may be added to a policy; each of these returns another policy, so that they can be chained."""

    hours: Hours | None = None
    every_ms: Duration | None = Field(default=None, gt=0)
    newest: int | None = Field(default=None, ge=1, le=100_000)  # of an asset's time windows: so many are promised
    ignored: tuple[str, ...] = ()  # inputs through which nothing becomes stale
    requires: Literal["any", "all"] = "any"  # of its inputs: so many have changed before it is stale
    on_code: Literal["later", "now", "ignore"] = "later"  # what new code of the asset brings about
    first_now: bool = False  # its first version is computed at once

    def only_between(self, first: str, end: str, tz: str = "UTC") -> Self:
        """Runs begin only from `first` to `end` (times of day like "08:30", `end` may be the next day's) in that zone.

        A promise that ends outside these hours counts on from when they next begin. Raises DefinitionError.
        """
        said = f"only_between({first!r}, {end!r}, tz={tz!r})"
        try:
            hours = Hours(first=minute_of_day(first) % DAY_MINUTES, end=minute_of_day(end), tz=zone(tz).key)
        except ValueError as error:
            raise DefinitionError(f"{said}: {error}") from None
        if hours.first == hours.end:
            raise DefinitionError(f"{said} begins and ends at one time; for the whole day leave it out")
        if isinstance(self, Cron | Manual):
            way_out = "say the hours in its expression" if isinstance(self, Cron) else "it runs on command only"
            raise DefinitionError(f"{said} makes no sense with {type(self).__name__}: {way_out}")
        return self.model_copy(update={"hours": hours})

    def at_most_every(self, span: str | int | timedelta) -> Self:
        """A run begins no sooner than `span` after the one before, whoever's promise asks. Raises DefinitionError."""
        said = f"at_most_every({span!r})"
        try:
            every = Modified(every_ms=span).every_ms or 0  # type: ignore[arg-type]  # the validator reads text
        except ValidationError:
            raise DefinitionError(f"{said}: {span!r} is no duration above zero; write it like '30s', '5m'") from None
        if isinstance(self, Manual):
            raise DefinitionError(f"{said} makes no sense with Manual: it runs on command only")
        if isinstance(self, Within) and every >= self.lag_ms:
            lag = readable(self.lag_ms)
            raise DefinitionError(f"{said} contradicts Within({lag!r}): a run that soon after another would be missing")
        return self.model_copy(update={"every_ms": every})

    def lookback(self, windows: int) -> Self:
        """Only so many of an asset's newest time windows are promised, the one that goes on included.

        What is older runs on command and by `everfresh backfill` only, or where a promise below needs it. Raises
        DefinitionError.
        """
        said = f"lookback({windows!r})"
        if isinstance(self, Manual | OnDemand):
            raise DefinitionError(f"{said} makes no sense with {type(self).__name__}: it promises nothing")
        if type(windows) is not int or not 1 <= windows <= 100_000:
            raise DefinitionError(f"{said}: it is a whole number of windows from 1 to 100000")
        return self.model_copy(update={"newest": windows})

    def ignore(self, *inputs: Any) -> Self:
        """What changes only through these inputs makes nothing stale, neither this asset nor what reads it.

        The next run reads it all the same. An input is named by what declared it, its key, or its short name inside
        its own app. Raises DefinitionError.
        """
        names = [getattr(one, "key", one) for one in inputs]
        said = f"ignore({', '.join(map(repr, names))})"
        if not names or not all(isinstance(one, str) and one for one in names):
            raise DefinitionError(f"{said}: name the inputs to ignore, like ignore('orders')")
        if isinstance(self, Manual):
            raise DefinitionError(f"{said} makes no sense with Manual: it runs on command only")
        return self.model_copy(update={"ignored": tuple(dict.fromkeys([*self.ignored, *names]))})

    def require(self, how_many: Literal["any", "all"]) -> Self:
        """The asset is stale once `"all"` of its inputs have changed since its last run; by default, once any has.

        New code makes it stale by itself. Raises DefinitionError.
        """
        said = f"require({how_many!r})"
        if how_many not in ("any", "all"):
            raise DefinitionError(f"{said}: it is 'any' or 'all'")
        if isinstance(self, Manual | OnDemand):
            raise DefinitionError(f"{said} makes no sense with {type(self).__name__}: it is never due by itself")
        return self.model_copy(update={"requires": how_many})

    def on_code_change(self, what: Literal["later", "now", "ignore"]) -> Self:
        """What a deploy of new code brings about: a run as `"later"` as the promise allows, `"now"`, or `"ignore"`.

        Where it is ignored, the next run uses the new code. Raises DefinitionError.
        """
        said = f"on_code_change({what!r})"
        if what not in ("later", "now", "ignore"):
            raise DefinitionError(f"{said}: it is 'later', 'now' or 'ignore'")
        if isinstance(self, Manual) or (isinstance(self, OnDemand) and what == "now"):
            raise DefinitionError(f"{said} makes no sense with {type(self).__name__}: it is never due by itself")
        return self.model_copy(update={"on_code": what})

    def on_missing(self) -> Self:
        """The first version is computed as soon as each input has one, whatever the policy says of later ones."""
        return self.model_copy(update={"first_now": True})


class Within(Modified):
    """At most `lag` behind its sources: run as late as that allows, so that one run covers many changes."""

    kind: Literal["within"] = "within"
    lag_ms: Duration = Field(gt=0)

    def __init__(self, lag: str | int | timedelta | None = None, /, **fields: Any) -> None:
        super().__init__(**fields if lag is None else {"lag_ms": lag, **fields})


class Eager(Modified):
    """As soon as changes arrive, or go quiet for `quiet`; `max_wait` bounds a burst that never ends."""

    kind: Literal["eager"] = "eager"
    quiet_ms: Duration = Field(default=0, ge=0)
    max_wait_ms: Duration | None = Field(default=None, gt=0)

    def __init__(
        self,
        quiet: str | int | timedelta | None = None,
        max_wait: str | int | timedelta | None = None,
        **fields: Any,
    ) -> None:
        if quiet is not None:
            fields["quiet_ms"] = quiet
        if max_wait is not None:
            fields["max_wait_ms"] = max_wait
        super().__init__(**fields)

    @model_validator(mode="after")
    def _bound_after_quiet(self) -> "Eager":
        if self.max_wait_ms is not None and self.max_wait_ms < self.quiet_ms:
            raise ValueError(f"max_wait ({self.max_wait_ms} ms) is shorter than quiet ({self.quiet_ms} ms)")
        return self


class Cron(Modified):
    """At each tick: up to date then with everything committed before it, `within` a span after it, or by the next one.

    Where nothing changed since the tick before nothing runs.
    """

    kind: Literal["cron"] = "cron"
    expression: str
    tz: str = "UTC"
    within_ms: Duration | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ticks(self) -> "Cron":
        gap = shortest_gap(self.expression, zone(self.tz).key)
        if self.within_ms is not None and self.within_ms > gap:
            raise ValueError(
                f"within ({readable(self.within_ms)}) is longer than the {readable(gap)} between two of its ticks"
            )
        return self

    def tick(self, after_ms: int) -> int:
        """The first tick after an instant."""
        return next_tick(self.expression, self.tz, after_ms)

    def by(self, tick_ms: int) -> int:
        """When what a tick set off must be done."""
        return tick_ms + self.within_ms if self.within_ms is not None else self.tick(tick_ms)

    @property
    def allows_ms(self) -> int:
        """The shortest time that a tick leaves."""
        return self.within_ms if self.within_ms is not None else shortest_gap(self.expression, self.tz)


class OnDemand(Modified):
    """Only when a downstream promise needs it."""

    kind: Literal["on_demand"] = "on_demand"


class Manual(Modified):
    """Only on command; downstream treats it like a source."""

    kind: Literal["manual"] = "manual"


Policy = Annotated[Within | Eager | Cron | OnDemand | Manual, Field(discriminator="kind")]
