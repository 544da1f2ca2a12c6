"""What the source says of an event's fields in the comments beside them: the only place where it is written down."""

import inspect
import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from streams.events import EVENTS

_FIELD = re.compile(r"    (\w+): .*?  # (.+)")
_WORDS = {"None": "missing", "True": "true", "False": "false"}


def remarks() -> dict[str, str]:
    """`Class.field` → its comment, for all events and what stands in them; none where there is no source to read."""
    found = dict[str, str]()
    for model in EVENTS.values():
        for part in _parts(model):
            found |= {f"{part.__name__}.{field}": remark for field, remark in _of(part).items()}
    return found


def _parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and those of its fields."""
    yield model
    for field in model.model_fields.values():
        for one in _models(field.annotation):
            yield from _parts(one)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _of(model: type[BaseModel]) -> dict[str, str]:
    """A model's remarks, those of its bases too."""
    lines = [line for one in reversed(model.__mro__) if issubclass(one, BaseModel) for line in _lines(one)]
    return {said[1]: _in_json(said[2]) for said in map(_FIELD.fullmatch, lines) if said is not None}


def _lines(model: type[BaseModel]) -> list[str]:
    try:
        return [] if model is BaseModel else inspect.getsource(model).splitlines()
    except OSError:
        return []


def _in_json(remark: str) -> str:
    """A remark's words for a reader who knows no Python.

    >>> _in_json("None: it was there before; False: it wasn't")
    "missing: it was there before; false: it wasn't"
    """
    return re.sub("None|True|False", lambda found: _WORDS[found[0]], remark)
