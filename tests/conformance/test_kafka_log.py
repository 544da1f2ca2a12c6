"""What only the log on Kafka has to promise: what becomes of it when the broker is harmed, or a client wedges."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import OutOfOrderSequenceNumber
from aiokafka.protocol.commit import OffsetFetchRequest

from streams.errors import Fenced, LogUnavailable, TopicMismatch
from streams.io.kafka import KafkaLog
from streams.io.kafka_producer import KafkaProducer, abandon
from streams.io.kafka_settings import KafkaSettings
from streams.io.kafka_subscription import KafkaSubscription
from streams.ports import Record
from streams.topics import Topic
from tests.conformance.logs import records, values
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker, free_port

pytestmark = pytest.mark.kafka

SETTINGS = KafkaSettings(deadline_ms=3_000, session_timeout_ms=3_000, starving_ms=2_000)


@pytest.fixture(scope="module")
def harmed(kafka_broker: Broker) -> Iterator[Broker]:
    """A broker of our own: these tests kill and pause it. It would make topics by itself, as Kafka's default is."""
    with Broker(heap="256m", settings={"auto.create.topics.enable": "true"}) as broker:
        yield broker


@pytest.fixture
def broker(harmed: Broker) -> Broker:
    if harmed._process is None:  # the test before killed it
        harmed.start()
    return harmed


@pytest.fixture
async def log(broker: Broker, request: pytest.FixtureRequest) -> AsyncIterator[KafkaLog]:
    log = await KafkaLog.connect(broker.address, SETTINGS)
    yield log
    await asyncio.wait_for(log.close(), PATIENCE_SECONDS)


@pytest.fixture
async def topic(log: KafkaLog, request: pytest.FixtureRequest) -> str:
    name = f"t{abs(hash(request.node.name))}"
    await log.create([Topic(name, "", 1, log_append_time=True)])
    return name


async def test_nobody_there_is_said_at_once_with_the_address() -> None:
    address = f"127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(LogUnavailable, match=rf"Kafka at {address}: connecting failed, it can't be reached; start it"):
        await KafkaLog.connect(address, SETTINGS)
    assert time.monotonic() - started < 2


async def test_a_misspelt_topic_is_not_made_even_where_the_broker_would(log: KafkaLog) -> None:
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: log.append(records("mispelt", "x")),
        lambda: log.read("mispelt", 0, 0),
        lambda: log.bounds("mispelt"),
        lambda: log.subscribe("group", ["mispelt"]),
        lambda: log.positions("group", "mispelt"),
        lambda: log.trim("mispelt", 0, 1),
    ]
    for ask in asked:
        with pytest.raises(TopicMismatch, match="mispelt is missing"):
            await ask()
    assert await log.check([Topic("mispelt", "")]) != []
    await asyncio.sleep(1)  # the time it would take
    assert await log.names("mis") == []


