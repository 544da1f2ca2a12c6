"""From what was said to what is meant: the log, its domains, an asset by its key or its short name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from everfresh.cli.command import Everywhere, UsedWrongly
from everfresh.cli.place import check_there, settings_of
from everfresh.cli.standing import check
from everfresh.options import meant
from everfresh.reading import now
from everfresh.site import Site, domains, opened
from reactors.domain import Domain
from streams.definitions import AssetDef
from streams.errors import EverfreshError
from streams.keys import asset_of


@asynccontextmanager
async def existing(said: Everywhere) -> AsyncIterator[Site]:
    """Open a log that is there. Raises LogUnavailable: to look at nothing mustn't make a log."""
    async with opened(check_there(settings_of(said))) as site:
        yield site


async def domains_of(site: Site, named: Sequence[str] | None) -> list[str]:
    """The domains named, or all that are deployed. Raises UsedWrongly for one that isn't there."""
    there = await domains(site)
    if not there:
        raise _nothing_there(site)
    for name in named or ():
        if name not in there:
            raise UsedWrongly(f"domain {name!r} isn't deployed on {site.settings.log}; {meant(name, there)}")
    return list(dict.fromkeys(named or there))


async def deployed(site: Site, named: Sequence[str] | None) -> list[Domain]:
    """The domains named, or all, as they are now. Raises EverfreshError where none of them was ever deployed."""
    found = [await now(site.log, site.settings.topics, name) for name in await domains_of(site, named)]
    if all(domain.state.manifest is None for domain in found):
        raise _nothing_there(site)
    return found


def _nothing_there(site: Site) -> EverfreshError:
    return EverfreshError(f"nothing is deployed on {site.settings.log}; do it with `everfresh deploy APP`")


async def key_of(site: Site, asset: str) -> str:
    """The asset's key: `domain/name` as it is, a short name in the only domain. Raises UsedWrongly."""
    if "/" in asset_of(asset):
        await domains_of(site, [asset.partition("/")[0]])
        return asset
    return f"{only(asset, await domains_of(site, None))}/{asset}"


def only(asset: str, domains: Sequence[str]) -> str:
    """The domain that a short name is of. Raises UsedWrongly where there are several."""
    if len(domains) > 1:
        raise UsedWrongly(
            f"{asset!r} may be of {' or '.join(domains)}; write it with its domain, like '{domains[0]}/{asset}'"
        )
    return domains[0]


async def domain_and_name(site: Site, said: str) -> tuple[str, str]:
    """Of a name like 'domain/b12', or 'b12' in the only domain, both parts. Raises UsedWrongly."""
    domain, slash, name = said.rpartition("/")
    return only(said, await domains_of(site, [domain] if slash else None)), name


async def declared(site: Site, asset: str) -> tuple[Domain, AssetDef]:
    """The asset's domain as it is now, and its definition. Raises UsedWrongly, with what may be meant."""
    key = await key_of(site, asset)
    domain = await now(site.log, site.settings.topics, key.partition("/")[0])
    if domain.state.manifest is None:  # its topics were made, and no more
        raise _nothing_there(site)
    return domain, check(domain, key)
