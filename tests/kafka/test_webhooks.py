"""The sinks role with a webhook in its settings: an alert that opens is posted, and so is its end."""

from collections.abc import Callable
from pathlib import Path

import pytest

import everfresh as ef
from everfresh.config import Settings
from everfresh.webhook_settings import WebhookSettings
from everfresh.webhooks import verify
from streams.errors import SettingError
from tests.conformance.webhook_receiver import SECRET, receiving
from tests.kafka.stage import ALL, on_each_log, staged


def shop(is_mended: Callable[[], bool]) -> ef.App:
    app = ef.App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=ef.Eager(), retry=ef.Retry(0, cool_down="300ms"))
    async def revenue(orders: ef.Input) -> ef.Output:
        if not is_mended():
            raise ValueError("no such table")
        return ef.Output(version=orders.version)

    return app


@on_each_log
async def test_an_alert_is_posted_when_it_opens_and_when_it_is_over(settings: Settings, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    async with receiving() as receiver, staged(settings, shop(mended.exists), *ALL) as stage:
        hook = WebhookSettings.model_validate({"url": receiver.url, "secret": SECRET, "allow_private": True})
        await stage.start("sinks", sinks=("log",), webhooks={"pager": hook})
        await stage.publish("shop/orders", version="1")
        await stage.until(lambda: receiver.got, "the alert was posted")
        mended.touch()
        await stage.until(lambda: len(receiver.got) > 1, "its end was posted")
        await stage.settled()
        group = await stage.site.log.admin.positions(
            settings.topics.group("sink-webhook-pager"), settings.topics.alerts.name
        )
    opened, resolved = (verify(headers, body, SECRET) for headers, body in receiver.got)
    assert [one["type"].split(".")[2] for one in (opened, resolved)] == ["opened", "resolved"]
    for one in (opened, resolved):
        assert (one["subject"], one["data"]["rule"]) == ("shop/revenue", "run.failing")
    assert opened["data"]["fingerprint"] == resolved["data"]["fingerprint"]
    assert opened["sequence"] < resolved["sequence"]
    assert group


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_webhook_without_its_secret_ends_the_start_with_its_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAGER", raising=False)
    hook = WebhookSettings(url="https://pager.example/", secret_env="PAGER")
    async with staged(settings, shop(bool)) as stage:
        with pytest.raises(ExceptionGroup) as raised:
            await stage.start("sinks", sinks=(), webhooks={"pager": hook})
    assert raised.group_contains(SettingError, match=r"'webhooks\.pager\.secret' is missing; set PAGER")
