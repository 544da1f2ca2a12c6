"""A journal that isn't kept for good, with the roles as they are shipped."""

from dataclasses import replace

import pytest

from everfresh.cli.examining import examine
from everfresh.config import Settings
from everfresh.config import settings as settings_of
from everfresh.reading import bounds, history
from everfresh.site import opened
from reactors.io.reactor import DomainReactor, Pace
from streams.errors import SettingError
from tests.kafka.stage import Stage, on_each_log, staged
from tests.kafka.test_promises_reactors import heads, parts_of, reacting, shop


async def first_kept(stage: Stage) -> int:
    return (await bounds(stage.site.log, stage.settings.topics, "shop"))[0]


async def published(stage: Stage, *versions: str) -> None:
    for version in versions:
        await stage.publish("shop/orders", version=version)
        await stage.settled()


@on_each_log
async def test_a_journal_is_kept_from_the_older_snapshot_on_and_all_goes_on(settings: Settings) -> None:
    pace = Pace(snapshot_entries=5, keep_ms=1_000)
    async with staged(settings, shop(), "ingress", "worker") as stage, opened(settings) as own:
        parts = replace(parts_of(own), trim=own.log.trim)
        first = 0
        for restart in range(2):
            async with reacting(stage, pace, parts) as reactor:
                before = first
                for number in range(100):
                    await published(stage, f"{restart} {number}")
                    if (first := await first_kept(stage)) > before:
                        break
                assert before < first <= (await heads(stage))[0]
                await reactor.cut_off()
        async with reacting(stage, pace, parts):
            await published(stage, "the last")
        domain, runs = await history(stage.site.log, settings.topics, "shop")
        assert domain.digest() == stage.domain.digest()
        assert domain.state.nodes["shop/report"].version == "report of the last"
        assert runs.runs, "those that are kept"
        said = {one.subject: one async for one in examine(settings)}["shop snapshot"]
        assert said.ok
        assert f"equal to a refold of the journal from {await first_kept(stage)} on" in said.text


@on_each_log
async def test_without_the_setting_all_of_a_journal_is_kept(settings: Settings) -> None:
    said = settings.model_copy(update={"snapshot_entries": 5})
    async with staged(said, shop(), "ingress", "worker", "reactor") as stage:
        await published(stage, *"12345")
        assert await heads(stage)
        assert await first_kept(stage) == 0


@on_each_log
async def test_a_reactor_whose_group_lost_its_position_repeats_nothing_that_was_trimmed(settings: Settings) -> None:
    said = settings.model_copy(update={"snapshot_entries": 5})
    async with staged(said, shop(), "ingress", "worker") as stage, opened(settings) as own:
        reactor = await stage.start("reactor")
        for number in range(100):  # how many entries a turn takes, and so when it takes a snapshot, is the machine's
            await published(stage, str(number))
            if len(await heads(stage)) == 2:
                break
        await reactor.cut_off()
        older, _ = await heads(stage)
        await own.log.trim(stage.journal, 0, older - 3)
        found = DomainReactor("shop", parts_of(own))
        await found.restore(older - 3)
        assert found.next == older
        await found.let_go()


@pytest.mark.parametrize("said", ["", "30 days", "59m"])
def test_a_span_that_is_none_is_refused_by_the_settings_name(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERFRESH_JOURNAL_KEEP_MS", said)
    with pytest.raises(SettingError, match="journal_keep_ms"):
        settings_of()
