"""JsonStore: what JSON can say."""

import json
from typing import Any

from reactors.io.stores.fingerprints import bytes_fingerprint
from reactors.io.stores.keeping import KeptInFolder
from reactors.ports import Address, Stored
from streams.errors import BadResult


class JsonStore(KeptInFolder):
    """Keeps what JSON says back exactly: dicts with text keys, lists, texts, finite numbers, booleans, None in them.

    `url` is a folder (relative to where the process started) or any fsspec URL. The order of a dict's keys doesn't
    count for the fingerprint. An attempt fails with BadResult where a function returns what JSON can't say back.
    """

    def write(self, address: Address, value: Any) -> Stored:
        """See Store."""
        try:
            _check(value, "the value")
            text = json.dumps(value, allow_nan=False, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            content = text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise BadResult(f"a JsonStore can't keep the value: {error}") from None
        uri = self._publish(address, ".json", lambda file: _ignored(file.write(content)))
        return Stored(uri, "json", bytes_fingerprint(content), len(content))


def _ignored(_written: int) -> None:
    pass


def _check(value: Any, where: str) -> None:
    """Refuse what JSON would say back as something else: a key that is no text, a tuple."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                raise BadResult(f"a JsonStore's keys are texts; {where} has the key {key!r}")
            _check(one, f"{where}[{key!r}]")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            _check(one, f"{where}[{place}]")
    elif not (value is None or isinstance(value, str | int | float)):
        kind = type(value).__name__
        raise BadResult(
            f"a JsonStore keeps what JSON can say; {where} is of type {kind}: make it a dict, list, text or number, "
            "or give the asset a ParquetStore (tables) or a FileStore (bytes)"
        )
