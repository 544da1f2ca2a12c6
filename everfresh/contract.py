"""The contract as documents: a JSON Schema and an example of each event, and AsyncAPI over them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from everfresh.remarks import remarks
from streams.asyncapi import document
from streams.cloudevents import Envelope, encode
from streams.events import EVENTS
from streams.examples import envelopes
from streams.schemas import Schema, schema
from streams.topics import Topics


@dataclass(frozen=True, slots=True)
class Contract:
    """The documents of some types, or of all."""

    schemas: dict[str, Schema]
    examples: dict[str, Envelope]
    asyncapi: dict[str, Any]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Each file's path and content. An example's are the bytes that stand in a topic, so without a last newline."""
        for kind, said in self.schemas.items():
            yield f"schemas/{kind}.json", _readable(said)
        for kind, said in self.examples.items():
            yield f"examples/{kind}.json", encode(said)
        yield "asyncapi.json", _readable(self.asyncapi)

    def json(self) -> dict[str, Any]:
        """All of them as one value."""
        return {"schemas": self.schemas, "examples": self.examples, "asyncapi": self.asyncapi}


def contract(topics: Topics, kinds: Collection[str] = tuple(EVENTS)) -> Contract:
    """The documents of these types, as this version has them, for topics under this prefix."""
    known, wanted = remarks(), sorted(kinds)
    examples = {kind: one for kind, one in envelopes().items() if kind in wanted}
    schemas = {kind: schema(kind, known) for kind in wanted}
    return Contract(schemas, examples, document(topics, version("everfresh"), examples, wanted))


def write(made: Contract, folder: Path) -> list[Path]:
    """Write the files below the folder, which is made where it is missing; returns them. Raises OSError."""
    written = []
    for name, content in made.files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def _readable(said: dict[str, Any]) -> bytes:
    return orjson.dumps(said, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
