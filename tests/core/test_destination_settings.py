"""Destinations of alerts and routes in the settings, and what is said of wrong ones."""

from pathlib import Path
from typing import Any

import pytest

from everfresh.config import Settings, settings
from everfresh.destination_settings import needed
from streams.errors import SettingError

FILE = """
unrouted = ["slack-rest"]

[alertmanager.main]
url = "http://127.0.0.1:9093"
allow_private = true
resend_ms = "30s"

[pagerduty.oncall]
routing_key_env = "PAGERDUTY_KEY"

[slack.growth]
token = "xoxb-s3cret"
channel = "#growth"
per_minute = 30

[slack.rest]
token_env = "SLACK"
channel = "C012"

[[routes]]
to = ["pagerduty-oncall", "slack-growth"]
owner = "growth"
least = "error"

[[routes]]
to = "slack-growth"
domain = ["shop", "f*"]
rule = "freshness.*"
labels = { check = "no_*" }
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_names_destinations_and_routes() -> None:
    Path("everfresh.toml").write_text(FILE)
    found = settings()
    assert found.alertmanager["main"].resend_ms == 30_000
    assert (found.slack["growth"].per_minute, found.slack["rest"].per_minute) == (30, 60)
    first, second = found.routing.routes
    assert (set(first.to), first.owners) == ({"pagerduty-oncall", "slack-growth"}, ("growth",))
    assert (first.least, second.least) == ("error", "info")
    assert (second.domains, second.rules, second.labels) == (("shop", "f*"), ("freshness.*",), (("check", "no_*"),))
    assert found.routing.otherwise == {"slack-rest"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ('to = ["slack-growht"]', "'routes' is wrong: there is no sink 'slack-growht'; did you mean 'slack-growth'?"),
        ("to = []", "'routes.2.to' is wrong"),
        ('to = "slack-growth"\nowners = "x"', "'routes.2.owners' is wrong"),
        ('to = "slack-growth"\nleast = "fatal"', "'routes.2.least' is wrong"),
    ],
)
def test_a_route_that_leads_nowhere_ends_the_start(change: str, sentence: str) -> None:
    Path("everfresh.toml").write_text(f"{FILE}\n[[routes]]\n{change}\n")
    with pytest.raises(SettingError) as raised:
        settings()
    assert sentence in str(raised.value)


def test_a_route_where_no_destination_is_set_says_so() -> None:
    with pytest.raises(SettingError, match="there is no sink 'slack-x'; there are none"):
        settings(unrouted=["slack-x"])


@pytest.mark.parametrize(
    ("table", "said", "name"),
    [
        ("alertmanager", {"url": "alerts.example"}, "alertmanager.one.url"),
        ("alertmanager", {}, "alertmanager.one.url"),
        ("pagerduty", {"url": "https://me:pw@pagerduty.example"}, "pagerduty.one.url"),
        ("slack", {"token": "xoxb-s3cret"}, "slack.one.channel"),
        ("slack", {"channel": ""}, "slack.one.channel"),
        ("slack", {"channel": "x", "per_minute": -1}, "slack.one.per_minute"),
    ],
)
def test_a_wrong_destination_is_named_without_its_secrets(table: str, said: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings(**{table: {"one": said}})
    assert str(raised.value).startswith(f"setting {name!r} is wrong: ")
    assert "s3cret" not in str(raised.value)
    assert "me:pw" not in str(raised.value)


def test_no_way_of_printing_settings_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("everfresh.toml").write_text(FILE.replace("9093", "9093/p4th"))
    found = Settings()
    assert not any(one in f"{found!r} {found}" for one in ("s3cret", "p4th"))
    monkeypatch.setenv("SLACK", "xoxb-other")
    assert needed(found.slack["rest"].token, found.slack["rest"].token_env, "slack.rest.token") == "xoxb-other"


def test_only_who_delivers_needs_the_variable_with_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAGERDUTY_KEY", raising=False)
    found = settings(pagerduty={"oncall": {"routing_key_env": "PAGERDUTY_KEY"}, "bare": {}}).pagerduty
    for name, what in (("oncall", "set PAGERDUTY_KEY in the env"), ("bare", "set `routing_key` or `routing_key_env`")):
        with pytest.raises(SettingError, match=rf"'pagerduty\.{name}\.routing_key' is missing; {what}"):
            needed(found[name].routing_key, found[name].routing_key_env, f"pagerduty.{name}.routing_key")
