"""`everfresh run`: a program that makes a source, wrapped."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest

from everfresh.cli.attending import Ended
from everfresh.cli.reporting import Report
from tests.checker.check import check, read
from tests.cli.shop import COMMAND, Shop, surroundings
from tests.cli.wrapped import CHANGED, REPORTED, RUN, journal, sh, source_row
from tests.patience import PATIENCE_SECONDS

PYTHON = (sys.executable, "-c")


@pytest.fixture
def deployed(bare: Shop) -> Shop:
    bare.ok("deploy", "shop.py")
    return bare


def test_a_program_that_ends_well_changed_its_source_and_nothing_else_is_printed(deployed: Shop) -> None:
    ran = deployed.ok(
        *RUN, "--version", "41", "--data-time", "2026-01-31T06:00:00Z", *sh("cat; echo wrong >&2"), stdin="hi"
    )
    assert (ran.out, ran.err) == ("hi", "wrong\n")
    change, report = journal(deployed)
    assert (change["type"], change["subject"], change["source"]) == (CHANGED, "shop/orders", "everfresh/run")
    assert change["data"] == {"version": "41", "partition": "", "data_time": "2026-01-31T06:00:00.000Z"}
    assert (report["type"], report["data"]["outcome"], report["data"]["exit_code"]) == (REPORTED, "succeeded", 0)
    assert report["data"]["run"] == change["id"]
    assert deployed.ok("status", "revenue", "--json").json()[0]["cut"]["shop/orders"] == 1


def test_what_it_used_is_a_measured_cost_of_its_source(deployed: Shop) -> None:
    child = "import time; held = bytearray(120_000_000); time.sleep(0.6)"
    parent = f"import subprocess, sys; held = bytearray(80_000_000); subprocess.run([sys.executable, '-c', {child!r}])"
    spin = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    deployed.ok(*RUN, "--", *PYTHON, parent)
    deployed.ok(*RUN, "--", *PYTHON, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}])")
    journal(deployed)
    (total,) = deployed.typed("costs", "orders", "--json").json()
    assert total["attempts"] == 2
    assert total["wall_seconds"] >= 0.9
    assert 0.3 <= total["cpu_seconds"] < total["wall_seconds"], "children count, and we don't"
    assert 200_000_000 < total["peak_bytes"] < 280_000_000, "parent and child together"
    events = deployed.ok("events", "cost.incurred", "--json").jsonl()
    assert {one["data"]["method"] for one in events if one["subject"] == "shop/orders"} == {"measured"}


def test_a_small_program_is_not_charged_with_our_own_memory(deployed: Shop) -> None:
    deployed.ok(*RUN, *sh("sleep 0.3"))
    journal(deployed)
    (total,) = deployed.typed("costs", "orders", "--json").json()
    assert 0 < total["peak_bytes"] < 20_000_000


def test_a_program_says_more_of_the_change_in_a_file(deployed: Shop) -> None:
    said = {"version": "7", "fingerprint": "f", "uri": "s3://x", "format": "parquet", "count": 3, "metadata": {"a": 1}}
    program = f"import os; open(os.environ['EVERFRESH_OUTPUT'], 'w').write({orjson.dumps(said).decode()!r})"
    deployed.ok(*RUN, "--version", "unless it knows better", "--", *PYTHON, program)
    assert journal(deployed)[0]["data"] == said | {"partition": ""}


@pytest.mark.parametrize(
    ("left", "why"),
    [
        ("{", "it is no JSON: "),
        ("", "it is no JSON: "),
        ("[]", 'it must be a JSON object like {"version": "41"}'),
        ('{"versoin": "1"}', "a change has no 'versoin'; it has version, "),
        ('{"id": "1"}', "a change has no 'id'; it has version, "),
        ('{"count": "many"}', "change of 'shop/orders': 'count': Input should be a valid integer"),
        ('{"data_time": "noon"}', "change of 'shop/orders': data_time: 'noon' is no moment"),
        (f'{{"uri": "{"x" * 262_100}"}}', "event everfresh.asset.changed.v1 of 'shop/orders' is "),
        (f'{{"uri": "{"x" * 263_000}"}}', "it is longer than 262144 bytes"),
    ],
    ids=lambda value: value[:20],
)
def test_what_it_leaves_wrongly_is_a_failure_and_no_half_of_it_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str, why: str
) -> None:
    (tmp_path / "output.json").write_text(left)
    report = Report("r", "shop/orders", "test", {})
    report.hear(Ended(0, "", 0, 0), tmp_path / "output.json")
    sentence = f"what it left at EVERFRESH_OUTPUT is wrong: {why}"
    (event,) = report.events
    assert (report.exit_code, event["type"], event["data"]["outcome"]) == (1, REPORTED, "failed")
    assert event["data"]["error"].startswith(sentence)
    said = capsys.readouterr().err
    assert said.startswith(sentence)
    assert said.endswith("; so it isn't published that shop/orders changed\n")


FAILING = {
    ("sh", "-c", "exit 3"): (3, "'sh' ended with exit code 3"),
    ("sh", "-c", "kill -9 $$"): (137, "'sh' died of SIGKILL"),
    ("sh", "-c", "echo { >$EVERFRESH_OUTPUT"): (1, "what it left at EVERFRESH_OUTPUT is wrong: it is no JSON: "),
    ("no-such-program",): (127, "'no-such-program' isn't there; check its name, the folder and the PATH"),
    ("./plain",): (126, "'./plain' can't be started: Permission denied; check that it is a file which this user may"),
    ("./odd",): (126, "'./odd' can't be started: its first line must name a program that is there, as #!/bin/sh does"),
    ("./lost",): (126, "'./lost' can't be started: its first line must name a program that is there, as #!/bin/sh do"),
}


def test_a_program_that_fails_passes_its_exit_code_on_and_is_told_of(deployed: Shop) -> None:
    for name, text, mode in (("plain", "x", 0o644), ("odd", "x", 0o755), ("lost", "#!/no/such/shell\n", 0o755)):
        (deployed.folder / name).write_text(text)
        (deployed.folder / name).chmod(mode)
    for program, (code, error) in FAILING.items():
        ran = deployed.typed(*RUN, "--", *program)
        assert (ran.code, ran.out) == (code, "")
        assert ran.err.startswith(error if code in (1, 126, 127) else ""), "what it says itself is enough elsewhere"
        assert code in (1, 126, 127) or not ran.err
    reports = journal(deployed)
    for report, (code, error) in zip(reports, FAILING.values(), strict=True):
        said = report["data"]
        assert (report["type"], said["outcome"], said["exit_code"]) == (REPORTED, "failed", code if code != 1 else 0)
        assert said["error"].startswith(error)
    assert source_row(deployed)["changes"] == 0, "all failed, so nothing changed"


def test_a_source_whose_program_failed_says_so_until_one_ends_well(deployed: Shop) -> None:
    deployed.typed(*RUN, *sh("exit 3"))
    journal(deployed)
    failed = "the program that makes shop/orders failed: 'sh' ended with exit code 3"
    assert source_row(deployed)["reason"] == failed
    assert f"{failed}; no change yet" in deployed.typed("status").out
    assert (
        f"{failed[0].upper()}{failed[1:]}; this is over once it ends well." in deployed.typed("explain", "orders").out
    )
    fires = {(one["rule"], one["asset"]): one for one in deployed.typed("alerts", "--json").json()}
    assert fires["run.failing", "shop/orders"]["actual"] == "exit code 3"
    deployed.typed(*RUN, *sh("true"))
    journal(deployed)
    assert source_row(deployed)["reason"] is None
    assert not [one for one in deployed.typed("alerts", "--json").json() if one["asset"] == "shop/orders"]


def test_an_export_with_reports_is_right(deployed: Shop) -> None:
    for script in ("true", "false", "true"):
        deployed.run(*RUN, *sh(script))
    deployed.run("dev", "shop.py", "--until-idle")
    report = check(read(deployed.ok("events", "--export").jsonl()), quiet=True)
    assert (report.violations, report.counts["commits"], report.counts["unreadable"]) == ([], 2, 0)


TRAPS = """
trap 'echo term; exit 5' TERM
trap 'echo int; exit 6' INT
(trap 'echo child; exit' TERM INT; echo ready; for i in $(seq 20); do sleep 0.1; done) &
wait
"""


def alone(shop: Shop, script: str) -> "subprocess.Popen[str]":
    """The command without a terminal, in a session of its own."""
    return subprocess.Popen(
        [*COMMAND, *RUN, *sh(script)],
        cwd=shop.folder,
        env=surroundings(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 5), (signal.SIGINT, 6)])
def test_without_a_terminal_a_signal_reaches_the_program_and_what_it_started(
    deployed: Shop, sent: signal.Signals, code: int
) -> None:
    with alone(deployed, TRAPS.replace("trap 'echo child; exit' TERM INT", "trap 'echo child; exit' TERM HUP")) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "ready\n"
        ran.send_signal(sent)
        said = ran.stdout.read().split()
    assert ran.returncode == code
    assert {"term": signal.SIGTERM, "int": signal.SIGINT}[next(one for one in said if one != "child")] is sent
    assert ("child" in said) == (sent is signal.SIGTERM), "a shell has what runs beside it ignore SIGINT"
    assert journal(deployed)[-1]["data"]["exit_code"] == code


def test_a_program_that_a_signal_ends_has_a_shells_exit_code_and_we_wait_for_it(deployed: Shop) -> None:
    with alone(deployed, "echo ready; exec sleep 60") as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "ready\n"
        ran.send_signal(signal.SIGTERM)
        assert ran.wait(timeout=PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert journal(deployed)[-1]["data"]["error"] == "'sh' died of SIGTERM"


COUNTS = "n=0; trap 'n=$((n+1))' INT; echo ready; for i in 1 2 3 4 5; do sleep 0.1; done; read line; echo $n $line"


@pytest.mark.parametrize("by", ["keyboard", "kill"])
def test_on_a_terminal_an_interrupt_comes_once_and_the_keyboard_is_the_programs(deployed: Shop, by: str) -> None:
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", *COMMAND, *RUN, "--", "bash", "-c", COUNTS],
        cwd=deployed.folder,
        env=surroundings(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    while b"ready" not in said:
        said += os.read(terminal, 1_000)
    os.write(terminal, b"\x03") if by == "keyboard" else process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    os.write(terminal, b"hello\n")
    while b"1 hello" not in said:
        said += os.read(terminal, 1_000)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    os.close(terminal)


def test_what_was_said_wrongly_is_told_before_anything_runs(deployed: Shop) -> None:
    for wrong, why in (
        (("--asset", "orders"), "'orders' is no asset key; run needs the whole one, like 'shop/orders'"),
        (("--asset", "shop/orders", "--data-time", "noon"), "change of 'shop/orders': data_time: 'noon' is no moment"),
        (("--asset", "shop/orders", "--log", "ftp://x"), "log 'ftp://x' is of no known kind"),
        (("--asset", "shop/orders", "--source", ""), "--source is a text of 1 to 1024 characters"),
    ):
        ran = deployed.typed("run", *wrong, *sh("touch ran"))
        assert ran.code == 2
        assert ran.err.startswith(why)
    assert not (deployed.folder / "ran").exists()


def test_a_source_that_nobody_declares_is_named_afterwards(deployed: Shop) -> None:
    ran = deployed.typed("run", "--asset", "shop/ordres", *sh("echo ran"))
    assert (ran.code, ran.out) == (0, "ran\n")
    assert ran.err == (
        "what was published of shop/ordres becomes a dead letter: nobody declares the source 'shop/ordres'; "
        "did you mean 'shop/orders'?\n"
    )
    assert deployed.typed("run", "--asset", "shop/ordres", "--no-check", *sh("true")).err == ""


def test_machines_are_told_what_was_published(deployed: Shop) -> None:
    told = deployed.ok(*RUN, "--json", *sh("true")).json()
    run = told["run"]
    assert told == {
        "asset": "shop/orders",
        "run": run,
        "exit_code": 0,
        "events": [{"id": run, "type": CHANGED}, {"id": f"{run}.reported", "type": REPORTED}],
        "published": True,
        "spooled": None,
    }
