"""Says where schemas break a promise: old events must stay readable, and old readers must read what is written now.

It compares two generations of the schemas that streams/schemas.py makes, by what stands in those, not by all of JSON
Schema. What is left is additive: a new type, or a field that may be missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

BOUNDS = (
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
)
"""what narrows a value: tightened, it refuses old events; loosened, old readers refuse new ones"""

REF = "#/$defs/"


class Place(NamedTuple):
    """One spot in both generations: where it is, the schema of either, and where each looks up its `$ref`s."""

    path: str
    old: Schema
    new: Schema
    old_parts: Schema
    new_parts: Schema

    def at(self, path: str, old: Schema, new: Schema) -> "Place":
        """A spot below, with its references followed."""
        return self._replace(
            path=f"{self.path}.{path}" if self.path else path,
            old=_followed(old, self.old_parts),
            new=_followed(new, self.new_parts),
        )


def incompatible(before: Mapping[str, Schema], after: Mapping[str, Schema]) -> list[str]:
    """One sentence for each broken promise: `before` are the schemas of a release by type, `after` those of now."""
    found = []
    for kind, old in before.items():
        if kind not in after:
            found.append(f"{kind} is gone: its readers wait for it")
            continue
        new = after[kind]
        place = Place("", old, new, old.get("$defs", {}), new.get("$defs", {}))
        found += [f"{kind}: {one}" for one in (*_named(place), *_broken(place))]
    return found


def _named(place: Place) -> Iterator[str]:
    if place.old.get("$id") != place.new.get("$id"):
        yield f"its $id was {place.old.get('$id')}, is {place.new.get('$id')}: whoever stored it doesn't find it"


def _broken(place: Place) -> Iterator[str]:
    yield from _types(place)
    yield from _values(place)
    yield from _bounds(place)
    yield from _fields(place)
    yield from _items(place)
    yield from _choices(place)


def _types(place: Place) -> Iterator[str]:
    old, new = _set_of(place.old.get("type")), _set_of(place.new.get("type"))
    if old != new:
        yield f"{place.path} was {_listed(old)}, is {_listed(new)}"


def _values(place: Place) -> Iterator[str]:
    old, new = _allowed(place.old), _allowed(place.new)
    if old is None and new is None:
        return
    if old is None or new is None:
        what = "had no list of values, has one" if old is None else "had a list of values, has none"
        yield f"{place.path} {what}"
        return
    if old - new:
        yield f"{place.path} may not be {_listed(old - new)} any more: old events are"
    if new - old:
        yield f"{place.path} may be {_listed(new - old)} now: old readers don't know that"


def _bounds(place: Place) -> Iterator[str]:
    for bound in BOUNDS:
        if place.old.get(bound) != place.new.get(bound):
            yield f"{place.path}: {bound} was {place.old.get(bound)}, is {place.new.get(bound)}"
    if "default" in place.old and "default" in place.new and place.old["default"] != place.new["default"]:
        yield (
            f"{place.path}: where it is missing it meant {place.old['default']!r}, would mean {place.new['default']!r}"
        )


def _fields(place: Place) -> Iterator[str]:
    old, new = place.old.get("properties", {}), place.new.get("properties", {})
    asked, asks = set(place.old.get("required", ())), set(place.new.get("required", ()))
    for name, said in old.items():
        here = place.at(name, said, new.get(name, {}))
        if name not in new:
            yield f"{here.path} is gone: its readers look for it"
            continue
        if name in asks - asked:
            yield f"{here.path} was optional, is required: old events may lack it"
        if name in asked - asks:
            yield f"{here.path} was required, is optional: old readers rely on it"
        yield from _broken(here)
    for name in sorted(asks - set(old)):
        yield f"{place.at(name, {}, {}).path} is new and required: old events lack it"


def _items(place: Place) -> Iterator[str]:
    """What stands in lists, and under keys that are data."""
    for word, name in (("items", "[]"), ("additionalProperties", "*")):
        old, new = place.old.get(word, True), place.new.get(word, True)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _broken(place.at(name, old, new))
        elif old != new:
            yield f"{place.at(name, {}, {}).path}: {word} was {_short(old)}, is {_short(new)}"
    before: Sequence[Schema] = place.old.get("prefixItems", ())
    after: Sequence[Schema] = place.new.get("prefixItems", ())
    for index, (old, new) in enumerate(zip(before, after, strict=False)):
        yield from _broken(place.at(f"[{index}]", old, new))
    if len(before) != len(after):
        yield f"{place.path} had {len(before)} places, has {len(after)}"


def _choices(place: Place) -> Iterator[str]:
    for word in ("oneOf", "anyOf"):
        old = {_name(one): one for one in place.old.get(word, ())}
        new = {_name(one): one for one in place.new.get(word, ())}
        for name in old.keys() - new.keys():
            yield f"{place.path} may not be a {name} any more: old events have one"
        for name in new.keys() - old.keys():
            yield f"{place.path} may be a {name} now: old readers don't know that"
        for name in old.keys() & new.keys():
            yield from _broken(place.at(f"({name})", old[name], new[name]))


def _followed(schema: Schema, parts: Schema) -> Schema:
    """The schema that a reference leads to; what stands beside the reference holds too."""
    if "$ref" not in schema:
        return schema
    return {**parts[schema["$ref"].removeprefix(REF)], **schema}


def _name(choice: Schema) -> str:
    """What a choice is called: by its reference, or by what it allows."""
    return str(choice.get("$ref", choice.get("type", choice))).removeprefix(REF)


def _allowed(schema: Schema) -> set[Any] | None:
    if "const" in schema:
        return {schema["const"]}
    return set(schema["enum"]) if "enum" in schema else None


def _set_of(said: str | list[str] | None) -> set[str]:
    return {said} if isinstance(said, str) else set(said or ("anything",))


def _listed(values: set[Any]) -> str:
    return " or ".join(sorted(map(str, values)))


def _short(said: Any) -> str:
    return "a schema" if isinstance(said, Mapping) else str(said).lower()