async def test_in_an_outage_publishers_are_told_it_is_logged_seldom_and_what_was_given_up_never_arrives(
    log: KafkaLog, broker: Broker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    await log.append(records(topic, "before"))
    member = await log.subscribe("logged", [topic])
    broker.kill()
    until = time.monotonic() + 4
    with caplog.at_level(logging.WARNING):
        while time.monotonic() < until:
            started = time.monotonic()
            with pytest.raises(LogUnavailable, match=rf"Kafka at {broker.address}"):
                await log.append(records(topic, "given up"))
            assert time.monotonic() - started < SETTINGS.deadline_ms / 1_000 + 1
            await member.fetch(wait_ms=100)
    said = [record.msg for record in caplog.records if record.name.startswith("aiokafka")]
    assert said
    assert max(map(said.count, said)) <= 2  # a second logger may say the same
    broker.start()
    started = time.monotonic()
    await log.append(records(topic, "after"))
    assert time.monotonic() - started < 5
    await asyncio.sleep(1)
    assert await values(log, topic) == ["before", "after"]
    assert running("_sender_routine") == 1  # none of those that were given up
    await member.close()


async def test_members_and_readers_keep_their_place_over_a_restart_of_the_broker(
    log: KafkaLog, broker: Broker, topic: str
) -> None:
    await log.append(records(topic, *"abcd"))
    assert len(await log.read(topic, 0, 0)) == 4
    member = await log.subscribe("keeping", [topic])
    await member.commit({(topic, 0): 3})
    broker.restart()
    late = await log.subscribe("keeping", [topic], start="latest")
    await log.append(records(topic, "e"))
    assert await gathered([member, late], 2) == ["d", "e"]
    assert [entry.value for entry in await log.read(topic, 0, 4, wait_ms=5_000)] == [b"e"]
    await member.close()
    await late.close()


async def test_a_coordinator_that_has_yet_to_load_a_group_does_not_make_it_a_new_one(
    log: KafkaLog, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.append(records(topic, *"abcd"))
    member = await log.subscribe("loading", [topic])
    await member.commit({(topic, 0): 2})
    await member.close()
    send, loading = AIOKafkaClient.send, [True] * 4

    async def still_loading(self: AIOKafkaClient, node: int, request: object, **options: object) -> Any:
        answer = await send(self, node, request, **options)
        if isinstance(request, OffsetFetchRequest) and loading:
            loading.pop()
            answer.error_code, answer.topics = 14, []  # as a broker answers in the first moments after its start
        return answer

    monkeypatch.setattr(AIOKafkaClient, "send", still_loading)
    member = await log.subscribe("loading", [topic], start="latest")
    assert await gathered([member], 2) == ["c", "d"]
    assert loading == []
    assert await log.positions("loading", topic) == {0: 2}
    await member.close()


async def test_a_broker_that_hangs_is_said_after_the_deadline_and_nobody_waits_longer(
    log: KafkaLog, broker: Broker, topic: str
) -> None:
    await log.append(records(topic, "before"))
    broker.pause()
    started = time.monotonic()
    try:
        told = await asyncio.gather(
            *(log.append(records(topic, "in doubt")) for _ in range(5)),
            log.read(topic, 0, 1, wait_ms=100),
            log.bounds(topic),
            return_exceptions=True,
        )
    finally:
        broker.resume()
    assert [type(one) for one in told] == [LogUnavailable] * 7
    assert time.monotonic() - started < 3 * SETTINGS.deadline_ms / 1_000
    await log.append(records(topic, "after"))
    found = await values(log, topic)
    assert (found[0], found[-1]) == ("before", "after")
    assert set(found[1:-1]) <= {"in doubt"}


async def gathered(members: list[KafkaSubscription], count: int) -> list[str]:
    taken: dict[int, str] = {}
    give_up = time.monotonic() + PATIENCE_SECONDS
    while len(taken) < count and time.monotonic() < give_up:
        for member in members:
            for entries in (await member.fetch(wait_ms=200)).values():
                taken.update((entry.offset, (entry.value or b"").decode()) for entry in entries)
    return [taken[offset] for offset in sorted(taken)]


async def test_a_producer_that_lost_its_sequence_is_replaced(log: KafkaLog, topic: str) -> None:
    await log.append(records(topic, "a"))
    producer = log._producer._producer
    assert producer is not None
    producer._txn_manager.increment_sequence_number(next(iter(producer._txn_manager._sequence_numbers)), 5)
    with pytest.raises(LogUnavailable, match="lost its place") as caught:
        await log.append(records(topic, "lost"))
    assert isinstance(caught.value.__cause__, OutOfOrderSequenceNumber)
    stamps = await asyncio.gather(*(log.append(records(topic, "b")) for _ in range(5)))
    assert sorted(stamp.offset for (stamp,) in stamps) == [1, 2, 3, 4, 5]
    assert log._producer.restarts == 1


async def test_a_record_above_the_topics_own_limit_harms_nobody_for_long(log: KafkaLog, topic: str) -> None:
    small = Topic(f"{topic}-small", "", 1)
    await log.create([_limited(small)])
    with pytest.raises(LogUnavailable, match=r"max\.message\.bytes|message\.max\.bytes"):
        await log.append([Record(small.name, bytes(50_000))])
    await log.append(records(small.name, "a"))
    assert await values(log, small.name) == ["a"]


class _Limited(Topic):
    @property
    def settings(self) -> dict[str, str]:
        return {"max.message.bytes": "10000"}


def _limited(topic: Topic) -> Topic:
    return _Limited(topic.name, topic.key, topic.partitions)


async def test_a_consumer_that_hangs_is_started_anew_and_loses_nothing(log: KafkaLog, topic: str) -> None:
    member = await log.subscribe("hanging", [topic])
    await log.append(records(topic, "a"))
    assert await gathered([member], 1) == ["a"]
    await member.commit({(topic, 0): 1})
    hang(member)
    await log.append(records(topic, "b", "c"))
    started = time.monotonic()
    assert await gathered([member], 2) == ["b", "c"]
    assert time.monotonic() - started < 15
    assert member.restarts == 1
    await member.close()


async def test_a_member_that_is_never_dealt_anything_is_started_anew(log: KafkaLog, topic: str) -> None:
    member = await log.subscribe("undealt", [topic])
    hang(member)
    member._partitions.on_partitions_revoked([])
    await log.append(records(topic, "a"))
    assert await gathered([member], 1) == ["a"]
    assert member.restarts == 1
    await member.close()


async def test_a_member_with_nothing_to_read_is_left_alone(log: KafkaLog, topic: str) -> None:
    member = await log.subscribe("idle", [topic])
    spare = await log.subscribe("idle", [topic])  # more members than partitions: one has none
    until = time.monotonic() + 3 * SETTINGS.starving_ms / 1_000
    while time.monotonic() < until:
        await asyncio.gather(member.fetch(wait_ms=200), spare.fetch(wait_ms=200))
    assert (member.restarts, spare.restarts) == (0, 0)
    await member.close()
    await spare.close()


def hang(member: KafkaSubscription) -> None:
    """What aiokafka #1154 looks like: it sits there, no error, and nothing comes."""
    assert member._consumer is not None
    member._consumer.pause(*member._consumer.assignment())


async def test_a_dead_writers_open_transaction_hides_nothing_once_the_name_is_claimed(
    log: KafkaLog, topic: str
) -> None:
    dead = await log.claim("dying")
    assert dead._producer is not None
    await dead._producer.begin_transaction()
    await dead._producer.send_and_wait(topic, b"never committed", partition=0)
    await log.append(records(topic, "behind it"))
    assert list(await log.read(topic, 0, 0, wait_ms=300)) == []
    heir = await log.claim("dying")
    await heir.append(records(topic, "heir"))
    assert await values(log, topic) == ["behind it", "heir"]
    await dead._give_up()
    await heir.close()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What asyncio logs of tasks and futures that nobody listens to."""
    return [record.getMessage() for record in caplog.records if record.name == "asyncio"]


async def test_what_a_given_up_producer_held_is_not_complained_of_later(
    log: KafkaLog, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = await log.claim("complaining"), await log.claim("complaining")
    with pytest.raises(Fenced):
        await old.append(records(topic, "zombie"))
    await log.append(records(topic, "a"))
    assert log._producer._producer is not None
    log._producer._give_up(log._producer._producer)
    await asyncio.gather(new.close(), old.close(), *log._producer._leaving)
    del old, new
    gc.collect()
    assert complaints(caplog) == []


async def test_a_producer_given_up_while_it_waits_to_send_again_is_not_complained_of_either(
    broker: Broker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    nearly_always_waiting = replace(SETTINGS, client={"retry_backoff_ms": 400})
    log = await KafkaLog.connect(broker.address, nearly_always_waiting)
    await log.append(records(topic, "before"))
    broker.kill()
    with pytest.raises(LogUnavailable):
        await log.append(records(topic, "given up"))
    await asyncio.gather(*log._producer._leaving)
    await log.close()
    assert complaints(caplog) == []


async def test_a_producer_given_up_with_what_it_is_to_send_again_is_not_complained_of_either(
    broker: Broker, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    log = await KafkaLog.connect(broker.address, SETTINGS)
    await log.append(records(topic, "before"))
    producer = log._producer._producer
    assert producer is not None
    broker.pause()
    sending = asyncio.create_task(log.append(records(topic, "given up")))
    while not producer._message_accumulator._pending_batches:
        await asyncio.sleep(0)
    broker.kill()
    while not producer._message_accumulator._batches:
        await asyncio.sleep(0)
    await abandon(producer)
    with pytest.raises(LogUnavailable):
        await sending
    await log.close()
    assert complaints(caplog) == []


async def test_one_producer_is_started_however_many_wait_for_it(log: KafkaLog, topic: str) -> None:
    await asyncio.gather(*(log.append(records(topic, "x")) for _ in range(50)))
    assert isinstance(log._producer, KafkaProducer)
    assert log._producer.restarts == 0
    assert len(await values(log, topic)) == 50


async def test_with_the_broker_gone_a_writer_must_be_claimed_again_and_closing_ends_all_the_same(
    broker: Broker, topic: str
) -> None:
    log = await KafkaLog.connect(broker.address, SETTINGS)
    await log.append(records(topic, "a"))
    await log.read(topic, 0, 0)
    await log.subscribe("closing", [topic])
    writer = await log.claim("writer")
    await writer.append(records(topic, "b"))
    broker.kill()
    with pytest.raises(LogUnavailable, match=r"writing as writer|answer within"):
        await writer.append(records(topic, "lost"))
    with pytest.raises(Fenced, match="claim it again"):
        await writer.append(records(topic, "lost"))
    started = time.monotonic()
    await log.close()
    await writer.close()
    assert time.monotonic() - started < 25
    assert running("_routine") == 0


def running(name: str) -> int:
    """How many of aiokafka's background tasks of such a name there are."""
    return sum(getattr(task.get_coro(), "__qualname__", "").endswith(name) for task in asyncio.all_tasks())
