"""`replay --with`: what a domain's journal would have come to under other promises, beside what it did come to."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from everfresh.cli import standing
from everfresh.cli.command import InDomains, UsedWrongly
from everfresh.cli.finding import existing, key_of
from everfresh.cli.screen import document, note, table
from everfresh.cli.words import counted, money, promised, seconds, span
from everfresh.policies import inside
from everfresh.policy_text import read_policy
from everfresh.reading import Reading
from everfresh.scores import Score
from everfresh.site import Site
from everfresh.whatif import Recording, again, recorded
from reactors.domain import Domain
from streams.errors import DefinitionError, Gap
from streams.policies import Modified, Policy

COLUMNS = ("asset", "promise", "ran", "runs", "busy", "longest lag", "overdue", "money")
ALL = "all"
"""the last row's name"""


class Compared(NamedTuple):
    """One asset's row: recorded, replayed as it was declared, and replayed with the other promises."""

    asset: str
    policy: Policy | None
    other: Policy | None  # what it was replayed with, where that is another
    ran: Score
    declared: Score
    changed: Score

    def cells(self) -> tuple[str, ...]:
        """As a table has it: what differs has both values."""
        before, after = self.declared, self.changed
        policies = [promised(one) for one in (self.policy, self.other) if one is not None]
        return (
            self.asset,
            " → ".join(policies),
            str(self.ran.runs),
            _both(str(before.runs), str(after.runs)),
            _both(span(before.busy_ms), span(after.busy_ms)),
            _both(span(before.longest_lag_ms), span(after.longest_lag_ms)),
            _both(str(before.overdue), str(after.overdue)),
            _both(money(before.money), money(after.money)),
        )

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        scores = {"recorded": self.ran, "declared": self.declared, "with": self.changed}
        policy = self.policy if self.other is None else self.other
        return {
            "asset": self.asset,
            "policy": None if policy is None else _as_said(policy),
            **{name: _json(score) for name, score in scores.items()},
        }


def _as_said(policy: Policy) -> dict[str, Any]:
    """A policy as data, without what may be added to it and wasn't."""
    left = {name for name, field in Modified.model_fields.items() if getattr(policy, name) == field.default}
    return policy.model_dump(mode="json", exclude_none=True, exclude=left)


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before or '0'} → {after or '0'}"


def _json(score: Score) -> dict[str, Any]:
    return {
        "runs": score.runs,
        "busy_seconds": seconds(score.busy_ms),
        "longest_lag_seconds": seconds(score.longest_lag_ms),
        "overdue": score.overdue,
        "money": score.money,
    }


async def compare(said: InDomains, wanted: Sequence[str], until: int | None, only: str | None) -> None:
    """Print what these promises, each `ASSET=POLICY`, would have come to. Raises UsedWrongly where one can't be."""
    async with existing(said) as site:
        policies = {}
        for one in wanted:
            asset, equals, text = one.partition("=")
            if not equals or not asset.strip():
                raise UsedWrongly(f"--with {one!r}: write it as ASSET=POLICY, like 'revenue=Within(\"1h\")'")
            try:
                key = await key_of(site, asset.strip())
                policies[key] = inside(key.partition("/")[0], read_policy(text))
            except DefinitionError as error:
                raise UsedWrongly(f"--with {one!r}: {error}") from None
        names = sorted({key.partition("/")[0] for key in policies})
        if len(names) > 1:
            raise UsedWrongly(f"--with speaks of {' and '.join(names)}; a replay is of one domain's journal")
        shown = None if only is None else await key_of(site, only)
        domain, recording = await _read(site, names[0], until)
    _check(domain, policies, shown)
    rows = _rows(recording, domain, policies)
    total = Compared(
        ALL, None, None, *(sum(scores, Score()) for scores in zip(*(row[3:] for row in rows), strict=True))
    )
    rows = [row for row in rows if shown in (None, row.asset)]
    if said.json:
        document({"assets": [row.json() for row in rows], "total": total.json(), "changes": recording.changes})
        return
    width = len(COLUMNS) if total.declared.money or total.changed.money else -1
    table(COLUMNS[:width], [row.cells()[:width] for row in [*rows, total]])
    for row in rows:
        if row.changed.runs and recording.past.took(row.asset, recording.ended_at) is None:
            note(f"{row.asset} never ran to its end, so its runs take what its definition says")
    note(_summary(recording, policies, total))


async def _read(site: Site, name: str, until: int | None) -> tuple[Domain, Recording]:
    reading = Reading(site.log, site.settings.topics, name)
    await reading.begin(whole=True)
    if reading.next:
        raise Gap(
            f"the journal of {name!r} is no longer kept from its beginning, and what was declared and changed before "
            f"offset {reading.next} can't be replayed"
        )
    return reading.domain, await recorded(reading, until)


def _check(domain: Domain, policies: Mapping[str, Policy], shown: str | None) -> None:
    """Raise UsedWrongly for what nobody declares, and for a promise of what nobody computes."""
    if domain.state.manifest is None:
        raise UsedWrongly("nothing was deployed up to there, so there is nothing to compare")
    if shown is not None:
        standing.check(domain, shown)
    for key in policies:
        if standing.check(domain, key).kind == "source":
            raise UsedWrongly(f"{key!r} is a source: nobody here computes it, so nothing can be promised of it")


def _rows(recording: Recording, domain: Domain, policies: Mapping[str, Policy]) -> list[Compared]:
    ran, declared, changed = recording.ran, again(recording, {}), again(recording, policies)
    return [
        Compared(
            one.key,
            one.policy,
            policies.get(one.key),
            ran.get(one.key, Score()),
            declared.get(one.key, Score()),
            changed.get(one.key, Score()),
        )
        for one in domain.graph.assets.values()
        if one.kind == "derived"
    ]


def _summary(recording: Recording, policies: Mapping[str, Policy], total: Compared) -> str:
    before, after = total.declared, total.changed
    what = " and ".join(f"{promised(policy)} on {key}" for key, policy in policies.items())
    if after.runs == before.runs:
        so = f"as many runs, {after.runs}"
    else:
        fewer = "fewer" if after.runs < before.runs else "more"
        so = f"{counted(abs(after.runs - before.runs), 'run')} {fewer}, {after.runs} instead of {before.runs}"
    was = "was" if total.ran.runs == 1 else "were"
    return (
        f"{what}: {so}, {span(after.busy_ms)} of work instead of {span(before.busy_ms)}, "
        f"for {counted(recording.changes, 'change')}; {counted(total.ran.runs, 'run')} {was} recorded"
    )
