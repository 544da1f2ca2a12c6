"""An app whose assets behave and misbehave, once for each place where they can run; loaded by test_executors.py."""

import asyncio
import functools
import inspect
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import everfresh as ef

STORE = os.environ.get("EXECUTOR_APP_STORE", "/nonexistent")

if os.environ.get("EXECUTOR_APP_BREAKS"):
    raise RuntimeError("told to break")


def total(orders: list[int], ctx: ef.Context) -> dict[str, Any]:
    ctx.report_cost("snowflake.credits", 0.5, amount=1.5, currency="USD")
    ctx.log.info("adding %s numbers", len(orders))
    return {"total": sum(orders), "key": ctx.idempotency_key, "attempt": ctx.attempt}


def rows(table: pl.DataFrame) -> list[int]:
    return table["n"].to_list()


def unreadable(table: pl.DataFrame) -> None:
    raise AssertionError("it must not get here")


def raw(table: ef.Input) -> ef.Output:
    said = {"uri": table.uri, "cut": table.cut, **table.metadata}
    return ef.Output(version=f"of {table.version}", fingerprint="f", metadata=said)


def raises() -> None:
    raise ValueError("no such day")


def exits() -> None:
    sys.exit(3)


def nonsense() -> object:
    return object()


def metadata_nobody_can_write() -> ef.Output:
    return ef.Output(version="1", metadata={"a": object()})


def checked() -> list[int]:
    return [3, -1]


def checked_wrongly() -> list[int]:
    return [3]


def no_negatives(numbers: list[int], ctx: ef.Context) -> ef.CheckOutcome:
    return ef.CheckOutcome(min(numbers) >= 0, observed=min(numbers), expected="at least 0")


async def is_short(numbers: list[int]) -> bool:
    return len(numbers) < 5


def is_named(output: ef.Output) -> bool:
    return output.version is None


def raises_itself(numbers: list[int]) -> bool:
    return numbers["a"] > 0  # type: ignore[call-overload, no-any-return]


def says_neither(numbers: list[int]) -> str:
    return "perhaps"


def _hangs() -> None:
    time.sleep(60)


def declare(app: ef.App, *, asynchronous: bool = False, **options: Any) -> None:
    """Declare everything; `asynchronous` makes coroutines of the functions."""

    def asset(function: Callable[..., Any], **more: Any) -> None:
        app.asset(**more, **options)(_coroutine(function) if asynchronous else function)

    orders = app.source("orders", load=lambda wanted: [1, 2, int(wanted.version)])
    table = app.source("table")
    asset(total, deps=[orders])
    asset(rows, deps=[table])
    asset(unreadable, deps=[table])
    asset(raw, deps=[table], store=None)
    for function in (raises, exits, nonsense, checked, checked_wrongly):
        asset(function)
    asset(metadata_nobody_can_write, store=None)
    asset(lambda: [1], name="homeless", store=None)
    asset(lambda: None, name="forgot_to_return")
    asset(lambda: [1], name="unwritable", store=ef.JsonStore("/proc/nowhere"))
    app.asset(name="hangs", store=None, **options)(_sleeps if asynchronous else _hangs)
    app.check("checked", severity="critical", blocking=True)(no_negatives)
    app.check("checked")(is_short)
    app.check("checked", severity="warn")(is_named)
    app.check(orders, freshness=ef.Eager())(no_negatives)
    app.check("checked_wrongly")(raises_itself)
    app.check("checked_wrongly")(says_neither)


async def _sleeps() -> None:
    await asyncio.sleep(60)


def _coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def later(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args, **kwargs)

    later.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return later


loop = ef.App("loop", store=ef.JsonStore(STORE))
declare(loop, asynchronous=True)
thread = ef.App("thread", store=ef.JsonStore(STORE))
declare(thread, executor="thread")
process = ef.App("process", store=ef.JsonStore(STORE))
declare(process)

# What only a process can do


@process.asset(store=None)
def pid() -> ef.Output:
    return ef.Output(version=str(os.getpid()))


@process.asset(store=None)
def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@process.asset(store=None)
def segfaults() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@process.asset(store=None)
def leaves() -> None:
    os._exit(7)


@process.asset(store=None)
def leaves_a_child_behind() -> None:
    """Start a program, say its pid, and hang with it."""
    started = subprocess.Popen(["sleep", "60"])
    Path(STORE, "grandchild").write_text(str(started.pid))
    started.wait()


@process.asset(store=None)
def holds_the_interpreter() -> None:
    """Start a program, say its pid, and never let another thread of this process run again."""
    started = subprocess.Popen(["sleep", "60"])
    Path(STORE, "grandchild").write_text(str(started.pid))
    re.match("(a+)+$", "a" * 60 + "b")


@process.asset(store=None)
def burns() -> ef.Output:
    """Half a second of CPU, a third of it in a child, and 300 MB."""
    child = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", child], check=True)
    held = bytearray(300_000_000)
    end = time.process_time() + 0.2
    while time.process_time() < end:
        held[0] += 1
        held[0] %= 7
    return ef.Output(version="burnt")


@process.asset(store=None)
def prints() -> ef.Output:
    print("hello\nand", end=" ")
    print("goodbye")
    subprocess.run(["echo", "from a program"], check=True)
    return ef.Output(version="printed")


@process.asset(store=None)
def prints_a_frame() -> ef.Output:
    """Whatever goes to stdout or stderr is no message."""
    os.write(1, b"\x00\x00\x00\x02{}")
    return ef.Output(version="1")


SAYS = """
import json, os
read = json.load(open(os.environ["EVERFRESH_INPUTS"]))
print("reading", read["inputs"]["process/orders"]["version"])
kept = os.path.join(os.path.dirname(os.environ["EVERFRESH_OUTPUT"]), "chart.svg")
open(kept, "w").write("<svg/>")
json.dump({"version": os.environ["EVERFRESH_RUN"] + "!", "metadata": {"asset": read["asset"]}, "path": kept},
          open(os.environ["EVERFRESH_OUTPUT"], "w"))
"""
process.command("chart", [sys.executable, "-c", SAYS], deps=["orders"], store=ef.FileStore(STORE))
process.command("silent", ["true"], store=None)
process.command("literal", ["sh", "-c", "test \"$1\" = '; touch $(hacked)'", "sh", "; touch $(hacked)"], store=None)
process.command("exits_3", ["sh", "-c", "echo out of memory >&2; exit 3"], store=None)
process.command("is_killed", ["sh", "-c", "kill -9 $$"], store=None)
process.command("nowhere", ["no-such-program"], store=None)
process.command("babbles", ["sh", "-c", "echo '{\"versoin\": 1}' > $EVERFRESH_OUTPUT"], store=None)
process.command("long", ["sleep", "60"], store=None)
eats = "held = bytearray(400_000_000)"
process.command("eats", [sys.executable, "-c", eats], store=None)
