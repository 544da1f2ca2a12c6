"""Appends what people say of alerts, and says how the silences stand."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from everfresh.cli import firing
from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import domain_and_name, domains_of
from everfresh.cli.firing import Firing
from everfresh.cli.ordering import appended, user
from everfresh.cli.words import moment, span
from everfresh.options import meant
from everfresh.reading import caught_up
from everfresh.site import Site
from reactors.causes import RULES
from reactors.domain import Domain
from reactors.io.clock import SystemClock
from reactors.state import Silence
from streams.events import Acknowledge, LiftSilence, SilenceAlerts
from streams.units import milliseconds

COLUMNS = ("silence", "rule", "asset", "for another", "by", "why")


@dataclass(frozen=True, slots=True)
class Held:
    """A silence of a domain."""

    domain: str
    state: Silence

    def json(self) -> dict[str, Any]:
        """For machines."""
        one = self.state
        return {
            "silence": f"{self.domain}/{one.name}",
            "rule": one.rule,
            "asset": one.asset or None,
            "until": moment(one.until),
            "by": one.by,
            "reason": one.reason,
        }

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        one = self.state
        left = span(max(0, one.until - SystemClock().now_ms()))
        return f"{self.domain}/{one.name}", one.rule, one.asset or "any", left, one.by, one.reason

    def sentence(self) -> str:
        """For people."""
        one = self.state
        of = f"of {one.asset}" if one.asset else f"in {self.domain}"
        return f"silence {self.domain}/{one.name}: nobody is told of {one.rule} {of} before {moment(one.until)}"


def holding(domain: Domain) -> Iterator[Held]:
    """The silences of a domain that aren't over."""
    now = SystemClock().now_ms()
    return (Held(domain.name, one) for one in domain.state.silences.values() if one.until > now)


async def acknowledged(site: Site, said: str, reason: str) -> Firing:
    """Acknowledge the one alert whose fingerprint begins so. Raises UsedWrongly where none does, or several do."""
    found = []
    for name in await domains_of(site, None):
        reading = await caught_up(site.log, site.settings.topics, name)
        found += [(reading, row) for row in firing.rows(reading.domain) if row.fingerprint.startswith(said)]
    if len(found) != 1:
        those = ", ".join(f"{row.fingerprint} ({row.rule} of {row.asset})" for _, row in found[:5])
        what = f"several alerts begin with {said!r}: {those}" if found else f"no alert that fires begins with {said!r}"
        raise UsedWrongly(f"{what}; `everfresh alerts --json` shows each one's fingerprint")
    reading, row = found[0]
    event = Acknowledge(fingerprint=row.fingerprint, by=user(), reason=reason)
    await appended(site, reading, event, row.asset or reading.name)
    return next((one for one in firing.rows(reading.domain) if one.fingerprint == row.fingerprint), row)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be silenced; `asset` is a key, a short name, or a pattern."""

    rule: str
    asset: str
    lasts: str
    reason: str


async def silenced(site: Site, domain: str | None, said: Wanted) -> Held:
    """Silence such alerts. Raises UsedWrongly for a rule that there isn't, an asset that isn't there, a span amiss."""
    if not any(fnmatchcase(one, said.rule) for one in RULES):
        raise UsedWrongly(f"there is no rule {said.rule!r}; {meant(said.rule, RULES)}")
    lasts_ms, asset = _span_ms(said.lasts), said.asset
    names = await domains_of(site, [domain] if domain else [asset.partition("/")[0]] if "/" in asset else None)
    if len(names) > 1:
        raise UsedWrongly(f"it may be meant for {' or '.join(names)}; say --domain, or an asset with its domain")
    reading = await caught_up(site.log, site.settings.topics, names[0])
    key = asset if not asset or "/" in asset else f"{names[0]}/{asset}"
    assets = reading.domain.graph.order
    if key and not any(fnmatchcase(one, key) for one in assets):
        raise UsedWrongly(f"no asset of {names[0]!r} is called {key!r}; {meant(key, assets)}")
    until = SystemClock().now_ms() + lasts_ms
    event = SilenceAlerts(rule=said.rule, asset=key, until=until, by=user(), reason=said.reason)
    offset = await appended(site, reading, event, names[0])
    return Held(names[0], reading.domain.state.silences[f"s{offset}"])


def _span_ms(text: str) -> int:
    try:
        found = milliseconds(text)
    except ValueError as error:
        raise UsedWrongly(f"--for {text!r}: {error}") from None
    if found <= 0:
        raise UsedWrongly(f"--for {text!r}: a silence lasts for some time, like '2h'")
    return found


async def lifted(site: Site, said: str, reason: str) -> str:
    """End a silence; returns its whole name. Raises UsedWrongly where there is none by that name."""
    domain, name = await domain_and_name(site, said)
    reading = await caught_up(site.log, site.settings.topics, domain)
    silences = reading.domain.state.silences
    if name not in silences:
        raise UsedWrongly(f"there is no silence {said!r}; {meant(name, silences)}")
    await appended(site, reading, LiftSilence(silence=name, by=user(), reason=reason), domain)
    return f"{domain}/{name}"
