"""What goes wrong outside a reactor opens an alert in it: on the embedded log and on real Kafka."""

from everfresh.config import Settings
from streams.cloudevents import HEADERS
from streams.ports import Record
from tests.kafka.stage import ALL, Stage, on_each_log, staged
from tests.kafka.test_promises_poison import shop


def firing(stage: Stage) -> dict[str, str]:
    """Rule → what its label says, of what fires."""
    return {alarm.cause.rule: alarm.cause.label for alarm in stage.domain.state.alerts.values()}


@on_each_log
async def test_a_change_that_is_refused_is_told_to_the_domain_that_its_key_names(settings: Settings) -> None:
    async with staged(settings, shop(), *ALL) as stage:
        bad = Record(settings.topics.changes.name, b"\xff no JSON", b"shop/orders", HEADERS)
        await stage.site.log.log.append([bad])
        await stage.until(lambda: firing(stage), "an alert")
        assert firing(stage) == {"dead.letter": "ingress"}
        await stage.publish("shop/orders", version="1")
        await stage.checked()


@on_each_log
async def test_changes_that_were_trimmed_away_unread_are_a_gap_and_what_follows_is_taken_in(settings: Settings) -> None:
    async with staged(settings, shop(), "reactor", "worker") as stage:
        ingress = await stage.start("ingress")
        await stage.publish("shop/orders", version="1")
        await stage.settled()
        await ingress.ended()
        topic = settings.topics.changes.name
        (place,) = [one for one, (_, end) in (await stage.site.log.log.bounds(topic)).items() if end]
        for version in "234":
            await stage.publisher.publish("shop/orders", version=version)
        await stage.site.log.trim(topic, place, 4)
        await stage.start("ingress")
        await stage.until(lambda: firing(stage), "an alert")
        assert firing(stage) == {"journal.gap": f"{topic}/{place}"}
        await stage.publish("shop/orders", version="5")
        await stage.settled()
        assert stage.domain.state.nodes["shop/revenue"].version == "of 5"
