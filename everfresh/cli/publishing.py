"""`publish`: says that an asset changed, once or in bulk."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, UsedWrongly, command
from everfresh.cli.screen import line, say
from streams.errors import BadEvent

if TYPE_CHECKING:
    from everfresh.cli.bulk import KeyOf

group = Typer()

SOURCE = "everfresh/cli"


@dataclass(frozen=True, kw_only=True)
class Publish(Everywhere):
    """What `publish` takes."""

    asset: Annotated[
        str | None,
        Argument(metavar="ASSET", help="What changed: 'domain/name', or its name if there is one domain."),
    ] = None
    version: Annotated[str | None, Option(help="Opaque; the event's id where it isn't said.")] = None
    partition: Annotated[str | None, Option(help="Of the asset, where it has some.")] = None
    data_time: Annotated[str | None, Option(metavar="TIME", help="When the data changed: 2026-01-31T06:00:00Z.")] = None
    fingerprint: Annotated[str | None, Option(help="A hash of the content: an equal one changes nothing.")] = None
    uri: Annotated[str | None, Option(help="Where a reader finds it.")] = None
    format: Annotated[str | None, Option(help="What is there: parquet, json, …")] = None
    count: Annotated[int | None, Option(help="How many rows or files.")] = None
    metadata: Annotated[str | None, Option(metavar="JSON", help="An object that readers get.")] = None
    id: Annotated[str | None, Option(help="The event's own: one id counts once in 24 hours.")] = None
    from_jsonl: Annotated[
        str | None,
        Option(metavar="FILE", help="Many changes, an object a line with the names above and 'asset'; - is stdin."),
    ] = None
    spooled: Annotated[bool, Option("--spooled", help="Send what `everfresh run` couldn't, and nothing else.")] = False
    no_check: Annotated[
        bool, Option("--no-check", help="Don't look whether anybody declares it: quicker where there is much to read.")
    ] = False


@command(group, "publish", example="everfresh publish shop/orders --version 41")
async def publish(said: Publish) -> None:
    """Publish that a source changed; prints the event's id once the log has it.

    With --from-jsonl each line is a change. ASSET is then the one that a line means which names none.
    """
    from everfresh.cli.place import check_there, settings_of
    from everfresh.publisher import AsyncPublisher

    fields = _fields(said)
    if said.spooled:
        await _send_spooled(said, fields)
        return
    if said.from_jsonl is None and said.asset is None:
        raise UsedWrongly("say which asset changed: everfresh publish shop/orders")
    settings = check_there(settings_of(said))
    key_of = await _resolver(said)
    asset = said.asset
    if asset is not None and said.from_jsonl is None:
        asset = key_of(asset, said.partition)
    async with AsyncPublisher(settings.log, SOURCE, topics=settings.topics) as publisher:
        if said.from_jsonl is not None:
            from everfresh.cli.bulk import Bulk, publish_lines

            bulk = Bulk(publisher, asset, key_of, lambda *acked: _acked(said, *acked))
            await publish_lines(bulk, said.from_jsonl)
        elif asset is not None:
            try:
                _acked(said, asset, await publisher.publish(asset, **fields))
            except BadEvent as error:
                raise UsedWrongly(str(error)) from None


async def _send_spooled(said: Publish, fields: dict[str, Any]) -> None:
    from everfresh.cli.place import settings_of
    from everfresh.cli.sending import send_spooled

    if fields or said.asset is not None or said.from_jsonl is not None:
        raise UsedWrongly("--spooled sends what waits, as it is; leave the rest out: everfresh publish --spooled")
    for event in await send_spooled(settings_of(said)):
        _acked(said, event["subject"], event["id"])


async def _resolver(said: Publish) -> "KeyOf":
    """From an asset and a partition as said to the asset's key, with a look whether there are such, unless unwanted."""
    if said.no_check:
        return lambda asset, _partition: asset
    from everfresh.cli.finding import existing
    from everfresh.cli.sources import Sources

    async with existing(said) as site:
        return (await Sources.of(site)).key


def _fields(said: Publish) -> Any:
    """What was said of the change. Raises UsedWrongly for metadata that is no JSON object."""
    import orjson

    names = ("version", "partition", "data_time", "fingerprint", "uri", "format", "count", "id")
    fields = {name: getattr(said, name) for name in names if getattr(said, name) is not None}
    if said.metadata is not None:
        try:
            fields["metadata"] = orjson.loads(said.metadata)
        except orjson.JSONDecodeError as error:
            raise UsedWrongly(f"--metadata is no JSON: {error}") from None
        if not isinstance(fields["metadata"], dict):
            raise UsedWrongly(f"--metadata is a JSON object like '{{\"rows\": 3}}', not {said.metadata}")
    if fields and said.from_jsonl is not None:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in fields)
        raise UsedWrongly(f"with --from-jsonl each line says what changed; leave {named} out")
    return fields


def _acked(said: Publish, asset: str, event_id: str) -> None:
    if said.json:
        line({"asset": asset, "id": event_id})
    else:
        say(event_id)
