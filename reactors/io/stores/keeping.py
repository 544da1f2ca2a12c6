"""What all stores share: where a version goes, and which ones may go."""

from collections.abc import Callable, Collection
from typing import Any, BinaryIO

from reactors.io.stores.folders import beside, part
from reactors.io.stores.places import folder_of
from reactors.io.stores.reading import read
from reactors.ports import Address

SAMPLES, SAMPLES_KEPT = "samples", 20
"""the folder beside versions, and how many files stay in it"""


class KeptInFolder:
    """Versions as files under `<url>/<asset>/<partition or _>/<version>`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._folder = folder_of(url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def load(self, uri: str, format: str | None = None, as_type: Any = None) -> Any:  # noqa: A002  the event's own word
        """See Store."""
        return read(uri, format, as_type)

    def prune(self, asset: str, partition: str, named: Collection[str], last: int = 3) -> list[str]:
        """See Store."""
        kept = [one.uri for one in self._folder.kept(beside(Address(asset, partition, "")))]
        gone = [uri for uri in kept[: max(0, len(kept) - last)] if uri not in named]
        for uri in gone:
            self._folder.remove(uri)
        return gone

    def keep_beside(self, address: Address, content: bytes) -> str:
        """Keep what was found out about a version, like rows that failed a check; the newest 20 of a node stay."""
        folder = (*beside(address), SAMPLES)
        uri = self._folder.publish((*folder, f"{part(address.name)}.json"), lambda file: _ignored(file.write(content)))
        for old in self._folder.kept(folder)[:-SAMPLES_KEPT]:
            self._folder.remove(old.uri)
        return uri

    def _publish(self, address: Address, suffix: str, write: Callable[[BinaryIO], None]) -> str:
        return self._folder.publish((*beside(address), part(address.name) + suffix), write)


def _ignored(_written: int) -> None:
    pass
