"""`everfresh status --watch`: what it tells as things happen, and how it ends."""

import os
import pty
import signal
import subprocess
import time
from contextlib import suppress
from threading import Thread
from typing import Self

import orjson

from tests.cli.shop import COMMAND, Shop, surroundings
from tests.patience import PATIENCE_SECONDS


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


class Terminal:
    """What a command shows on a terminal; like a real one it reads on to the end, or the command would wait for it."""

    def __init__(self, shop: Shop, *words: str) -> None:
        self.seen = ""
        self._ours, theirs = pty.openpty()
        self.command = subprocess.Popen(
            [*COMMAND, *words],
            cwd=shop.folder,
            env=surroundings() | {"COLUMNS": "200", "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # EIO: the last one who could write here is gone
            while found := os.read(self._ours, 65_536):
                self.seen += found.decode(errors="replace")

    def shows(self, words: str, seconds: float = PATIENCE_SECONDS) -> None:
        end = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.command:
            self.command.kill()
        self._reader.join()
        os.close(self._ours)


def test_on_a_terminal_the_table_is_drawn_again_in_its_place(bare: Shop) -> None:
    bare.ok("deploy", "shop.py")
    with Terminal(bare, "status", "--watch") as terminal:
        bare.ok("publish", "orders", "--version", "a")
        bare.run("dev", "shop.py", "--until-idle")
        terminal.shows("1 change, the last")
        terminal.command.send_signal(signal.SIGINT)
        _, said = terminal.command.communicate(timeout=PATIENCE_SECONDS)
        assert (terminal.command.returncode, said) == (130, b"")  # as a shell has it for Ctrl-C
    assert terminal.seen.count("shop/revenue") > 1
    assert "\x1b[1A" in terminal.seen  # the cursor goes up: drawn over what stood there
