"""Runs as one reads them back from the outputs: what was granted, and what became of it."""

from dataclasses import dataclass, field, replace

from reactors.domain import Output
from streams.events import (
    AssetMaterialized,
    AssetQuarantined,
    AssetVerified,
    CheckEvaluated,
    Covers,
    Cut,
    Pin,
    Publication,
    RunCancelled,
    RunEnded,
    RunGranted,
)
from streams.keys import node_key

_OUTCOMES = {AssetMaterialized: "materialized", AssetVerified: "verified", AssetQuarantined: "quarantined"}


@dataclass(slots=True)
class Run:
    """One attempt. `outcome` is None while it is in flight; instants are ms."""

    run: str
    asset: str
    partition: str
    attempt: int
    wave: str
    worker: str
    granted_at: int
    inputs: dict[str, Pin]
    cut: Cut
    covers: Covers
    deadline: int
    reason: str
    started_at: int | None = None
    finished_at: int | None = None
    outcome: str | None = None
    made_by: str = ""  # of an output: the computation whose run this was

    @property
    def key(self) -> str:
        """The asset, with its partition where it has some."""
        return node_key(self.asset, self.partition)


@dataclass(slots=True)
class History:
    """Collects runs from outputs, in their order."""

    runs: list[Run] = field(default_factory=list)
    _open: dict[tuple[str, int], Run] = field(default_factory=dict)
    _ended: dict[tuple[str, int], Run] = field(default_factory=dict)

    def take(self, output: Output) -> None:
        """Note what one output says of a run; others are passed over."""
        event = output.event() if output.model in _WATCHED else None
        if isinstance(event, RunGranted):
            self._granted(event, output.at)
        elif isinstance(event, Publication) and event.run is not None and event.attempt is not None:
            run = self._open.pop((event.run, event.attempt), None)
            if run is not None:
                run.outcome = _OUTCOMES[type(event)]
                run.started_at, run.finished_at = event.started_at, event.finished_at
                self._ended[event.run, event.attempt] = run
            else:
                self._output(event, self._ended.get((event.run, event.attempt)))
        elif isinstance(event, CheckEvaluated):
            self._answered(event, output.at)
        elif isinstance(event, RunEnded | RunCancelled):
            run = self._open.pop((event.run, event.attempt), None)
            if run is not None:
                run.outcome = "cancelled" if isinstance(event, RunCancelled) else event.outcome
                run.finished_at = output.at

    def _output(self, event: Publication, run: Run | None) -> None:
        """What a computation's run made of one of its outputs is told as a run of that."""
        if run is not None and run.asset != event.asset:
            output = replace(run, asset=event.asset, made_by=run.asset, outcome=_OUTCOMES[type(event)])
            output.inputs, output.cut, output.covers = event.inputs, event.cut, event.covers
            self.runs.append(output)

    def _answered(self, event: CheckEvaluated, at: int) -> None:
        """A check that stands alone answered of another asset, and that is all that its run was for."""
        for key, run in self._open.items():
            if run.run == event.run and run.asset != event.asset:
                run.outcome, run.finished_at = "checked", at
                del self._open[key]
                return

    def _granted(self, event: RunGranted, at: int) -> None:
        run = Run(
            run=event.run,
            asset=event.asset,
            partition=event.partition,
            attempt=event.attempt,
            wave=event.wave,
            worker=event.worker,
            granted_at=at,
            inputs=event.inputs,
            cut=event.cut,
            covers=event.covers,
            deadline=event.deadline,
            reason=event.reason,
        )
        self._open[event.run, event.attempt] = run
        self.runs.append(run)


_WATCHED = {RunGranted, RunEnded, RunCancelled, CheckEvaluated, *_OUTCOMES}
