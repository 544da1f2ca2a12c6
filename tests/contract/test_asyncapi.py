"""The AsyncAPI document is one by AsyncAPI's own schema, and says what the topics hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator

from everfresh.contract import contract
from streams.events import EVENTS
from streams.topics import Topics
from tests.consumers.toolchains import node_modules
from tools.contract import FOLDER

HERE = Path(__file__).resolve().parent


@pytest.fixture
def document() -> Any:
    return orjson.loads((FOLDER / "asyncapi.json").read_bytes())


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    schema = orjson.loads((node_modules(HERE / "asyncapi") / "@asyncapi/specs/schemas/3.0.0.json").read_bytes())
    return Draft7Validator(schema)


def test_it_is_an_asyncapi_document(official: Draft7Validator, document: Any) -> None:
    assert [fault.message for fault in official.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asyncapi",), "2.6.0"),
        (("channels", "changes", "bindings", "kafka", "partitions"), 0),
        (("operations", "send-alerts", "action"), "publish"),
        (("components", "messages", "everfresh.alert.opened.v1", "payload"), 1),
    ],
)
def test_a_document_that_is_wrong_is_seen(
    official: Draft7Validator, document: Any, path: tuple[str, ...], value: object
) -> None:
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not official.is_valid(document)


def references(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        if isinstance(said.get("$ref"), str):
            yield said["$ref"]
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            yield from references(one)


def leads_somewhere(reference: str, document: Any) -> bool:
    if not reference.startswith("#/"):
        return (FOLDER / reference).is_file()
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name, {})
    return bool(document)


def test_every_reference_leads_somewhere(document: Any) -> None:
    assert not leads_somewhere("#/channels/nothing", document)
    assert not leads_somewhere("./schemas/nothing.json", document)
    found = list(references(document))
    assert len(found) > 100
    assert [one for one in found if not leads_somewhere(one, document)] == []


def test_every_topic_is_a_channel_with_its_settings(document: Any) -> None:
    channels = {one["address"]: one for one in document["channels"].values()}
    wanted = {topic.name: topic for topic in Topics().of("{domain}")}
    assert channels.keys() == wanted.keys()
    changes = channels["everfresh.changes.v1"]["bindings"]["kafka"]
    week_ms = 7 * 86_400_000
    assert changes["topicConfiguration"] == {"cleanup.policy": ["delete"], "retention.ms": week_ms}
    for name, topic in wanted.items():
        assert channels[name]["bindings"]["kafka"]["partitions"] == topic.partitions
        assert topic.key in channels[name]["description"]
        assert ("parameters" in channels[name]) == name.endswith("{domain}")


def test_every_type_stands_in_a_channel_and_a_channel_of_events_has_an_operation(document: Any) -> None:
    placed = {kind for channel in document["channels"].values() for kind in channel["messages"]}
    assert placed == EVENTS.keys() == document["components"]["messages"].keys()
    acted_on = {one["channel"]["$ref"].rpartition("/")[2] for one in document["operations"].values()}
    assert acted_on == document["channels"].keys()


def test_addresses_have_the_prefix_that_is_set() -> None:
    channels = contract(Topics("acme.")).asyncapi["channels"].values()
    assert all(one["address"].startswith("acme.") for one in channels)


def test_a_document_of_few_types_has_their_channels_only() -> None:
    found = contract(Topics(), ["everfresh.asset.changed.v1"])
    assert found.asyncapi["channels"].keys() == {"changes", "journal"}
    assert found.schemas.keys() == found.examples.keys() == {"everfresh.asset.changed.v1"}
    assert all(len(one["messages"]) == 1 for one in found.asyncapi["operations"].values())
