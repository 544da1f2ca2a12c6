"""What may be published: the sources that are declared."""

from collections.abc import Mapping
from typing import Any

from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import domains_of, only
from everfresh.options import meant
from everfresh.reading import now
from everfresh.site import Site
from streams.definitions import AssetDef
from streams.partitions import wrong_partition


class Sources:
    """Every asset of every domain, to tell what was meant before it is published in vain."""

    def __init__(self, domains: list[str], assets: Mapping[str, AssetDef]) -> None:
        self._domains, self._assets = domains, assets

    @classmethod
    async def of(cls, site: Site) -> "Sources":
        """Those that are declared now. Raises EverfreshError where nothing is deployed."""
        names = await domains_of(site, None)
        found = [(await now(site.log, site.settings.topics, name)).graph.assets for name in names]
        return cls(names, {key: asset for assets in found for key, asset in assets.items()})

    def key(self, asset: str, partition: Any = None) -> str:
        """The key of a source, said whole or by its short name.

        Raises UsedWrongly for what isn't one, or has no such partition.
        """
        key = asset if "/" in asset else f"{only(asset, self._domains)}/{asset}"
        definition = self._assets.get(key)
        if definition is None:
            known = [one for one, declared in self._assets.items() if declared.kind == "source"]
            raise UsedWrongly(f"nobody declares the source {key!r}; {meant(key, known)}")
        if definition.observed:
            raise UsedWrongly(f"{key!r} is looked at, so it isn't published: `everfresh materialize {key}` looks now")
        if definition.kind != "source":
            raise UsedWrongly(f"{key!r} is computed, so it isn't published: `everfresh materialize {key}` runs it")
        wrong = wrong_partition(definition.partitions, partition)
        if wrong is not None:
            raise UsedWrongly(f"change of {key!r}: {wrong}")
        return key
