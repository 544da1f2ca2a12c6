"""The JSON Schema of each event: a whole CloudEvent as structured JSON, its data made from the event's model.

`remarks` are what the source says of a model's fields, `Class.field` → text: to read them is for who may read files.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from streams.cloudevents import TEXT_MAX
from streams.events import (
    EVENTS,
    FROM_OUTSIDE,
    Alert,
    AssetChanged,
    BackfillChanged,
    CheckEvaluated,
    CostIncurred,
    DomainDelivered,
    DomainSubscribed,
    FreshnessChanged,
    OverridesSet,
    Publication,
    RunCancelled,
    RunEnded,
)

Schema = dict[str, Any]
Remarks = Mapping[str, str]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ATTRIBUTES: Schema = {
    "specversion": {"const": "1.0"},
    "id": {"description": "The same whenever it is sent again: drop what you have seen."},
    "source": {"description": "Who wrote it; with `id` it names the event."},
    "type": {},
    "subject": {"description": "What it concerns: an asset, a worker, a domain, or where something stood."},
    "time": {"type": "string", "format": "date-time"},
    "datacontenttype": {"const": "application/json"},
    "data": {"$ref": "#/$defs/data"},
    "partitionkey": {"type": "string", "description": "What orders it."},
    "sequence": {
        "type": "string",
        "pattern": r"^\d{12,}\.\d{6,}$",
        "description": "Grows for each key, compared as text: drop what isn't higher than the last you saw.",
    },
    "journaloffset": {
        "type": "string",
        "pattern": r"^\d+$",
        "description": "The entry of the journal that it follows from.",
    },
    "origin": {
        "type": "string",
        "description": "Where it stood before the ingress put it into a journal: topic/partition/offset.",
    },
}
_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": TEXT_MAX}
_ASKED = ("specversion", "id", "source", "type", "subject")
"""what others must say"""

_WRITTEN = (*_ASKED, "time", "datacontenttype", "data")
"""what everfresh always says"""

_FOLLOWING = ("partitionkey", "sequence", "journaloffset")
"""what it says where an event follows from a journal"""

_OUTPUTS = (
    Alert,
    BackfillChanged,
    CheckEvaluated,
    CostIncurred,
    DomainDelivered,
    DomainSubscribed,
    FreshnessChanged,
    Publication,
    RunCancelled,
    RunEnded,
)
"""events that nothing but a journal's entry brings about"""


def id_of(kind: str) -> str:
    """What names a type's schema, for ever.

    >>> id_of("everfresh.alert.opened.v1")
    'urn:everfresh:schema:everfresh.alert.opened.v1'
    """
    return f"urn:everfresh:schema:{kind}"


def schema(kind: str, remarks: Remarks) -> Schema:
    """The schema of one type."""
    model = EVENTS[kind]
    data, parts = _data(model, remarks)
    return {
        "$schema": DIALECT,
        "$id": id_of(kind),
        "title": kind,
        "description": first_paragraph(model.__doc__),
        "type": "object",
        "properties": _attributes(kind),
        "required": list(_required(kind, model)),
        "additionalProperties": True,
        "$defs": {"data": data, **parts},
    }


def schemas(remarks: Remarks) -> dict[str, Schema]:
    """Type → its schema."""
    return {kind: schema(kind, remarks) for kind in sorted(EVENTS)}


def _attributes(kind: str) -> Schema:
    known = {name: {**_TEXT, **said} if name in _ASKED else said for name, said in _ATTRIBUTES.items()}
    left_out = {"origin"} if kind not in FROM_OUTSIDE else {"sequence", "journaloffset"}
    found = {name: said for name, said in known.items() if name not in left_out}
    found |= {"specversion": _ATTRIBUTES["specversion"], "type": {"const": kind}}
    return found


def _required(kind: str, model: type[BaseModel]) -> tuple[str, ...]:
    if kind in FROM_OUTSIDE or model is OverridesSet:
        return _ASKED if model is AssetChanged else (*_ASKED, "data")
    return (*_WRITTEN, *_FOLLOWING) if issubclass(model, _OUTPUTS) else _WRITTEN


def _data(model: type[BaseModel], remarks: Remarks) -> tuple[Schema, Schema]:
    """The data's schema, and those of what stands in it by name."""
    made: Schema = model.model_json_schema(mode="serialization")
    parts: Schema = made.pop("$defs", {})
    data = _of_model(made | {"description": ""}, model.__name__, remarks)
    nulls: tuple[str, ...] = model.NULLS  # type: ignore[attr-defined]
    for name in nulls:
        data["properties"][name]["type"] = [data["properties"][name]["type"], "null"]
    data |= {"required": [*data["required"], *nulls]} if nulls else {}
    return data, {name: _of_model(part, name, remarks) for name, part in sorted(parts.items())}


def _of_model(made: Schema, name: str, remarks: Remarks) -> Schema:
    fields = {field: _of_field(said, remarks.get(f"{name}.{field}")) for field, said in made["properties"].items()}
    constant = [field for field, said in fields.items() if "const" in said]  # it tells this model from others
    whole = {
        "title": name,
        "description": first_paragraph(made["description"]),
        "type": "object",
        "properties": fields,
        "required": [*constant, *made.get("required", ())],
        "additionalProperties": True,
    }
    return {key: said for key, said in whole.items() if said}


def _of_field(made: Schema, remark: str | None) -> Schema:
    found = _plain(made)
    unit = found.pop("description", None)
    told = f"{remark} ({unit})" if remark and unit else remark or unit
    return {"description": told, **found} if told else found


def _plain(made: Schema) -> Schema:
    """Without what nobody reads: titles, nulls that aren't written, words that aren't JSON Schema's."""
    found = _written(made)
    if "gt" in found:
        found["exclusiveMinimum"] = found.pop("gt")
        found.pop("minimum", None)
    if isinstance(found.get("default"), dict):
        found["default"] = {key: said for key, said in found["default"].items() if said is not None}
    for word in ("items", "additionalProperties"):
        if isinstance(found.get(word), dict):
            found[word] = _plain(found[word])
    is_dropped = {"title", "discriminator"} | ({"default"} if found.get("default") is None else set())
    return {word: said for word, said in found.items() if word not in is_dropped}


def _written(made: Schema) -> Schema:
    """A choice without null, where that leaves one: what would be null is left out."""
    choices = [one for one in made.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        return {**{word: said for word, said in made.items() if word != "anyOf"}, **choices[0]}
    return {**made, "anyOf": [_plain(one) for one in choices]} if choices else dict(made)


def first_paragraph(text: str | None) -> str:
    r"""A docstring up to its first empty line, as one line.

    >>> first_paragraph("It fires,\n    and then more.\n\n    At length.")
    'It fires, and then more.'
    """
    return " ".join((text or "").split("\n\n")[0].split())
