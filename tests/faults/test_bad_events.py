"""What can't be taken in becomes a dead letter that says where it stood, and holds up nobody."""

import base64
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from everfresh.reading import entries
from streams.cloudevents import HEADERS, decode, encode, envelope, parse
from streams.events import AssetChanged, DeadLetter
from streams.ports import Record
from tests.faults.stage import Stage, staged
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

BAD = b"\xff\x00 no JSON"
BIG = 300 * 1024


async def letters(stage: Stage) -> dict[str, DeadLetter]:
    """Origin → dead letter. One may come twice, where a role lost its session in between, but by the same id."""
    topic, found, ids = stage.settings.topics.dead_letters.name, {}, dict[str, str]()
    for partition, (first, end) in (await stage.site.log.log.bounds(topic)).items():
        async for entry in entries(stage.site.log, topic, partition, first, end):
            wrapped = decode(entry.value, entry.headers)
            letter = parse(wrapped)
            assert isinstance(letter, DeadLetter)
            assert ids.setdefault(letter.origin, wrapped["id"]) == wrapped["id"]
            found[letter.origin] = letter
    return found


async def sent_raw(stage: Stage, broker: Broker, value: bytes) -> str:
    """Produce as a stranger would; the coordinates."""
    async with AIOKafkaProducer(bootstrap_servers=broker.address, max_request_size=2_000_000) as producer:
        topic = stage.settings.topics.changes.name
        done = await producer.send_and_wait(topic, value, key=b"stranger", partition=0, headers=list(HEADERS))
    return f"{done.topic}/{done.partition}/{done.offset}"


def change(subject: str, note: str = "") -> bytes:
    """As big as one likes: our own encoder would refuse it."""
    event = encode(envelope(AssetChanged(version="1", uri="NOTE"), "one", "stranger", subject, 1_800_000_000_000))
    return event.replace(b"NOTE", note.encode())


async def test_each_becomes_a_letter_with_its_coordinates_and_the_others_go_on(broker: Broker, tmp_path: Path) -> None:
    async with staged(broker.url, tmp_path) as stage:
        await stage.start("reactor", "worker-1", "ingress")
        loading = stage.begin_load()
        await stage.tail.next(lambda seen: seen.kind == "run.succeeded")
        bad = await sent_raw(stage, broker, BAD)
        big = await sent_raw(stage, broker, change(f"{stage.domain}/orders", "x" * BIG))
        nowhere = await sent_raw(stage, broker, change("nowhere/orders"))
        stranger = await sent_raw(stage, broker, change(f"{stage.domain}/ordrs"))
        journal = stage.settings.topics.journal(stage.domain).name
        broken = (await stage.site.log.log.append([Record(journal, BAD, None, HEADERS, partition=0)]))[0].offset
        since = stage.tail.seen[-1].offset
        await stage.tail.next(lambda seen: seen.kind == "run.succeeded" and seen.offset > broken, since=since)
        await stage.end_load(loading)
        await stage.quiet()
        stage.checked(stage.export())
        found = await letters(stage)
        unknown = next(seen for seen in stage.tail.seen if seen.sender == "stranger")
        own = f"journal/{stage.domain}"
        assert found.keys() == {bad, big, nowhere, f"{own}/{unknown.offset}", f"{own}/{broken}"}, stranger
        assert base64.b64decode(found[bad].value_base64 or "") == BAD
        assert "ordrs" in found[f"{own}/{unknown.offset}"].error
        assert "nowhere" in found[nowhere].error
        assert found[big].truncated
