"""The demo: replay real flights through everfresh, each role and the publisher a process, then verify the tables.

`python -m examples.nycflights [--log kafka] [--months N] [--seconds S] [--json FILE] [--tamper]`, or `make demo`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

APP = "examples/nycflights/app.py"
DOMAIN = "airline-ops"
HOME = Path("data/nycflights")
PATIENCE_SECONDS = 120
EVERFRESH = [sys.executable, "-m", "everfresh"]


class DemoFailed(Exception):
    """What went wrong, where to look."""


@contextmanager
def process(name: str, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, its output in a file of its name; ended by SIGTERM, as an orchestrator would."""
    with (HOME / f"{name}.log").open("wb") as output:
        child = subprocess.Popen([*argv], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def asked(*words: str) -> Any:
    """What an everfresh command answers with --json."""
    done = subprocess.run([*EVERFRESH, *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"everfresh {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def wait_for(what: str, ready: Any, processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask again until `ready()` holds; a process that ended meanwhile is an error."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        ended = [one for one in processes if one.poll() not in (None, 0)]
        if ended or time.monotonic() > end:
            raise DemoFailed(f"{what}: {'a process ended early' if ended else 'it takes too long'}; see {HOME}/*.log")
        time.sleep(0.25)


def has_said(name: str, words: str) -> bool:
    return words in (HOME / f"{name}.log").read_text(errors="replace")


def roles(stack: ExitStack, log: str) -> list[subprocess.Popen[bytes]]:
    """Start what keeps the assets fresh: one process embedded, one a role on Kafka. Returns once all are ready."""
    if log.startswith("sqlite:"):
        started = {"dev": stack.enter_context(process("dev", *EVERFRESH, "dev", APP, "--log", log))}
    else:
        deployed = subprocess.run(
            [*EVERFRESH, "deploy", APP, "--log", log], capture_output=True, text=True, check=False
        )
        if deployed.returncode:
            raise DemoFailed(deployed.stderr.strip())
        print(deployed.stdout.strip())
        started = {
            role: stack.enter_context(process(role, *EVERFRESH, "start", role, "--app", APP, "--log", log))
            for role in ("reactor", "worker", "ingress", "sinks")
        }
    for name in started:
        word = "deploy" if name == "dev" else "ready"
        wait_for(f"{name} starts", lambda name=name, word=word: has_said(name, word), list(started.values()))
    return list(started.values())


def play(log: str, said: argparse.Namespace) -> None:
    """Publish it all, and wait until every promise is kept."""
    with ExitStack() as stack:
        running = roles(stack, log)
        print(f"replaying {said.months} month(s) of flights and weather in {said.seconds:g} s, by a publisher process")
        landing = str(HOME / "landing")
        publisher = stack.enter_context(
            process(
                "publisher",
                *(sys.executable, "-m", "examples.nycflights.publisher", "--log", log, "--landing", landing),
                *("--months", str(said.months), "--seconds", str(said.seconds)),
            )
        )
        while publisher.poll() is None:
            time.sleep(min(2.0, said.seconds / 4))
            show(log)
        if publisher.returncode:
            raise DemoFailed(f"the publisher failed; see {HOME}/publisher.log")
        summary, counts = (HOME / "publisher.log").read_text().strip().splitlines()[-2:]
        print(summary)
        wait_for("every asset becomes fresh", lambda: is_fresh(log, json.loads(counts)), running)
        show(log)
        export(log)


def states(log: str, kind: str) -> list[dict[str, Any]]:
    """What `everfresh status` says of the sources, or of the derived assets."""
    return [one for one in asked("status", "--log", log) if one["kind"] == kind]


def is_fresh(log: str, published: dict[str, int]) -> bool:
    """Every change is taken in, and every asset is right at the last one."""
    if {one["asset"]: one["changes"] for one in states(log, "source")} != published:
        return False
    return all(
        one["stale_since"] is None and all(one["cut"].get(source, last) == last for source, last in published.items())
        for one in states(log, "derived")
    )


def show(log: str) -> None:
    changes = sum(one["changes"] for one in states(log, "source"))
    derived = [
        f"{one['asset'].partition('/')[2]} {one['verdict']} after {one['runs']} runs" for one in states(log, "derived")
    ]
    print(f"{changes:5d} changes   {'   '.join(derived)}")


def export(log: str) -> None:
    """Keep all events as a file: what the verification reads."""
    with (HOME / "events.jsonl").open("wb") as file:
        subprocess.run([*EVERFRESH, "events", "--json", "--log", log], stdout=file, check=True)


def verify(said: argparse.Namespace) -> int:
    """In a process of its own, which knows nothing of everfresh."""
    words = ["--events", str(HOME / "events.jsonl"), "--months", str(said.months)]
    words += ["--json", said.json] if said.json else []
    return subprocess.run([sys.executable, "examples/nycflights/verify.py", *words], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.nycflights")
    parser.add_argument("--log", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--tamper", action="store_true", help="change one cell of a final table before it is verified")
    said = parser.parse_args()

    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["NYCFLIGHTS_HOME"] = str(HOME)
    os.environ["PYTHONUNBUFFERED"] = "1"
    begun = time.monotonic()
    try:
        if said.log == "kafka":
            from tools.kafka.broker import Broker

            with Broker() as broker:
                print(f"a real Kafka broker runs at {broker.address}")
                play(broker.url, said)
        else:
            play(f"sqlite:{HOME / 'log.db'}", said)
        if said.tamper:
            tamper()
    except DemoFailed as error:
        print(error, file=sys.stderr)
        return 1
    code = verify(said)
    print(f"{'verified' if code == 0 else 'NOT VERIFIED'} in {time.monotonic() - begun:.0f} s")
    return code


def tamper() -> None:
    """Change one cell of one final table, so that the verification has something to find."""
    import polars as pl

    newest = max((HOME / "store").rglob("*delays_by_airport*/**/*.parquet"), key=lambda path: path.stat().st_mtime)
    table = pl.read_parquet(newest)
    table[0, "flights"] += 1
    table.write_parquet(newest)


if __name__ == "__main__":
    sys.exit(main())
