"""Reads a run's inputs: by a source's own `load=`, by the store that wrote it, or by uri and format alone."""

import inspect
from typing import Any

from reactors.compute import Input, input_of
from reactors.io.stores.reading import read
from reactors.io.stores.tables import arrow_of, kind_of, table_as
from reactors.recipes import Code
from streams.errors import LoadError
from streams.events import InputNews, Pin
from streams.keys import asset_of


class CodeLoader:
    """See Loader; over an app's code."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def load(self, key: str, pin: Pin, as_type: Any) -> Any:
        """See Loader."""
        asset = asset_of(key)
        if asset in self._code.reads:
            return converted(self._read(key, pin), as_type)
        if pin.uri is None:
            raise LoadError(
                f"input {key!r} has nothing to load: version {pin.version!r} names no uri, and no load= reads it; "
                "annotate the argument as ef.Input to do without"
            )
        recipe = self._code.recipes.get(asset)
        store = recipe.store if recipe is not None else None
        return store.load(pin.uri, pin.format, as_type) if store else read(pin.uri, pin.format, as_type)

    def input(self, key: str, pin: Pin, news: InputNews | None = None) -> Input:
        """The input that a pin stands for; it reads when it is asked to."""
        return input_of(key, pin, news, lambda as_type: self.load(key, pin, as_type))

    def _read(self, key: str, pin: Pin) -> Any:
        """Call a source's `load=`, with the input if it takes one."""
        function = self._code.reads[asset_of(key)]
        if not inspect.signature(function).parameters:
            return function()

        def not_itself(_as_type: Any) -> Any:
            asked = f"load= of {asset_of(key)!r} asks the input to load itself"
            raise LoadError(f"{asked}; read what its version or uri names")

        return function(input_of(key, pin, None, not_itself))


def converted(value: Any, as_type: Any) -> Any:
    """A table as the kind of table that is asked for; anything else as it is."""
    wanted, found = kind_of(as_type), kind_of(type(value))
    return value if wanted is None or found is None or wanted == found else table_as(arrow_of(value), wanted)
