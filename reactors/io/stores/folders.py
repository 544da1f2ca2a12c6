"""Where a store's versions lie: in a folder of this machine, or anywhere fsspec reaches."""

from collections.abc import Callable
from hashlib import blake2b
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import quote

from reactors.ports import Address

_PART_MAX = 200
"""characters of one name on disk; file systems take 255 bytes, and a temporary name is longer"""

_SPECIAL = {"": "%", "_": "%5F"}
"""names that would be no name, or another one's"""


class Kept(NamedTuple):
    """One version as it lies there. `order` grows with age, newest last."""

    uri: str
    order: tuple[float, str]


class Folder(Protocol):
    """A tree of files that appear whole or not at all."""

    def publish(self, path: tuple[str, ...], write: Callable[[BinaryIO], None]) -> str:
        """Write a file and make it appear under `path`, durable; returns its uri."""

    def kept(self, path: tuple[str, ...]) -> list[Kept]:
        """The versions under `path`, oldest first; also clears what a crash left half written."""

    def remove(self, uri: str) -> None:
        """Remove a version; one that is gone already is fine."""


def beside(address: Address) -> tuple[str, ...]:
    """The parts of the path under which all versions of an address's node lie.

    An asset's names are parts of their own, a missing partition is "_", and whatever else a name may hold is a plain
    character of one part: `../` leads nowhere.

    >>> beside(Address("shop/revenue", "", "7"))
    ('shop', 'revenue', '_')
    >>> beside(Address("shop/revenue", "../../etc", "7"))
    ('shop', 'revenue', '%2E.%2F..%2Fetc')
    """
    return (*map(part, address.asset.split("/")), part(address.partition) if address.partition else "_")


def part(name: str) -> str:
    """A name as one part of a path: percent-encoded, never hidden, never too long; different names stay different.

    >>> part("2013-01-01"), part(".."), part("_"), part("--x")
    ('2013-01-01', '%2E.', '%5F', '--x')
    """
    encoded = _SPECIAL.get(name) or quote(name, safe="")
    if encoded.startswith("."):
        encoded = f"%2E{encoded[1:]}"
    if len(encoded) <= _PART_MAX:
        return encoded
    # "=" is never left bare by quote, so no short name can be equal to this one.
    return f"{encoded[:150]}={blake2b(name.encode(), digest_size=16).hexdigest()}"
