"""Webhooks in the settings: from a file, from the environment, and what is said of wrong ones."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from everfresh.config import Settings, settings
from sinks.signing import key_of
from streams.errors import SettingError

SECRET, OTHER = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8
URL = "https://pager.example/hook/s3cret-path"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_names_a_webhook_with_its_defaults() -> None:
    Path("everfresh.toml").write_text(f'[webhooks.oncall]\nurl = "{URL}"\nsecret = "{SECRET}"\nleast = "warn"\n')
    found = settings().webhooks["oncall"]
    assert (found.url, found.types, found.least, found.allow_private) == (URL, ("alert.*",), "warn", False)
    assert found.keys("oncall") == (key_of(SECRET),)


def test_the_environment_names_them_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"oncall": {"url": URL, "secret": [SECRET, OTHER], "types": "asset.quarantined", "timeout_ms": "5s"}}
    monkeypatch.setenv("EVERFRESH_WEBHOOKS", orjson.dumps(said).decode())
    found = settings().webhooks["oncall"]
    assert (found.types, found.timeout_ms) == (("asset.quarantined",), 5_000)
    assert found.keys("oncall") == (key_of(SECRET), key_of(OTHER))


def test_a_variable_holds_the_secret_and_only_who_delivers_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(webhooks={"oncall": {"url": URL, "secret_env": "PAGER"}}).webhooks["oncall"]
    with pytest.raises(SettingError, match=r"'webhooks\.oncall\.secret' is missing; set PAGER in the environment"):
        found.keys("oncall")
    monkeypatch.setenv("PAGER", f"{SECRET} {OTHER}")
    assert found.keys("oncall") == (key_of(SECRET), key_of(OTHER))
    monkeypatch.setenv("PAGER", "hunter2")
    with pytest.raises(SettingError, match=r"'webhooks\.oncall\.secret_env' is wrong: a secret is") as raised:
        found.keys("oncall")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ({"url": "pager.example"}, "oncall.url", "it begins with https://"),
        ({"url": "ftp://pager.example"}, "oncall.url", "it begins with https://"),
        ({"url": "https://me:pw@pager.example"}, "oncall.url", "holds a user or password"),
        ({"url": "https://[::1"}, "oncall.url", "Invalid IPv6 URL"),
        ({"url": "https://pager.example:99999"}, "oncall.url", "Port out of range"),
        ({"secret": "hunter2"}, "oncall.secret", "24 to 64 random bytes"),
        ({"types": ["alrt.*"]}, "oncall.types", "'alrt.*' is no event that is delivered"),
        ({"least": "fatal"}, "oncall.least", "'info', 'warn', 'error' or 'critical'"),
        ({"timeout_ms": "soon"}, "oncall.timeout_ms", "is no duration"),
        ({"colour": "red"}, "oncall.colour", "not permitted"),
    ],
)
def test_a_wrong_one_ends_in_one_sentence_that_names_it(change: dict[str, Any], name: str, sentence: str) -> None:
    with pytest.raises(SettingError) as raised:
        settings(webhooks={"oncall": {"url": URL, "secret": SECRET} | change})
    said = str(raised.value)
    assert said.startswith(f"setting 'webhooks.{name}' is wrong: ")
    assert sentence in said
    assert "set it by EVERFRESH_WEBHOOKS or in " in said
    assert not any(one in said for one in ("hunter2", "QUJD", "s3cret-path", "me:pw", "\n"))


@pytest.mark.parametrize("value", ["{", "[]", '{"on call": {"url": "https://a.example"}}', '"whsec_hunter2"'])
def test_a_variable_that_holds_no_webhooks_is_named_without_its_value(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERFRESH_WEBHOOKS", value)
    with pytest.raises(SettingError, match=r"setting 'webhooks' is wrong: .*EVERFRESH_WEBHOOKS") as raised:
        settings()
    assert "hunter2" not in str(raised.value)


def test_no_way_of_printing_settings_shows_a_secret() -> None:
    found = Settings.model_validate({"webhooks": {"oncall": {"url": URL, "secret": SECRET}}})
    for said in (repr(found), str(found), repr(found.model_dump())):
        assert "QUJD" not in said
    assert "s3cret-path" not in repr(found)
    with pytest.raises(ValueError, match="oncall") as raised:
        Settings.model_validate({"webhooks": {"oncall": {"url": "nowhere", "secret": [SECRET, "hunter2"]}}})
    assert not any(one in str(raised.value) for one in ("QUJD", "hunter2"))
