"""What a release promised still holds; and each way to break it is seen."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest

from everfresh.contract import contract
from streams.topics import Topics
from tools.compatibility import incompatible
from tools.contract import RELEASED

Schema = dict[str, Any]

BEFORE: dict[str, Schema] = {
    "thing.made.v1": {
        "$id": "urn:thing",
        "type": "object",
        "properties": {"id": {"type": "string", "maxLength": 9}, "data": {"$ref": "#/$defs/data"}},
        "required": ["id", "data"],
        "additionalProperties": True,
        "$defs": {
            "data": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "kind": {"type": "string", "enum": ["big", "small"]},
                    "note": {"type": "string", "default": ""},
                    "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                    "counts": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
                    "range": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}]},
                    "how": {"oneOf": [{"$ref": "#/$defs/Part"}, {"$ref": "#/$defs/Other"}]},
                },
                "required": ["name"],
            },
            "Part": {
                "type": "object",
                "properties": {"kind": {"const": "part"}, "size": {"type": "number"}},
                "required": ["size"],
            },
            "Other": {"type": "object", "properties": {"kind": {"const": "other"}}},
        },
    },
    "thing.gone.v1": {"$id": "urn:gone", "type": "object"},
}


def changed(change: Callable[[Schema, Schema], object]) -> list[str]:
    """The complaints about a change of the whole, or of the data."""
    after = deepcopy(BEFORE)
    thing = after["thing.made.v1"]
    change(thing, thing["$defs"]["data"])
    return incompatible(BEFORE, after)


def fields(schema: Schema) -> Schema:
    properties: Schema = schema["properties"]
    return properties


def part(thing: Schema) -> Schema:
    found: Schema = thing["$defs"]["Part"]
    return found


BREAKS: dict[str, tuple[Callable[[Schema, Schema], object], str]] = {
    "a field is gone": (lambda _, data: fields(data).pop("note"), "data.note is gone"),
    "a required field is gone": (lambda thing, _: fields(thing).pop("id"), "id is gone"),
    "an optional field becomes required": (
        lambda _, data: data["required"].append("note"),
        "data.note was optional, is required",
    ),
    "a required field becomes optional": (lambda _, data: data.pop("required"), "data.name was required, is optional"),
    "a new field is required": (
        lambda _, data: (fields(data).update(new={"type": "string"}), data["required"].append("new")),
        "data.new is new and required",
    ),
    "a type changes": (lambda _, data: fields(data)["name"].update(type="integer"), "data.name was string, is integer"),
    "a type narrows": (lambda thing, _: fields(part(thing))["size"].update(type="integer"), "was number, is integer"),
    "a type widens": (
        lambda _, data: fields(data)["name"].update(type=["string", "null"]),
        "data.name was string, is null or string",
    ),
    "a value is gone": (
        lambda _, data: fields(data)["kind"]["enum"].remove("big"),
        "data.kind may not be big any more",
    ),
    "a value is new": (lambda _, data: fields(data)["kind"]["enum"].append("tiny"), "data.kind may be tiny now"),
    "any value is allowed": (lambda _, data: fields(data)["kind"].pop("enum"), "data.kind had a list of values"),
    "few values are allowed": (lambda _, data: fields(data)["name"].update(enum=["a"]), "data.name had no list"),
    "a constant changes": (lambda thing, _: fields(part(thing))["kind"].update(const="piece"), "may not be part"),
    "a bound tightens": (lambda thing, _: fields(thing)["id"].update(maxLength=8), "id: maxLength was 9, is 8"),
    "a bound loosens": (lambda thing, _: fields(thing)["id"].pop("maxLength"), "id: maxLength was 9, is None"),
    "a pattern comes": (lambda _, data: fields(data)["name"].update(pattern="^a"), "data.name: pattern was None"),
    "a default changes": (lambda _, data: fields(data)["note"].update(default="none"), "where it is missing it meant"),
    "a field in a list is gone": (lambda thing, _: fields(part(thing)).pop("size"), "data.parts.[].size is gone"),
    "what stands under keys changes": (
        lambda _, data: fields(data)["counts"]["additionalProperties"].update(minimum=1),
        "data.counts.*: minimum was 0, is 1",
    ),
    "what is unknown is refused": (
        lambda thing, _: thing.update(additionalProperties=False),
        "additionalProperties was true, is false",
    ),
    "a place in a tuple changes": (
        lambda _, data: fields(data)["range"]["prefixItems"][1].update(type="string"),
        "data.range.[1] was integer, is string",
    ),
    "a tuple is longer": (lambda _, data: fields(data)["range"]["prefixItems"].append({}), "had 2 places, has 3"),
    "a choice is gone": (lambda _, data: fields(data)["how"]["oneOf"].pop(), "data.how may not be a Other any more"),
    "a choice is new": (
        lambda _, data: fields(data)["how"]["oneOf"].append({"type": "null"}),
        "data.how may be a null now",
    ),
    "its name changes": (lambda thing, _: thing.update({"$id": "urn:other"}), "its $id was urn:thing"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_promise_is_seen(broken: str) -> None:
    change, complaint = BREAKS[broken]
    found = changed(change)
    assert found
    assert all(one.startswith("thing.made.v1: ") for one in found)
    assert any(complaint in one for one in found), found


def test_a_type_that_is_gone_is_seen() -> None:
    after = {kind: schema for kind, schema in BEFORE.items() if kind != "thing.gone.v1"}
    assert incompatible(BEFORE, after) == ["thing.gone.v1 is gone: its readers wait for it"]


ADDS: dict[str, Callable[[Schema, Schema], object]] = {
    "nothing": lambda _, __: None,
    "an optional field": lambda _, data: fields(data).update(new={"type": "string"}),
    "an optional field in a part": lambda thing, _: fields(part(thing)).update(new={"type": "string"}),
    "a description": lambda _, data: fields(data)["name"].update(description="what it is called", title="Name"),
    "a part of its own": lambda thing, _: thing["$defs"].update(New={"type": "object"}),
}


@pytest.mark.parametrize("added", ADDS)
def test_what_is_added_breaks_nothing(added: str) -> None:
    assert changed(ADDS[added]) == []


def test_a_new_type_breaks_nothing() -> None:
    assert incompatible(BEFORE, BEFORE | {"thing.new.v1": {"type": "object"}}) == []


@pytest.mark.parametrize("release", sorted(RELEASED.glob("*.json")), ids=lambda path: path.stem)
def test_what_was_released_still_holds(release: Path) -> None:
    """Before a first release it may be written anew, by `python -m tools.contract released`; after it never."""
    assert incompatible(orjson.loads(release.read_bytes()), contract(Topics()).schemas) == []


def test_there_is_a_release_to_compare_with() -> None:
    assert [path for path in RELEASED.glob("*.json") if len(orjson.loads(path.read_bytes())) > 30]
