"""An output as OpenLineage tells it: runs with what they read and wrote, datasets with their versions, checks.

A job is an asset, a dataset too; both bear the asset's key in one namespace. A check is a job of its own, which reads
the version that it asks about. What is held back is a failed run's: whoever listens mustn't take it for published.

Source: https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets' schemas beside it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sinks.reading import event_of, time_ms
from streams.cloudevents import Envelope
from streams.events import (
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    CheckEvaluated,
    Publication,
    RunEnded,
)
from streams.units import rfc3339

PATH = "api/v1/lineage"
"""where servers take OpenLineage, below their URL"""

PRODUCER = "urn:everfresh"
FACET = "everfresh_publication"
"""our own facet of a dataset: partition, fingerprint, cut, covers, and whether the inputs agreed"""

_SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
_FACETS = "https://openlineage.io/spec/facets/"

Told = dict[str, Any]
"""an OpenLineage event, or a part of one"""


def lineage_of(wrapped: Envelope, namespace: str) -> list[Told]:
    """The OpenLineage events that follow from an output, in their order; none for types that lineage has no word for.

    The same output gives the same events, run ids too. Raises BadEvent.
    """
    teller = _TELLERS.get(wrapped["type"])
    return [] if teller is None else teller(event_of(wrapped), wrapped, namespace)


def run_id(source: str, run: str, attempt: int | str) -> str:
    """A UUID for one attempt, the same whoever asks.

    >>> run_id("everfresh/shop", "7-shop/revenue", 1)
    'e6596cb1-1d05-5e28-912d-fabd1d20b837'
    """
    return str(uuid5(NAMESPACE_URL, f"{PRODUCER}:{source}:{run}:{attempt}"))


def _published(event: Publication, wrapped: Envelope, namespace: str) -> list[Told]:
    if event.run is None or event.TYPE == AssetReleased.TYPE:
        dataset = {"namespace": namespace, "name": event.asset, "facets": _version_facets(event)}
        return [_dataset_event(_time(wrapped), dataset)]
    run: Told = {"runId": run_id(wrapped["source"], event.run, event.attempt or 0)}
    inputs = [_input(namespace, key, pin.version) for key, pin in sorted(event.inputs.items())]
    began = rfc3339(event.started_at) if event.started_at is not None else _time(wrapped)
    ended = rfc3339(event.finished_at) if event.finished_at is not None else _time(wrapped)
    job = _job(namespace, event.asset, "ASSET")
    output: Told = {"namespace": namespace, "name": event.asset}
    outputs = [output]
    if event.TYPE == AssetQuarantined.TYPE:
        last = "FAIL"
        why = "a blocking check failed; nobody downstream sees the version unless it is released"
        done = run | {"facets": _error(why)}
    else:
        last, done = "COMPLETE", run
        output = output | {"facets": _version_facets(event)}
    return [
        _run_event("START", began, run, job) | {"inputs": inputs, "outputs": outputs},
        _run_event(last, ended, done, job) | {"inputs": inputs, "outputs": [output]},
    ]


def _run_ended(event: RunEnded, wrapped: Envelope, namespace: str) -> list[Told]:
    """Every run has to have a START; when this one was isn't told, so it bears the time of its end."""
    run: Told = {"runId": run_id(wrapped["source"], event.run, event.attempt)}
    last = "FAIL" if event.outcome in ("failed", "lost") else "ABORT"
    job = _job(namespace, event.asset, "ASSET")
    told = {"inputs": [], "outputs": [{"namespace": namespace, "name": event.asset}]}
    ended = run | {"facets": _error(event.reason)}
    return [_run_event("START", _time(wrapped), run, job) | told, _run_event(last, _time(wrapped), ended, job) | told]


