"""A manifest in as many events as it needs. It takes effect when all parts are there and their hash matches."""

import base64
import binascii
import zlib
from collections.abc import Sequence
from hashlib import blake2b

from pydantic import ValidationError

from streams.cloudevents import said
from streams.definitions import Manifest
from streams.errors import BadEvent
from streams.events import DefinitionsDeclared, DefinitionsPart

WHOLE_MAX = 128 * 1024
"""bytes of a manifest that still go as one readable event"""

_CHUNK = 150 * 1024
"""compressed bytes of a part; base64 makes a third more of them"""

_MANIFEST_MAX = 512 * 1024 * 1024
"""bytes of a manifest: what unpacks to more is refused, not unpacked"""


def in_parts(manifest: Manifest) -> Sequence[DefinitionsDeclared | DefinitionsPart]:
    """The events that declare it: one, where it is small."""
    written = manifest.model_dump_json()
    if len(written.encode()) <= WHOLE_MAX:
        return [DefinitionsDeclared.model_validate_json(written)]
    packed = zlib.compress(written.encode(), 6)
    chunks = [packed[at : at + _CHUNK] for at in range(0, len(packed), _CHUNK)]
    return [
        DefinitionsPart(
            domain=manifest.domain,
            deploy=manifest.deploy,
            whole=hash_of(packed),
            index=index,
            count=len(chunks),
            chunk=base64.b64encode(chunk).decode(),
        )
        for index, chunk in enumerate(chunks)
    ]


def joined(chunks: Sequence[str], whole: str) -> Manifest:
    """The manifest of all its parts' chunks, in order. Raises BadEvent where they aren't what was sent."""
    try:
        packed = b"".join(base64.b64decode(chunk, validate=True) for chunk in chunks)
        if hash_of(packed) != whole:
            raise BadEvent(f"the {len(chunks)} parts of a manifest don't add up to {whole!r}; deploy again")
        unpacker = zlib.decompressobj()
        written = unpacker.decompress(packed, _MANIFEST_MAX)
        if unpacker.unconsumed_tail:
            raise BadEvent(f"a manifest unpacks to more than {_MANIFEST_MAX} bytes")
        return Manifest.model_validate_json(written)
    except (binascii.Error, zlib.error) as error:
        raise BadEvent(f"a part of a manifest can't be unpacked: {error}") from None
    except ValidationError as error:
        raise BadEvent(f"a manifest in parts: {said(error)}") from None


def hash_of(packed: bytes) -> str:
    """What names the whole."""
    return blake2b(packed, digest_size=16).hexdigest()
