"""The parts of a webhook that need no network: who gets what, how it is signed, where it may go, what answers mean."""

import pytest

from sinks.addresses import why_inside
from sinks.answers import AFTER_MAX_MS, NotTaken, after_ms, judge
from sinks.choosing import Choice, types_of
from sinks.ports import Refused, Retry
from sinks.signing import is_signed, key_of, signature
from streams.topics import Topics
from tests.core.sinks_samples import TYPES, event

# The vector that the standard's own libraries are tested with.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NAME, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + "QUJD" * 8

INSIDE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",  # noqa: S104  it is looked at, not listened on
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
]


def test_a_signature_is_what_the_standards_own_vector_says() -> None:
    assert signature([key_of(SECRET)], NAME, AT, BODY) == SIGNED


def test_several_secrets_sign_side_by_side_and_each_is_enough() -> None:
    both = signature([key_of(OTHER), key_of(SECRET)], NAME, AT, BODY)
    assert both.split()[1] == SIGNED
    for secret in (OTHER, SECRET):
        assert is_signed([key_of(secret)], both, NAME, AT, BODY)
    assert is_signed([key_of(OTHER), key_of(SECRET)], SIGNED, NAME, AT, BODY)


@pytest.mark.parametrize(
    ("given", "name", "at", "body"),
    [
        (SIGNED, NAME, AT, BODY + b" "),
        (SIGNED, NAME, AT + 1, BODY),
        (SIGNED, "msg_other", AT, BODY),
        (SIGNED.replace("v1", "v2"), NAME, AT, BODY),
        (SIGNED[:-3], NAME, AT, BODY),
        ("v1,ÿ", NAME, AT, BODY),
        ("", NAME, AT, BODY),
    ],
)
def test_whatever_was_changed_is_no_longer_signed(given: str, name: str, at: int, body: bytes) -> None:
    assert is_signed([key_of(SECRET)], SIGNED, NAME, AT, BODY)
    assert not is_signed([key_of(SECRET)], given, name, at, body)
    assert not is_signed([key_of(OTHER)], SIGNED, NAME, AT, BODY)


@pytest.mark.parametrize("secret", ["", "whsec_", SECRET[6:], "whsec_QUJD", "whsec_!" + "QUJD" * 8, "whsec_ÿ"])
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes") as raised:
        key_of(secret)
    assert not secret[6:] or secret[6:] not in str(raised.value)


def test_patterns_name_types_whole_or_short() -> None:
    alerts = {f"everfresh.alert.{step}.v1" for step in ("opened", "updated", "resolved")}
    assert types_of(["alert.*"]) == types_of(["everfresh.alert.*"]) == alerts
    assert types_of(["*"]) == set(TYPES)
    with pytest.raises(ValueError, match=r"'alrt\.\*' is no event that is delivered; there are alert\.opened, "):
        types_of(["alert.*", "alrt.*"])
    with pytest.raises(ValueError, match=r"run\.granted"):
        types_of(["run.granted"])


def test_only_what_is_severe_enough_is_wanted_and_what_has_no_severity_always() -> None:
    choice = Choice(types_of(["alert.*", "asset.quarantined"]), "error")
    assert [choice.wants(event("alert.opened", severity=one)) for one in ("info", "warn", "error", "critical")] == [
        False,
        False,
        True,
        True,
    ]
    assert choice.wants(event("asset.quarantined"))
    assert not choice.wants(event("asset.materialized"))
    assert choice.topics(Topics("t.")) == ("t.alerts.v1", "t.materializations.v1")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside_is_seen(address: str) -> None:
    assert why_inside(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_an_address_out_on_the_internet_is_let_be(address: str) -> None:
    assert why_inside(address) is None


def test_an_answer_says_taken_later_again_or_never() -> None:
    for status in (200, 202, 204):
        judge(status, None, 0)
    for status in (429, 503):
        with pytest.raises(Retry) as raised:
            judge(status, "7", 0)
        assert raised.value.after_ms == 7_000
    for status in (500, 502, 504, 408, 425):
        with pytest.raises(NotTaken):
            judge(status, "7", 0)
    for status in (301, 302, 307, 400, 401, 404, 410, 418):
        with pytest.raises(Refused, match=str(status)):
            judge(status, "7", 0)


def test_nobody_makes_us_wait_longer_than_an_hour() -> None:
    for said in ("3601", "9" * 5_000, "Fri, 31 Dec 9999 23:59:59 GMT"):
        assert after_ms(said, 0) == AFTER_MAX_MS
    for nonsense in ("-5", "", "Thu, 01 Jan 1970 00:00:01 GMT", "Thu, 99 Foo", None):
        assert after_ms(nonsense, 60_000) == 0
