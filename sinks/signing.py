"""Standard Webhooks signatures: the webhook sink makes them, its receivers check them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = "whsec_"
KEY_MIN, KEY_MAX = 24, 64
"""bytes of a secret, as the standard has them"""

_VERSION = "v1"


def key_of(secret: str) -> bytes:
    """Read a secret, `whsec_` and base64. Raises ValueError with what is wrong; the text never holds the secret.

    >>> len(key_of("whsec_" + "QUJD" * 8))
    24
    """
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret.startswith(PREFIX) and KEY_MIN <= len(key) <= KEY_MAX):
        raise ValueError(f"a secret is {PREFIX!r} and then {KEY_MIN} to {KEY_MAX} random bytes in base64")
    return key


def signature(keys: Sequence[bytes], name: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature`: one `v1,<base64>` a key, so that a receiver may know an older one still."""
    return " ".join(f"{_VERSION},{_digest(key, name, at_s, body)}" for key in keys)


def is_signed(keys: Sequence[bytes], given: str, name: str, at_s: int, body: bytes) -> bool:
    """Whether one of the signatures in the header `given` was made with one of the keys, in constant time for each."""
    wanted = [f"{_VERSION},{_digest(key, name, at_s, body)}".encode() for key in keys]
    return any(hmac.compare_digest(_bytes(one), right) for one in given.split() for right in wanted)


def _digest(key: bytes, name: str, at_s: int, body: bytes) -> str:
    return b64encode(hmac.digest(key, _bytes(f"{name}.{at_s}.") + body, hashlib.sha256)).decode()


def _bytes(header: str) -> bytes:
    """Never raises, each text to other bytes: HTTP servers hand on what is no UTF-8 as lone surrogates."""
    return header.encode(errors="surrogatepass")
