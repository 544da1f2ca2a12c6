"""One domain reads another's assets: on the embedded log and on real Kafka."""

import everfresh as ef
from everfresh.config import Settings
from tests.kafka.stage import on_each_log, staged

BOTH = ["ops", "ana"]


def ops() -> ef.App:
    app = ef.App("ops")
    app.source("raw")

    @app.asset(deps=["raw"], freshness=ef.Eager())
    async def clean(raw: ef.Input) -> ef.Output:
        return ef.Output(version=f"clean {raw.version}", fingerprint=str(raw.version)[0])

    return app


def ana() -> ef.App:
    app = ef.App("ana")

    @app.asset(deps=["ops/clean"], freshness=ef.Within("500ms"))
    async def report(clean: ef.Input) -> ef.Output:
        return ef.Output(version=f"report of {clean.version}, {clean.cut['ops/raw']} changes")

    return app


@on_each_log
async def test_what_one_domain_publishes_the_other_keeps_fresh_whichever_was_deployed_first(settings: Settings) -> None:
    async with staged(settings, ana(), "worker") as consumer, staged(settings, ops(), "worker") as producer:
        await producer.start("ingress", domains=BOTH)
        reactor = await producer.start("reactor", domains=BOTH)
        await producer.publish("ops/raw", version="1")
        await producer.checked()
        await consumer.until(lambda: consumer.domain.state.nodes["ana/report"].version, "a report")

        await reactor.cut_off()  # what it had handed over is handed over again
        await producer.publisher.publish("ops/raw", version="2")
        await producer.start("reactor", domains=BOTH)
        wanted = "report of clean 2, 2 changes"
        await consumer.until(lambda: consumer.domain.state.nodes["ana/report"].version == wanted, wanted)
        await consumer.settled()
        story = await consumer.told()
    assert [one["data"]["version"] for one in story.outputs("asset.materialized")] == [
        "report of clean 1, 1 changes",
        "report of clean 2, 2 changes",
    ]
    delivered = [one["version"] for one in story.facts("domain.delivered")]
    assert list(dict.fromkeys(delivered)) == ["clean 1", "clean 2"]


@on_each_log
async def test_an_unchanged_result_crosses_and_runs_nothing(settings: Settings) -> None:
    async with staged(settings, ops(), "worker") as producer, staged(settings, ana(), "worker") as consumer:
        await producer.start("ingress", "reactor", domains=BOTH)
        for version in ("1", "12"):
            await producer.publish("ops/raw", version=version)
            await producer.checked()
            await consumer.settled()
        cut = consumer.domain.state.nodes["ana/report"].cut
        story = await consumer.told()
    assert cut["ops/clean"] == 2
    assert len(story.granted("ana/report")) == 1
    assert [one["data"]["run"] for one in story.outputs("asset.verified")] == [None]
