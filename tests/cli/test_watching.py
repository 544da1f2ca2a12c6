"""`everfresh status --watch`: what it tells as things happen, and how it ends."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import orjson

from tests.cli.shop import COMMAND, Shop, surroundings


def test_into_a_pipe_goes_each_row_that_changed_and_no_other(bare: Shop) -> None:
    bare.ok("deploy", "shop.py")
    with bare.running("status", "revenue", "--watch", "--json") as watch:
        watch.says('"verdict":"unknown"')
        bare.ok("publish", "orders", "--version", "a")
        bare.run("dev", "shop.py", "--until-idle")
        watch.says('"verdict":"fresh"')
        time.sleep(1.5)  # lags that grow are no news
        assert watch.ended(signal.SIGINT) == 130
    rows = [orjson.loads(line) for line in watch.out.read_text().splitlines()]
    assert {row["asset"] for row in rows} == {"shop/revenue"}
    verdicts = [row["verdict"] for row in rows]
    assert [one for place, one in enumerate(verdicts) if [one] != verdicts[place - 1 : place]] == [
        "unknown",
        "stale",
        "fresh",
    ]
    assert len(rows) <= 5
    assert watch.err.read_text() == ""


def test_on_a_terminal_the_table_is_drawn_again_in_its_place(bare: Shop, tmp_path: Path) -> None:
    bare.ok("deploy", "shop.py")
    ours, theirs = pty.openpty()
    watch = subprocess.Popen(
        [*COMMAND, "status", "--watch"],
        cwd=bare.folder,
        env=surroundings() | {"COLUMNS": "200", "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    seen = ""
    bare.ok("publish", "orders", "--version", "a")
    bare.run("dev", "shop.py", "--until-idle")
    end = time.monotonic() + 30
    while "1 change, the last" not in seen and time.monotonic() < end:
        seen += os.read(ours, 65_536).decode()
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate(timeout=30)
    os.close(ours)
    assert "1 change, the last" in seen
    assert seen.count("shop/revenue") > 1
    assert "\x1b[1A" in seen  # the cursor goes up: drawn over what stood there
    assert (watch.returncode, said) == (130, b"")  # as a shell has it for Ctrl-C
