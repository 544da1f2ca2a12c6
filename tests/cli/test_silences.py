"""What people say of alerts, as one types it."""

import pytest

from tests.cli.shop import Shop


def test_an_acknowledged_alert_says_by_whom(own: Shop) -> None:
    one = next(one for one in own.typed("alerts", "--json").json() if one["rule"] == "run.failing")
    said = own.ok("acknowledge", one["fingerprint"][:8], "--reason", "on it", "--json").json()
    assert said["acknowledged_by"]
    row = next(line for line in own.typed("alerts").lines if "run.failing" in line)
    assert row.rstrip().endswith(f"by {said['acknowledged_by']}")


def test_a_silence_is_listed_shown_and_lifted(own: Shop) -> None:
    name = own.ok("silence", "start", "check.*", "--asset", "suspect", "--for", "2h", "--json").json()["silence"]
    assert [one["silence"] for one in own.typed("silence", "list", "--json").json()] == [name]
    row = next(line for line in own.typed("alerts").lines if "check.failed" in line)
    assert row.rstrip().endswith("silenced")
    assert f"silence {name} is lifted" in own.ok("silence", "lift", name).out
    assert own.typed("silence", "list").err.startswith("nothing is silenced")
    assert "silenced" not in own.typed("alerts").out


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (("acknowledge", "zzz"), "no alert that fires begins with 'zzz'"),
        (("silence", "start", "chek.*"), "there is no rule 'chek.*'"),
        (("silence", "start", "*", "--asset", "suspct"), "did you mean 'shop/suspect'"),
        (("silence", "start", "*", "--for", "soon"), "--for 'soon'"),
        (("silence", "start", "*", "--for", "0s"), "lasts for some time"),
        (("silence", "lift", "s9"), "there is no silence 's9'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_may_be_meant(shop: Shop, said: tuple[str, ...], what: str) -> None:
    ran = shop.typed(*said)
    assert ran.code == 2
    assert what in ran.err
