"""A domain that stands still, as one sees it, and has it go on."""

import asyncio

import pytest

from everfresh.cli import main
from everfresh.config import Settings
from everfresh.site import opened
from streams.cloudevents import HEADERS, encode, envelope
from streams.events import ReactorStopped
from streams.ports import Record
from tests.choking import READER, Choking
from tests.cli.shop import APP, Shop

STOP = 2
"""an offset of the shop's journal"""


@pytest.fixture
def stopped(own: Shop) -> Shop:
    """A shop whose reactor once said that it stopped."""

    async def say() -> None:
        settings = Settings(log=f"sqlite:///{own.folder / '.everfresh' / 'log.db'}")
        async with opened(settings) as site:
            said = ReactorStopped(at=STOP, since=0, error="ZeroDivisionError('x')")
            event = encode(envelope(said, "stop", "everfresh/shop/reactor", "shop", 0))
            journal = settings.topics.journal("shop").name
            await site.log.log.append([Record(journal, event, None, HEADERS, partition=0)])

    asyncio.run(say())
    return own


def test_an_entry_at_which_a_domain_stopped_is_passed_over_and_named(stopped: Shop) -> None:
    done = stopped.ok("skip", "shop", str(STOP), "--reason", "incident 12", "--json").json()
    assert (done["domain"], done["offset"], done["skip"]) == ("shop", STOP, [STOP])
    assert done["entry"].startswith("everfresh.")
    assert "was passed over already" in stopped.ok("skip", "shop", str(STOP)).out
    (event,) = stopped.ok("events", "overrides.set", "--journal", "--json").jsonl()
    assert event["data"]["reason"] == "incident 12"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (("shop", "3"), f"domain 'shop' didn't stop at offset 3 of its journal; it stopped at {STOP}"),
        (("shop", "999999"), "didn't stop at offset 999999"),
        (("shp", str(STOP)), "did you mean 'shop'"),
        (("shop", "first"), "OFFSET"),
    ],
)
def test_nothing_is_passed_over_where_no_reactor_stopped(stopped: Shop, said: tuple[str, ...], what: str) -> None:
    ran = stopped.typed("skip", *said)
    assert ran.code == 2
    assert what in ran.err


def test_a_domain_that_never_stopped_has_nothing_to_pass_over(shop: Shop) -> None:
    ran = shop.typed("skip", "shop", "1")
    assert (ran.code, ran.err) == (2, "domain 'shop' didn't stop at offset 1 of its journal; it never stopped\n")


@pytest.fixture
def choking(own: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's last entry can't be folded by this process."""
    own.ok("pause", "yearly")
    last = own.ok("events", "--journal", "--json").jsonl()[-1]

    Choking(monkeypatch, lambda event: event["id"] == last["id"], where=READER)
    monkeypatch.chdir(own.folder)


@pytest.mark.usefixtures("choking")
def test_of_a_domain_that_stands_still_alerts_and_doctor_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "domain.stopped" in line]
    assert row.startswith("critical")
    assert main(["doctor"]) == 1
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "everfresh skip shop" in line]
    assert row.startswith("problem")
    assert main(["status"]) == 1
    assert "stops at offset" in capsys.readouterr().err


def test_the_alert_of_a_stopped_domain_is_shown_as_the_app_wants_it(
    own: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.app.write_text(APP + "app.alert('domain.stopped', severity='info')\n")
    own.ok("deploy", "shop.py")
    own.ok("pause", "yearly", "--reason", "poison")
    Choking(monkeypatch, lambda event: event["data"].get("reason") == "poison", where=READER)
    monkeypatch.chdir(own.folder)
    assert main(["alerts"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "domain.stopped" in line]
    assert row.startswith("info ")
