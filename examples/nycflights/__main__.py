"""The demo: replay a year of flights through everfresh, each part a process, and have another program verify it.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from examples.nycflights.live import Watch

APPS = {"airline-ops": "examples/nycflights/airline_ops.py", "analytics": "examples/nycflights/analytics.py"}
HOME = Path("data/nycflights")
PATIENCE_SECONDS = 120
SHOW_SECONDS = {True: 0.5, False: 10.0}
"""how often the board is shown, on a terminal and elsewhere"""

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


def wait_for(what: str, ready: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask again until `ready()` holds; a process that ended meanwhile is an error."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        ended = [one for one in processes if one.poll() not in (None, 0)]
        if ended or time.monotonic() > end:
            raise DemoFailed(f"{what}: {'a process ended early' if ended else 'it takes too long'}; see {HOME}/*.log")
        time.sleep(0.5)


def said_by(name: str, words: str, times: int = 1) -> bool:
    return (HOME / f"{name}.log").read_text(errors="replace").count(words) >= times


def deploy(log: str) -> None:
    for app in APPS.values():
        done = subprocess.run([*EVERFRESH, "deploy", app, "--log", log], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoFailed(done.stderr.strip())
        print(done.stdout.strip())


def roles(stack: ExitStack, log: str) -> list[subprocess.Popen[bytes]]:
    """Start what keeps the assets fresh: one process embedded, one a role on Kafka. Returns once all are ready."""
    started = {}
    if log.startswith("sqlite:"):
        started["dev"] = stack.enter_context(process("dev", *EVERFRESH, "dev", *APPS.values(), "--log", log))
    else:
        for role in ("reactor", "ingress", "sinks"):
            started[role] = stack.enter_context(process(role, *EVERFRESH, "start", role, "--log", log))
        for domain, app in APPS.items():
            command = [*EVERFRESH, "start", "worker", "--app", app, "--log", log]
            started[f"worker-{domain}"] = stack.enter_context(process(f"worker-{domain}", *command))
    for name in started:
        words, times = ("is in force already", len(APPS)) if name == "dev" else ("ready", 1)
        running = list(started.values())
        wait_for(f"{name} starts", lambda name=name, w=words, t=times: said_by(name, w, t), running)
    return list(started.values())


def play(log: str, said: argparse.Namespace) -> None:
    """Publish it all, and wait until every promise is kept."""
    deploy(log)
    with ExitStack() as stack:
        running = roles(stack, log)
        print(f"replaying {said.months} month(s) of flights and weather in {said.seconds:g} s, by a publisher process")
        watch = Watch(log)
        stack.callback(watch.close)
        landing = HOME / "landing"
        command = [sys.executable, "-m", "examples.nycflights.publisher", "--log", log, "--landing", str(landing)]
        command += ["--months", str(said.months), "--seconds", str(said.seconds)]
        publisher = stack.enter_context(process("publisher", *command))
        with watch.shown():
            while publisher.poll() is None:
                time.sleep(min(SHOW_SECONDS[sys.stdout.isatty()], said.seconds / 4))
                watch.show(f"{progress(landing)} published")
            if publisher.returncode:
                raise DemoFailed(f"the publisher failed; see {HOME}/publisher.log")
            *told, counts = (HOME / "publisher.log").read_text().strip().splitlines()
            wait_for("every asset becomes fresh", lambda: is_fresh(log, json.loads(counts)), running)
            watch.show(f"{progress(landing)} published, and all taken in")
        print("\n".join(f"publisher: {line}" for line in told))
    for domain in APPS:
        export(log, domain)


def progress(landing: Path) -> str:
    """How many changes, and which day it is."""
    try:
        count, day = (landing / "published").read_text().split()
    except (OSError, ValueError):
        return "0 changes"
    return f"{day}, {int(count):,} changes"


def is_fresh(log: str, published: dict[str, int]) -> bool:
    """Every change is taken in, and every asset is right at the last one, also a moment later."""
    for wait in (1.5, 0.0):
        states = asked("status", "--log", log)
        heard = {one["asset"]: one["changes"] for one in states if one["kind"] == "source"}
        if heard != published or any(one["verdict"] != "fresh" for one in states if one["kind"] == "derived"):
            return False
        time.sleep(wait)
    return True


def export(log: str, domain: str) -> None:
    """Keep all events of a domain as a file: what the verification reads."""
    with (HOME / f"{domain}.jsonl").open("wb") as file:
        words = ["events", "--export", "--domain", domain, "--log", log]
        subprocess.run([*EVERFRESH, *words], stdout=file, check=True)


def verify(said: argparse.Namespace) -> int:
    """In a process of its own, which knows nothing of everfresh."""
    words = ["--events", *(str(HOME / f"{domain}.jsonl") for domain in APPS), "--months", str(said.months)]
    words += ["--seconds", f"{time.monotonic() - said.begun:.1f}", "--picture", str(HOME / "demo.png")]
    words += ["--json", said.json] if said.json else []
    return subprocess.run([sys.executable, "-m", "examples.nycflights.verifier", *words], check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.nycflights")
    parser.add_argument("--log", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--tamper", action="store_true", help="change one cell of a final table before it is verified")
    said = parser.parse_args()

    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["NYCFLIGHTS_HOME"] = str(HOME)
    os.environ["PYTHONUNBUFFERED"] = "1"
    said.begun = time.monotonic()
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
    print(f"{'verified' if code == 0 else 'NOT VERIFIED'} in {time.monotonic() - said.begun:.0f} s")
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
