"""The receiver's side: what verify lets in, and what it doesn't."""

import time

import orjson
import pytest

import everfresh as ef
from everfresh.webhooks import NotGenuine, verify
from sinks.signing import key_of, signature
from streams.errors import BadEvent, SettingError
from tests.core.sinks_samples import event

SECRET, OTHER = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8
ALERT = orjson.dumps(event("alert.opened"))


def headers(body: bytes = ALERT, secret: str = SECRET, late_s: float = 0, name: str = "e1") -> dict[str, str]:
    at = round(time.time() - late_s)
    signed = signature([key_of(secret)], name, at, body)
    return {"Webhook-Id": name, "Webhook-Timestamp": str(at), "Webhook-Signature": signed}


def test_what_is_genuine_is_given_back_as_the_event() -> None:
    assert ef.webhooks.verify(headers(), ALERT, SECRET) == event("alert.opened")


def test_while_secrets_are_changed_either_is_enough() -> None:
    for secret in (SECRET, OTHER):
        assert verify(headers(secret=secret), ALERT, [SECRET, OTHER])
    with pytest.raises(NotGenuine, match="no signature"):
        verify(headers(secret=OTHER), ALERT, SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"Webhook-Id": "e2"},
        {"Webhook-Id": "e\udcff"},
        {"Webhook-Signature": "v1,AAAA"},
        {"Webhook-Signature": "v2,x v1"},
        {"Webhook-Signature": "v1,\udcff"},
    ],
)
def test_a_changed_header_is_seen(change: dict[str, str]) -> None:
    with pytest.raises(NotGenuine, match="no signature"):
        verify(headers() | change, ALERT, SECRET)


def test_a_changed_body_is_seen() -> None:
    with pytest.raises(NotGenuine, match="no signature"):
        verify(headers(), ALERT.replace(b"error", b"info"), SECRET)


@pytest.mark.parametrize("late_s", [-310, 310, 86_400])
def test_five_minutes_before_and_after_are_too_much(late_s: int) -> None:
    with pytest.raises(NotGenuine, match="another time"):
        verify(headers(late_s=late_s), ALERT, SECRET)


@pytest.mark.parametrize("late_s", [-290, 290])
def test_clocks_may_be_a_little_apart(late_s: int) -> None:
    assert verify(headers(late_s=late_s), ALERT, SECRET)


@pytest.mark.parametrize("at", ["soon", "-1", "1e9", "9" * 5_000, " "])
def test_a_timestamp_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(NotGenuine, match="another time"):
        verify(headers() | {"Webhook-Timestamp": at}, ALERT, SECRET)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_without_one_of_the_headers_nothing_is_genuine(name: str) -> None:
    with pytest.raises(NotGenuine, match=f"{name.lower()} is missing"):
        verify({one: value for one, value in headers().items() if one != name}, ALERT, SECRET)


def test_what_was_signed_but_is_no_event_is_said() -> None:
    with pytest.raises(BadEvent):
        verify(headers(b"[]"), b"[]", SECRET)


def test_a_secret_that_is_none_is_the_receivers_own_mistake() -> None:
    with pytest.raises(SettingError, match="24 to 64 random bytes"):
        verify(headers(), ALERT, "hunter2")
