"""OpenLineage → changes: what a run wrote, or a dataset event tells of, where the settings say which source that is.

A run that completes is a change of each dataset that it wrote, and the news that its program ended well; one that fails
is the news that it didn't. What else OpenLineage tells of needs nothing done.

Source: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sinks.openlineage import FACET
from streams.cloudevents import Envelope, envelope, event_id, said
from streams.errors import BadEvent
from streams.events import AssetChanged, Event, RunReported
from streams.units import Instant

_TEXT_MAX = 1_024


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Dataset(_Part):
    """A dataset as OpenLineage names it."""

    namespace: str = Field(min_length=1)
    name: str = Field(min_length=1)
    facets: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the setting `datasets` calls it."""
        return f"{self.namespace}/{self.name}"

    def said(self, facet: str, name: str) -> Any:
        """A facet's value; None where it isn't said."""
        found = self.facets.get(facet)
        return found.get(name) if isinstance(found, dict) else None


class _Run(_Part):
    runId: str = Field(min_length=1, max_length=_TEXT_MAX)  # noqa: N815  # OpenLineage names it
    facets: dict[str, Any] = Field(default_factory=dict)


class _Job(_Part):
    namespace: str
    name: str


class Lineage(_Part):
    """A run event, a dataset event or a job event."""

    eventTime: Instant  # noqa: N815  # OpenLineage names it
    producer: str
    eventType: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = None  # noqa: N815  # the same
    run: _Run | None = None
    job: _Job | None = None
    outputs: tuple[Dataset, ...] = ()
    dataset: Dataset | None = None


class Taken(NamedTuple):
    """What one OpenLineage event comes to, and the datasets that nobody said which source they are."""

    events: list[Envelope]
    passed_over: list[str]


def taken(body: Any, assets: Mapping[str, str]) -> Taken:
    """Read an OpenLineage event; `assets` is namespace/name → source. Raises BadEvent for what is none."""
    lineage = _read(body)
    changed = _changed(lineage)
    found = [(one, assets[one.key]) for one in changed if one.key in assets]
    events = [event for dataset, asset in found for event in _events(lineage, dataset, asset)]
    return Taken(events, [one.key for one in changed if one.key not in assets])


def _read(body: Any) -> Lineage:
    try:
        lineage = Lineage.model_validate(body)
    except ValidationError as error:
        raise BadEvent(f"no OpenLineage event: {said(error)}") from None
    if lineage.dataset is None and lineage.job is None:
        raise BadEvent("no OpenLineage event: it has neither 'dataset' nor 'job'")
    return lineage


def _changed(lineage: Lineage) -> list[Dataset]:
    """The datasets that it says something about that we would do something about."""
    if lineage.dataset is not None:
        return [lineage.dataset]
    return list(lineage.outputs) if lineage.run is not None and lineage.eventType in ("COMPLETE", "FAIL") else []


def _events(lineage: Lineage, dataset: Dataset, asset: str) -> Iterator[Envelope]:
    if lineage.eventType != "FAIL":
        yield _wrapped(_change(lineage, dataset), lineage, asset)
    if lineage.run is not None and not dataset.said(FACET, "partition"):
        yield _wrapped(_report(lineage, lineage.run, asset), lineage, asset)


def _change(lineage: Lineage, dataset: Dataset) -> AssetChanged:
    version = dataset.said("version", "datasetVersion") or (lineage.run.runId if lineage.run is not None else None)
    told: dict[str, Any] = {"producer": lineage.producer}
    if lineage.job is not None:
        told["job"] = f"{lineage.job.namespace}/{lineage.job.name}"
    if lineage.run is not None:
        told["run"] = lineage.run.runId
    try:
        return AssetChanged(
            version=version,
            partition=dataset.said(FACET, "partition") or "",
            data_time=_moment(lineage),
            fingerprint=dataset.said(FACET, "fingerprint"),
            uri=dataset.said("dataSource", "uri"),
            format=dataset.said(FACET, "format"),
            metadata={"openlineage": told},
        )
    except ValidationError as error:
        raise BadEvent(f"dataset {dataset.key!r}: {said(error)}") from None


def _report(lineage: Lineage, run: _Run, asset: str) -> RunReported:
    failed = lineage.eventType == "FAIL"
    message = run.facets.get("errorMessage")
    why = str(message.get("message", "")) if isinstance(message, dict) else ""
    return RunReported(
        run=run.runId,
        asset=asset,
        outcome="failed" if failed else "succeeded",
        error=(why.splitlines() or [""])[0].rstrip(".")[:_TEXT_MAX] if failed else "",
        started_at=lineage.eventTime,
        finished_at=lineage.eventTime,
    )


def _wrapped(event: Event, lineage: Lineage, asset: str) -> Envelope:
    """Named after what it says: the same event, posted again, is a repeat."""
    of = lineage.run.runId if lineage.run is not None else ""
    name = event_id("openlineage", event.TYPE, lineage.producer, of, lineage.eventType, lineage.eventTime, asset)
    return envelope(event, name, "everfresh/openlineage", asset, lineage.eventTime)


def _moment(lineage: Lineage) -> str:
    return str(lineage.model_dump(mode="json")["eventTime"])
