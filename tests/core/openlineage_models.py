"""OpenLineage's schema as its own Python library has it: classes that are generated from the published JSON Schemas.

An event is read into them field by field: what they don't know, lack or type otherwise is an error.
"""

import importlib
import pkgutil
import types
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import attr
from openlineage.client import generated
from openlineage.client.generated import base

OURS = "urn:everfresh:"
"""schemas of our own facets"""


def _classes() -> dict[str, Any]:
    """Schema URL → class."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(one, type) and attr.has(one) and hasattr(one, "_get_schema"):
                found[one._get_schema()] = one
    return found


CLASSES = _classes()


def read(event: dict[str, Any]) -> Any:
    """An event by the schema that it names. Raises AssertionError, ValueError, TypeError with where it doesn't fit."""
    kind = CLASSES[event["schemaURL"]]
    assert issubclass(kind, base.BaseEvent), event["schemaURL"]
    return _object(kind, event, "event")


def _object(kind: Any, value: Any, where: str) -> Any:
    assert isinstance(value, dict), f"{where} is no object"
    hints = get_type_hints(kind)
    fields = {one.name: one for one in attr.fields(kind)}
    unknown = set(value) - set(fields)
    assert not unknown, f"{where}: {kind.__name__} knows no {sorted(unknown)}"
    missing = {name for name, one in fields.items() if one.default is attr.NOTHING} - set(value)
    assert not missing, f"{where}: {kind.__name__} wants {sorted(missing)}"
    made = {name: _value(hints[name], one, f"{where}.{name}") for name, one in value.items() if fields[name].init}
    return kind(**{name.lstrip("_"): one for name, one in made.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        assert value is not None, f"{where} is null; it is left out instead"
        [hint] = [one for one in args if one is not type(None)]
        return _value(hint, value, where)
    if origin is list:
        assert isinstance(value, list), where
        return [_value(args[0], one, f"{where}[{at}]") for at, one in enumerate(value)]
    if origin is dict:
        assert isinstance(value, dict), where
        return {name: _value(args[1], one, f"{where}.{name}") for name, one in value.items()}
    if hint is Any:
        return value
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if isinstance(hint, type) and issubclass(hint, base.BaseFacet):
        return _facet(hint, value, where)
    if attr.has(hint):
        return _object(hint, value, where)
    kinds = (int, float) if hint is float else hint
    assert isinstance(value, kinds), f"{where}: {value!r} is no {hint}"
    assert hint is bool or not isinstance(value, bool), f"{where}: {value!r} is no {hint}"
    return value


def _facet(kind: Any, value: dict[str, Any], where: str) -> Any:
    """Of the kind that its place wants, by the schema that it names; one of our own needs no more than to name it."""
    assert {"_producer", "_schemaURL"} <= set(value), where
    if value["_schemaURL"].startswith(OURS):
        return value
    named = CLASSES[value["_schemaURL"]]
    assert issubclass(named, kind), f"{where}: {named.__name__} is no {kind.__name__}"
    return _object(named, value, where)
