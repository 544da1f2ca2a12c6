"""`everfresh publish`: one change, and many."""

import pytest

from tests.cli.shop import Shop


@pytest.fixture
def deployed(bare: Shop) -> Shop:
    bare.ok("deploy", "shop.py")
    return bare


def changes(shop: Shop) -> list[dict[str, object]]:
    """What stands in the changes topic, in its order: it is the log's, so a reader of ours is asked."""
    import asyncio

    from everfresh.config import Settings
    from everfresh.reading import entries
    from everfresh.site import opened
    from streams.cloudevents import decode

    async def read() -> list[dict[str, object]]:
        async with opened(Settings(log=f"sqlite://{shop.folder}/.everfresh/log.db")) as site:
            topic = site.settings.topics.changes.name
            found = []
            for partition, bounds in (await site.log.log.bounds(topic)).items():
                found += [entry async for entry in entries(site.log, topic, partition, *bounds)]
        return [decode(entry.value, entry.headers) for entry in sorted(found, key=lambda entry: entry.timestamp)]

    return asyncio.run(read())


def test_a_change_carries_what_was_said_of_it(deployed: Shop) -> None:
    said = ["--version", "41", "--data-time", "2026-01-31T06:00:00+01:00", "--fingerprint", "f", "--uri", "s3://x"]
    said += ["--format", "parquet", "--count", "3", "--metadata", '{"rows": 3}', "--id", "once"]
    assert deployed.ok("publish", "orders", *said).out == "once\n"
    (event,) = changes(deployed)
    assert (event["id"], event["subject"], event["source"]) == ("once", "shop/orders", "everfresh/cli")
    assert event["data"] == {
        "version": "41",
        "partition": "",
        "data_time": "2026-01-31T05:00:00.000Z",
        "fingerprint": "f",
        "uri": "s3://x",
        "format": "parquet",
        "count": 3,
        "metadata": {"rows": 3},
    }


def test_for_machines_the_id_comes_with_the_asset(deployed: Shop) -> None:
    answer = deployed.ok("publish", "orders", "--json").json()
    assert answer == {"asset": "shop/orders", "id": changes(deployed)[0]["id"]}


def test_lines_are_published_in_their_order_and_their_ids_printed(deployed: Shop) -> None:
    lines = [f'{{"version": "{number}"}}' for number in range(2_000)]
    lines[7] = '{"asset": "refunds", "version": "7", "id": "own"}'
    (deployed.folder / "many.jsonl").write_text("\n".join(lines))
    ran = deployed.ok("publish", "orders", "--from-jsonl", "many.jsonl")
    assert ran.err == "published 2000 changes\n"
    found = changes(deployed)
    assert sorted(ran.lines) == sorted(str(event["id"]) for event in found)
    assert ran.lines[7] == "own"
    orders = [event["data"]["version"] for event in found if event["subject"] == "shop/orders"]  # type: ignore[index]
    assert orders == [str(number) for number in range(2_000) if number != 7]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ("{", "line 2: it is no JSON: "),
        ("[]", 'line 2: a change is an object like {"asset": "shop/orders", "version": "41"}'),
        ('{"asset": "shop/ordres"}', "line 2: nobody declares the source 'shop/ordres'; did you mean 'shop/orders'?"),
        ('{"asset": "shop/orders", "versoin": "1"}', "line 2: a change has no 'versoin'; it has version, "),
        ("{}", "line 2: it names no asset, and neither does the command line"),
    ],
)
def test_a_bad_line_is_named_and_what_stands_before_it_is_published(own: Shop, second: str, problem: str) -> None:
    before = len(changes(own))
    ran = own.run("publish", "--from-jsonl", "-", stdin=f'{{"asset": "orders", "id": "first"}}\n{second}\n{{}}\n')
    assert ran.err.startswith(f"stdin, {problem}")
    assert ran.err.endswith("; what stands before it is published: 1 change\n")
    assert (ran.code, ran.out) == (1, "first\n")
    assert len(changes(own)) == before + 1


def test_whoever_looks_up_nothing_may_publish_by_the_whole_key(deployed: Shop) -> None:
    deployed.ok("publish", "shop/undeclared", "--no-check")
    assert changes(deployed)[0]["subject"] == "shop/undeclared"
