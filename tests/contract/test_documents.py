"""docs/contract says what the code says, and what is really written fits it."""

import base64
import doctest
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator, FormatChecker

import everfresh as ef
import everfresh.remarks
import streams.homes
import streams.schemas
import streams.story
from everfresh.contract import contract
from everfresh.testing import World
from streams.cloudevents import decode, encode, parse
from streams.events import EVENTS, DefinitionsDeclared
from streams.examples import envelopes, examples, without_example
from streams.manifests import joined
from streams.topics import Topics
from tools.contract import FOLDER, files

EVERY_TYPE = pytest.mark.parametrize("kind", sorted(EVENTS))
WRITTEN = contract(Topics())
formats = FormatChecker(())


@formats.checks("date-time", raises=ValueError)
def is_a_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def faults(event: Any) -> list[str]:
    """What its type's schema has against an event."""
    validator = Draft202012Validator(WRITTEN.schemas[event["type"]], format_checker=formats)
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(event)]


@pytest.fixture(scope="module")
def morning() -> list[dict[str, Any]]:
    """What a small domain's journal and topics hold after a morning with each kind of trouble."""
    app = ef.App("shop")
    orders = app.source("orders", owner="checkout", expect_every="2h")

    @app.asset(deps=[orders], freshness=ef.Within("5m"), retry=ef.Retry(0), takes="30s", owner="growth")
    def revenue(orders: ef.Input) -> None: ...

    @app.check(revenue, blocking=True)
    def no_negative_days(revenue: ef.Input) -> bool:
        return True

    with World(app, start="2026-01-01T08:00:00Z") as world:
        before: tuple[Callable[[], object], ...] = (
            lambda: None,
            lambda: world.unchanged("shop/revenue", times=1),
            lambda: world.check("shop/revenue", "fail"),
            lambda: world.command("release", "shop/revenue"),
            lambda: world.fails("shop/revenue", times=1),
            lambda: world.command("materialize", "shop/revenue"),
        )
        for number, do in enumerate(before):
            do()
            world.publish("shop/orders", version=str(number))
            world.advance("10m")
        for name in ("materialize", "cancel", "pause", "resume"):
            world.command(name, "shop/revenue")
            world.advance("1s")
        return world.exported()


def test_docs_contract_is_what_the_code_says() -> None:
    there = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    wanted = files()
    differs = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
    assert differs == [], "run: python -m tools.contract"


def test_every_type_has_an_example() -> None:
    assert without_example() == [], "tell one in streams/story_journal.py or streams/story_outputs.py"


def test_every_schema_is_one_and_has_a_name_of_its_own() -> None:
    for schema in WRITTEN.schemas.values():
        Draft202012Validator.check_schema(schema)
    assert len({schema["$id"] for schema in WRITTEN.schemas.values()}) == len(EVENTS)


@EVERY_TYPE
def test_an_example_fits_its_schema_and_comes_back_as_the_same_bytes(kind: str) -> None:
    value = (FOLDER / "examples" / f"{kind}.json").read_bytes()
    assert faults(orjson.loads(value)) == []
    decoded = decode(value)
    assert type(parse(decoded)) is EVENTS[kind]
    assert encode(decoded) == value == examples()[kind]


@EVERY_TYPE
def test_an_event_that_lacks_what_is_promised_doesnt_fit(kind: str) -> None:
    event, schema = orjson.loads(examples()[kind]), WRITTEN.schemas[kind]
    for name in ({*schema["required"]} & event.keys()) - {"type"}:
        assert faults({key: value for key, value in event.items() if key != name}), name
    for name in schema["$defs"]["data"].get("required", ()):
        data = {key: value for key, value in event["data"].items() if key != name}
        assert faults(event | {"data": data}), name


@EVERY_TYPE
def test_an_event_with_fields_that_nobody_knows_yet_fits(kind: str) -> None:
    event = orjson.loads(examples()[kind])
    assert faults(event | {"newer": 1, "data": event["data"] | {"newer": {"still": 1}}}) == []


@EVERY_TYPE
def test_each_field_of_an_event_is_in_its_schema(kind: str) -> None:
    assert unknown(orjson.loads(examples()[kind])) == []


def unknown(event: Any) -> list[str]:
    schema = WRITTEN.schemas[event["type"]]
    data = schema["$defs"]["data"]["properties"]
    return sorted({*event} - {*schema["properties"]}) + sorted({*event["data"]} - {*data})


def test_what_is_written_fits_its_schema(morning: list[dict[str, Any]]) -> None:
    seen = {entry["event"]["type"] for entry in morning}
    assert len(seen) > 20
    for entry in morning:
        assert faults(entry["event"]) == [], entry
        assert unknown(entry["event"]) == [], entry


def test_an_output_in_the_examples_has_the_attributes_of_one_that_is_emitted(morning: list[dict[str, Any]]) -> None:
    emitted = {entry["event"]["type"]: entry["event"] for entry in morning if "journal.v1" not in entry["topic"]}
    told = {kind: one for kind, one in envelopes().items() if kind in emitted and "journaloffset" in one}
    assert len(told) > 8
    for kind, one in told.items():
        assert list(one) == list(emitted[kind])
        assert one["source"] == emitted[kind]["source"]


def test_every_asset_in_the_examples_is_of_one_story() -> None:
    assert set(assets(list(envelopes().values()))) == {"shop/daily", "shop/orders", "shop/revenue"}


def assets(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        yield from [said["asset"]] if "asset" in said else []
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            yield from assets(one)


def test_the_part_of_a_manifest_is_the_manifest_of_the_other_example() -> None:
    whole = parse(envelopes()[DefinitionsDeclared.TYPE])
    part = envelopes()["everfresh.definitions.part.v1"]["data"]
    assert base64.b64decode(part["chunk"], validate=True)
    assert joined([part["chunk"]], part["whole"]).model_dump() == whole.model_dump() | {"deploy": 2}


def test_the_remarks_beside_the_fields_are_their_descriptions() -> None:
    data = WRITTEN.schemas["everfresh.asset.changed.v1"]["$defs"]["data"]["properties"]
    assert data["fingerprint"]["description"] == "hash of the content: an equal one stops the ripple here"
    started = WRITTEN.schemas["everfresh.run.granted.v1"]["$defs"]["data"]["properties"]
    assert started["attempt"]["description"] == "from 1"


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (everfresh.remarks, streams.homes, streams.schemas, streams.story):
        result = doctest.testmod(module)
        assert (result.failed, result.attempted > 0) == (0, True), module.__name__
