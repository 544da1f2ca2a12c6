"""`everfresh run` with its log out of reach: it runs all the same, and what there is to say waits in order."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.checker.check import check, read
from tests.cli.shop import COMMAND, Ran, Shop, eventually, surroundings
from tests.cli.wrapped import CHANGED, RUN, journal, sh, source_row, spooled
from tools.kafka.broker import Broker


@pytest.fixture
def deployed(bare: Shop) -> Shop:
    bare.ok("deploy", "shop.py")
    return bare


@pytest.mark.parametrize("code", [0, 3])
def test_without_a_log_it_runs_all_the_same_and_the_events_wait_in_a_file(bare: Shop, code: int) -> None:
    ran = bare.run(*RUN, "--json", *sh(f"echo ran; exit {code}"))
    assert (ran.code, ran.lines[0]) == (code, "ran")
    told = orjson.loads(ran.lines[1])
    assert (told["published"], (bare.folder / told["spooled"]).is_file()) == (False, True)
    assert ran.err.startswith(f"this run's events wait in {told['spooled']} for the next `everfresh run` or")
    assert [event["id"] for event in spooled(bare)] == [one["id"] for one in told["events"]]
    assert len(spooled(bare)) == (2 if code == 0 else 1)


def test_what_waits_is_sent_first_in_its_order_with_its_ids_and_then_removed(bare: Shop) -> None:
    for version in ("1", "2"):
        assert bare.run(*RUN, "--version", version, *sh("true")).code == 0
    waited = [event["id"] for event in spooled(bare)]
    bare.ok("deploy", "shop.py")
    ran = bare.ok(*RUN, "--version", "3", *sh("true"))
    assert ran.err == "sent 4 events that waited in .everfresh/spool\n"
    assert spooled(bare) == []
    found = journal(bare)
    assert [one["id"] for one in found][:4] == waited
    assert [one["data"]["version"] for one in found if one["type"] == CHANGED] == ["1", "2", "3"]


def test_an_operator_sends_what_waits_and_a_repeat_of_it_changes_nothing(bare: Shop) -> None:
    bare.run(*RUN, *sh("true"))
    waited = spooled(bare)
    (file,) = (bare.folder / ".everfresh/spool").iterdir()
    kept = file.read_bytes()
    refused = bare.run("publish", "--spooled")
    assert (refused.code, spooled(bare)) == (1, waited)
    bare.ok("deploy", "shop.py")
    ran = bare.ok("publish", "--spooled")
    assert ran.lines == [event["id"] for event in waited]
    assert ran.err == "sent 2 events that waited in .everfresh/spool\n"
    file.write_bytes(kept)  # as if the process had died before it removed it
    assert bare.ok("publish", "--spooled", "--json").jsonl() == [
        {"asset": "shop/orders", "id": event["id"]} for event in waited
    ]
    assert bare.ok("publish", "--spooled").err == "nothing waits in .everfresh/spool for this log\n"
    assert len(journal(bare)) == 4
    (row,) = bare.ok("status", "orders", "--json").json()
    assert row["changes"] == 1
    assert bare.ok("costs", "orders", "--json").json()[0]["attempts"] == 1


def test_what_waits_for_another_log_is_not_sent_to_this_one(deployed: Shop) -> None:
    deployed.run(*RUN, "--log", "sqlite:other.db", *sh("true"))
    assert len(spooled(deployed)) == 2
    assert deployed.ok(*RUN, *sh("true")).err == ""
    ran = deployed.ok("publish", "--spooled")
    assert ran.err.endswith(
        "1 file in .everfresh/spool waits for another log or prefix; name that one by --log or EVERFRESH_PREFIX to "
        "send it\n"
    )
    assert len(spooled(deployed)) == 2


def test_a_file_that_somebody_spoilt_is_named_and_holds_up_no_other(bare: Shop) -> None:
    for _ in range(2):
        bare.run(*RUN, *sh("true"))
    first, second = sorted((bare.folder / ".everfresh/spool").iterdir())
    first.write_text("{")
    bare.ok("deploy", "shop.py")
    ran = bare.ok("publish", "--spooled")
    assert ran.err.startswith(f".everfresh/spool/{first.name} isn't sent: the event is not JSON: ")
    assert (len(ran.lines), first.exists(), second.exists()) == (2, True, False)


def test_a_spool_that_cannot_be_written_is_said_and_the_exit_code_is_the_programs(bare: Shop) -> None:
    (bare.folder / ".everfresh").write_text("no folder")
    ran = bare.run(*RUN, *sh("exit 7"))
    assert ran.code == 7
    assert ran.err.startswith("this run's events are lost: ")
    assert ran.err.endswith("; publish shop/orders by hand once that is mended\n")


def test_events_find_room_on_a_disk_that_the_program_filled(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    (tmp_path / "disk").mkdir()
    wrapped = " ".join((*COMMAND, *RUN, "--", "dd", "if=/dev/zero", "of=ballast", "bs=1k"))
    script = (
        f"mount -t tmpfs -o size=2m disk disk && cp shop.py disk && cd disk && {' '.join(COMMAND)} deploy shop.py &&"
    )
    script += f"{{ {wrapped}; echo code $?; ls .everfresh/spool; rm ballast; {' '.join(COMMAND)} publish --spooled; }}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "bash", "-c", script],
        cwd=shop.folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip("this user may not mount")
    _, code, file, sent = done.stdout.splitlines()
    assert code == "code 1"
    assert file.endswith(".jsonl")
    assert sent.endswith(".reported")
    assert "its disk or quota is full" in done.stderr


def test_nothing_is_left_behind_where_nothing_had_to_wait(deployed: Shop) -> None:
    deployed.ok(*RUN, *sh("true"))
    assert list((deployed.folder / ".everfresh/spool").iterdir()) == []


def test_spooled_takes_nothing_else(deployed: Shop) -> None:
    ran = deployed.typed("publish", "orders", "--spooled")
    assert (ran.code, ran.err) == (
        2,
        "--spooled sends what waits, as it is; leave the rest out: everfresh publish --spooled\n",
    )


@pytest.fixture
def broker() -> Iterator[Broker]:
    """One that goes and comes back."""
    with Broker() as own:
        yield own


@pytest.mark.kafka
def test_a_broker_that_is_down_holds_up_nothing_and_gets_it_once_it_is_back(tmp_path: Path, broker: Broker) -> None:
    shop = Shop(tmp_path)
    log = {"EVERFRESH_LOG": broker.url}

    def ran(script: str, *more: str) -> Ran:
        return shop.run(*RUN, *more, *sh(script), **log)

    shop.ok("deploy", "shop.py", **log)
    assert ran("true", "--version", "1").err == ""
    broker.stop()
    down = ran("exit 4")
    assert (down.code, down.out) == (4, "")
    assert down.err.startswith("this run's events wait in .everfresh/spool/")
    assert f"Kafka at {broker.address}: connecting failed, it can't be reached" in down.err
    broker.start()
    broker.pause()
    begun = time.monotonic()
    hung = ran("true", "--version", "2")
    assert (hung.code, time.monotonic() - begun < 20) == (0, True)
    assert len(spooled(shop)) == 3
    broker.resume()
    assert eventually(lambda: "sent 3 events that waited" in ran("true", "--version", "3").err)
    assert spooled(shop) == []
    found = [(one["type"] == CHANGED, one["data"].get("version")) for one in journal(shop, **log)]
    assert found[:6] == [(True, "1"), (False, None), (False, None), (True, "2"), (False, None), (True, "3")]
    report = check(read(shop.ok("events", "--export", **log).jsonl()), quiet=True)
    assert (report.violations, report.counts["commits"]) == ([], 3)
    assert source_row(shop, **log)["reason"] is None