def _check(event: CheckEvaluated, wrapped: Envelope, namespace: str) -> list[Told]:
    at_ms = time_ms(wrapped)
    run: Told = {"runId": run_id(wrapped["source"], event.run, f"{event.check}:{event.asset}:{event.partition}")}
    job = _job(namespace, f"{event.asset}.check.{event.check}", "CHECK")
    asked = _input(namespace, event.asset, event.version or None)
    began = _run_event("START", rfc3339(at_ms - round(event.duration_seconds * 1_000)), run, job)
    last = {"pass": "COMPLETE", "fail": "COMPLETE", "error": "FAIL", "skip": "ABORT"}[event.outcome]
    if last != "COMPLETE":
        told = f"the check couldn't be judged: {event.observed or 'it was not said why'}"
        why = told if event.outcome == "error" else "the check was skipped"
        run = run | {"facets": _error(why)}
        judged = asked
    else:
        judged = asked | {"facets": asked["facets"] | _metrics(event), "inputFacets": _assertions(event)}
    ended = _run_event(last, rfc3339(at_ms), run, job)
    return [began | {"inputs": [asked], "outputs": []}, ended | {"inputs": [judged], "outputs": []}]


def _run_event(kind: str, at: str, run: Told, job: Told) -> Told:
    said: Told = {"eventType": kind, "eventTime": at, "run": run, "job": job}
    return said | {"producer": PRODUCER, "schemaURL": f"{_SPEC}RunEvent"}


def _dataset_event(at: str, dataset: Told) -> Told:
    return {"eventTime": at, "dataset": dataset, "producer": PRODUCER, "schemaURL": f"{_SPEC}DatasetEvent"}


def _job(namespace: str, name: str, kind: str) -> Told:
    what = {"processingType": "BATCH", "integration": "EVERFRESH", "jobType": kind}
    return {"namespace": namespace, "name": name, "facets": {"jobType": _facet("2-0-4/JobTypeJobFacet", what)}}


def _input(namespace: str, asset: str, version: str | None) -> Told:
    """A version that was read; a source that was there before any change was heard of has none."""
    return {"namespace": namespace, "name": asset, "facets": {} if version is None else _version(version)}


def _version_facets(event: Publication) -> Told:
    facets = _version(event.version)
    if event.uri is not None:
        facets["dataSource"] = _facet("1-0-1/DatasourceDatasetFacet", {"name": event.asset, "uri": event.uri})
    own = {
        "partition": event.partition,
        "fingerprint": event.fingerprint,
        "format": event.format,
        "consistent": event.consistent,
        "cut": event.cut,
        "covers": {source: list(span) for source, span in event.covers.items()},
    }
    head = {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}:{event.TYPE}"}
    facets[FACET] = head | {name: value for name, value in own.items() if value not in (None, "")}
    return facets


def _version(version: str) -> Told:
    return {"version": _facet("1-0-1/DatasetVersionDatasetFacet", {"datasetVersion": version})}


def _metrics(event: CheckEvaluated) -> Told:
    if event.n_tested is None:
        return {}
    return {
        "dataQualityMetrics": _facet(
            "1-0-1/DataQualityMetricsDatasetFacet", {"rowCount": event.n_tested, "columnMetrics": {}}
        )
    }


def _assertions(event: CheckEvaluated) -> Told:
    said = {
        "assertion": event.check,
        "name": event.check,
        "success": event.outcome == "pass",
        "severity": "error" if event.severity in ("error", "critical") else "warn",
        "expected": event.expected,
        "actual": event.observed,
    }
    told = {name: value for name, value in said.items() if value is not None}
    return {"dataQualityAssertions": _facet("1-1-0/DataQualityAssertionsDatasetFacet", {"assertions": [told]})}


def _error(message: str) -> Told:
    said = {"message": message, "programmingLanguage": "python"}
    return {"errorMessage": _facet("1-0-1/ErrorMessageRunFacet", said)}


def _facet(schema: str, said: Told) -> Told:
    name = schema.partition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_FACETS}{schema}.json#/$defs/{name}"} | said


def _time(wrapped: Envelope) -> str:
    return rfc3339(time_ms(wrapped))


_TELLERS: Mapping[str, Callable[[Any, Envelope, str], list[Told]]] = {
    AssetMaterialized.TYPE: _published,
    AssetVerified.TYPE: _published,
    AssetQuarantined.TYPE: _published,
    AssetReleased.TYPE: _published,
    RunEnded.TYPE: _run_ended,
    CheckEvaluated.TYPE: _check,
}

TOLD = frozenset(_TELLERS)
"""types of events that become lineage"""
