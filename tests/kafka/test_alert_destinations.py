"""The sinks role with destinations and routes in its settings: each alert goes where it should, and so does its end."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import everfresh as ef
from everfresh.config import Settings
from everfresh.destination_settings import AlertmanagerSettings, PagerDutySettings, SlackSettings
from everfresh.route_settings import RouteSettings
from streams.errors import SettingError
from tests.conformance.services import CHANNEL, KEY, TOKEN, pagerduty, slack
from tests.kafka.stage import ALL, on_each_log, staged
from tests.real_alertmanager import alertmanager


def shop(mended: Path) -> ef.App:
    app = ef.App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=ef.Eager(), retry=ef.Retry(0, cool_down="300ms"), owner="growth")
    async def revenue(orders: ef.Input) -> ef.Output:
        return version(orders)

    @app.asset(deps=["orders"], freshness=ef.Eager(), retry=ef.Retry(0, cool_down="300ms"), owner="sales")
    async def leads(orders: ef.Input) -> ef.Output:
        return version(orders)

    def version(orders: ef.Input) -> ef.Output:
        if not mended.exists():
            raise ValueError("no such table")
        return ef.Output(version=orders.version)

    return app


@on_each_log
async def test_each_alert_goes_where_routes_lead_it_and_so_does_its_end(settings: Settings, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    async with (
        alertmanager(tmp_path) as real,
        pagerduty() as pager,
        slack() as channel,
        staged(settings, shop(mended), *ALL) as stage,
    ):
        rest = {"allow_private": True}
        await stage.start(
            "sinks",
            sinks=(),
            alertmanager={"all": AlertmanagerSettings.model_validate({"url": real.url, **rest})},
            pagerduty={
                "oncall": PagerDutySettings.model_validate({"routing_key": KEY, "url": pager.url, **rest}),
            },
            slack={
                "sales": SlackSettings.model_validate({"token": TOKEN, "channel": CHANNEL, "url": channel.url, **rest}),
            },
            routes=(
                RouteSettings.model_validate({"to": "pagerduty-oncall", "owner": "growth", "rule": "run.*"}),
                RouteSettings.model_validate({"to": "slack-sales", "owner": "sales"}),
            ),
        )
        await stage.publish("shop/orders", version="1")
        await stage.until(lambda: pager.took and channel.messages and len(real.heard) > 1, "all are told")
        mended.touch()
        await stage.until(
            lambda: (
                any("resolve" in actions for actions in pager.incidents.values())
                and all(text.startswith("resolved") for text in channel.messages.values())
                and sum(how == "resolved" for how, _ in real.heard) > 1
            ),
            "the ends are told",
        )
        await stage.settled()
    assert {one["payload"]["source"] for one in pager.took if one["event_action"] == "trigger"} == {"shop/revenue"}
    assert {one["metadata"]["event_payload"]["event"] for one in channel.took}
    assert all("shop/leads" in text for text in channel.messages.values())
    assert {labels["asset"] for _, labels in real.heard} == {"shop/revenue", "shop/leads"}
    assert pager.wrong == channel.wrong == []


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"slack": {"one": SlackSettings(channel="x", token_env="NOT_THERE")}},
            "slack.one.token' is missing; set N",
        ),
        (
            {"pagerduty": {"one": PagerDutySettings(routing_key=SecretStr("s3cret"))}},
            "pagerduty.one.routing_key' is",
        ),
        ({"alertmanager": {"one": AlertmanagerSettings(url="http://127.0.0.1:1")}}, "alertmanager.one.url' is wrong"),
    ],
)
async def test_a_destination_that_cant_be_ends_the_start_with_its_name(
    settings: Settings, tmp_path: Path, said: dict[str, Any], sentence: str
) -> None:
    async with staged(settings, shop(tmp_path)) as stage:
        with pytest.raises(ExceptionGroup) as raised:
            await stage.start("sinks", sinks=(), **said)
    assert raised.group_contains(SettingError, match=re.escape(sentence))
    assert not raised.group_contains(SettingError, match="s3cret")
