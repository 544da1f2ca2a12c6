"""What every topic admin promises: makes what is missing, touches nothing else, and says what differs."""

from dataclasses import replace

import pytest

from streams.errors import TopicMismatch
from streams.ports import EventLog, Position, Record, TopicAdmin
from streams.topics import DAY_MS, Topic
from tests.conformance.logs import Place, everywhere, records, values


@everywhere
async def test_all_topics_of_a_domain_are_made_once_and_are_then_as_declared(admin: TopicAdmin, place: Place) -> None:
    declared = place.topics.of("shop")
    assert sorted(await admin.create(declared)) == sorted(topic.name for topic in declared)
    assert await admin.check(declared) == []
    assert await admin.create(declared) == []


@everywhere
async def test_only_what_is_missing_is_made_and_can_be_written_to_at_once(
    log: EventLog, admin: TopicAdmin, place: Place
) -> None:
    here, new = (Topic(f"{place.topics.prefix}{name}", "", partitions=2) for name in ("here", "new"))
    await admin.create([here])
    await log.append(records(here.name, "kept"))
    assert await admin.create([here, new]) == [new.name]
    assert await values(log, here.name) == ["kept"]
    assert len(await log.append(records(new.name, "x"))) == 1
    assert sorted(await log.bounds(new.name)) == [0, 1]


@everywhere
async def test_a_missing_topic_is_said_and_not_made_by_asking(admin: TopicAdmin, place: Place) -> None:
    absent = Topic(f"{place.topics.prefix}absent", "")
    for _ in range(2):
        assert await admin.check([absent]) == [
            f"topic {absent.name} is missing; create it with `everfresh topics create`"
        ]


@everywhere
@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"partitions": 3}, "has 2 partitions, declared are 3"),
        ({"cleanup": "compact"}, "has cleanup.policy=delete, declared is compact"),
        ({"log_append_time": True}, "has message.timestamp.type=CreateTime, declared is LogAppendTime"),
    ],
)
async def test_each_difference_is_said_in_one_sentence_and_left_alone(
    admin: TopicAdmin, place: Place, other: dict[str, object], said: str
) -> None:
    made = Topic(f"{place.topics.prefix}made", "", partitions=2)
    await admin.create([made])
    declared = replace(made, **other)  # type: ignore[arg-type]
    assert await admin.create([declared]) == []
    (problem,) = await admin.check([declared])
    assert problem.startswith(f"topic {made.name} {said}")
    assert await admin.check([made]) == []


@everywhere
async def test_every_difference_is_said(admin: TopicAdmin, place: Place) -> None:
    made = Topic(f"{place.topics.prefix}made", "", partitions=1, cleanup="compact", log_append_time=True)
    await admin.create([made])
    assert len(await admin.check([Topic(made.name, ""), Topic(f"{made.name}-absent", "")])) == 4


@everywhere
async def test_retention_is_the_operators_affair(admin: TopicAdmin, place: Place) -> None:
    made = Topic(f"{place.topics.prefix}made", "", retention_ms=DAY_MS)
    await admin.create([made])
    assert await admin.check([replace(made, retention_ms=None)]) == []


@everywhere
async def test_topics_are_found_by_how_their_names_begin(admin: TopicAdmin, place: Place) -> None:
    prefix = place.topics.prefix
    await admin.create([Topic(f"{prefix}{name}", "") for name in ("b.2", "a_x", "b.1")])
    assert await admin.names(f"{prefix}b.") == [f"{prefix}b.1", f"{prefix}b.2"]
    assert await admin.names(f"{prefix}a%") == []
    assert await admin.names(f"{prefix}none") == []


@everywhere
async def test_it_is_known_where_a_group_stands(log: EventLog, admin: TopicAdmin, place: Place) -> None:
    topic = Topic(f"{place.topics.prefix}topic", "", partitions=3)
    await admin.create([topic])
    assert await admin.positions("group", topic.name) == {}
    await log.append([Record(topic.name, b"x", partition=1)] * 3, Position("group", topic.name, 1, 2))
    assert await admin.positions("group", topic.name) == {1: 2}
    assert await admin.positions("another", topic.name) == {}
    with pytest.raises(TopicMismatch):
        await admin.positions("group", f"{topic.name}-absent")


@everywhere
async def test_nothing_to_do_is_no_trouble(admin: TopicAdmin) -> None:
    assert await admin.create([]) == []
    assert await admin.check([]) == []
