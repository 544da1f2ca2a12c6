"""What an export says about the kills: which of them landed amid a run or amid an append."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.checker import Report
from tests.faults.kills import Kill

Json = dict[str, Any]


class Tally:
    """Counts, for people and for the assertions."""

    def __init__(self, records: Sequence[Json], kills: Sequence[Kill], report: Report) -> None:
        self.kills, self.report = list(kills), report
        self._journal = [one for one in records if ".journal.v1." in one["topic"]]
        self._outputs = [one for one in records if ".journal.v1." not in one["topic"]]
        self.mid_run = sum(bool(one.flying) for one in kills)
        self.runs_hit = sum(one.flying for one in kills if one.kind == "worker")
        self.between_fact_and_grant = self._count(_late_grants(self._journal, self._outputs), "reactor")
        self.between_outputs_and_position = self._count(_across(self._outputs), "reactor")
        self.between_report_and_outputs = self._count(_late_outputs(self._journal, self._outputs), "reactor")
        self.between_journal_and_position = self._count(_across(self._journal), "ingress")

    @property
    def mid_append(self) -> int:
        """Kills between two appends that belong together."""
        return len(self.between_fact_and_grant | self.between_outputs_and_position | self.between_journal_and_position)

    def _count(self, spans: Iterable[tuple[int, int]], kind: str) -> set[int]:
        """The instants of the kills of a role that fall into one of the spans."""
        spans = list(spans)
        return {one.at for one in self.kills if one.kind == kind and any(a <= one.at < b for a, b in spans)}

    def lines(self) -> list[str]:
        """What to print."""
        by_role = Counter(one.role for one in self.kills)
        backs: dict[str, list[int]] = defaultdict(list)
        for one in self.kills:
            backs[one.kind].append(one.back_ms)
        came = "; ".join(
            f"{kind} {sorted(times)[len(times) // 2] / 1_000:.1f} s, at most {max(times) / 1_000:.1f} s"
            for kind, times in sorted(backs.items())
        )
        counts = self.report.counts
        lost = sum(one["event"]["type"] == "everfresh.run.lost.v1" for one in self._journal)
        amid = {
            "fact acked, grant sent only after the restart": self.between_fact_and_grant,
            "outputs sent, position not moved": self.between_outputs_and_position,
            "changes in the journal, position not moved": self.between_journal_and_position,
        }
        return [
            f"kills: {len(self.kills)} ({', '.join(f'{role} {n}' for role, n in sorted(by_role.items()))})",
            f"  amid a run: {self.mid_run}; runs killed with their worker: {self.runs_hit}; found lost: {lost}",
            f"  amid an append: {self.mid_append} ({'; '.join(f'{name}: {len(at)}' for name, at in amid.items())})",
            f"  report acked, its outputs only after: {len(self.between_report_and_outputs)}",
            f"  back at work, from the kill: {came}",
            ", ".join(f"{name} {count}" for name, count in counts.items()),
        ]


def _first_sent(outputs: Sequence[Json]) -> dict[tuple[str, int], int]:
    first: dict[tuple[str, int], int] = {}
    for one in outputs:
        if one["event"]["type"] == "everfresh.run.granted.v1":
            data = one["event"]["data"]
            first.setdefault((data["run"], data["attempt"]), one["timestamp"])
    return first


def _late_grants(journal: Sequence[Json], outputs: Sequence[Json]) -> list[tuple[int, int]]:
    """[fact, grant) of each attempt."""
    sent = _first_sent(outputs)
    spans = []
    for one in journal:
        if one["event"]["type"] == "everfresh.run.granted.v1":
            data = one["event"]["data"]
            spans.append((one["timestamp"], sent.get((data["run"], data["attempt"]), 0)))
    return spans


def _late_outputs(journal: Sequence[Json], outputs: Sequence[Json]) -> list[tuple[int, int]]:
    """[report, first output) of each report that something came of."""
    first: dict[int, int] = {}
    for one in outputs:
        cause = one["event"].get("journaloffset")
        if cause is not None:
            first[int(cause)] = min(one["timestamp"], first.get(int(cause), one["timestamp"]))
    return [
        (one["timestamp"], first.get(one["offset"], 0))
        for one in journal
        if one["event"]["type"] == "everfresh.run.succeeded.v1"
    ]


def _across(records: Sequence[Json]) -> list[tuple[int, int]]:
    """[first, last) of each event that stands there more than once."""
    times: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for one in records:
        times[one["topic"], one["event"]["source"], one["event"]["id"]].append(one["timestamp"])
    return [(min(found), max(found)) for found in times.values() if len(found) > 1]
