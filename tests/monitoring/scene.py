"""Real processes of everfresh on an embedded log, which a real Prometheus scrapes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.patience import PATIENCE_SECONDS
from tools.children import end, spawn
from tools.kafka.broker import free_port

APP = """
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
orders = app.source("orders", owner="checkout")


@app.asset(deps=[orders], freshness=ef.Eager(), owner="growth")
async def revenue(orders: ef.Input, ctx: ef.Context) -> str:
    ctx.report_cost("warehouse.credits", 0.4)
    return f"of {orders.version}"


@app.check(revenue)
def is_there(revenue: str) -> bool:
    return bool(revenue)


@app.asset(deps=[revenue], freshness=ef.Within("20s"))
async def report(revenue: ef.Input) -> str:
    return "on " + revenue.load()


@app.asset(deps=[orders], freshness=ef.Eager(), retry=ef.Retry(0))
async def broken(orders: ef.Input) -> str:
    raise ValueError("no such warehouse")
"""


class Scene:
    """A folder with an app, and everfresh's roles as processes."""

    def __init__(self, folder: Path, metrics_port: int) -> None:
        self.folder, self.port, self.reactor_port = folder, metrics_port, free_port()
        (folder / "shop.py").write_text(APP)
        self._version = 0
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        os.environ.pop("EVERFRESH_LOG", None)
        (folder / "everfresh.toml").write_text(
            f"metrics_port = {metrics_port}\nreactor_port = {self.reactor_port}\n"
            f'log = "sqlite:log.db"\n[history.books]\nurl = "sqlite:history.db"\n'
        )

    def run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "everfresh", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"

    def start(self, name: str, *arguments: str) -> None:
        self._running[name] = spawn([sys.executable, "-m", "everfresh", *arguments], self.folder / f"{name}.log")

    def kill(self, name: str) -> None:
        """As a power cut would."""
        end(self._running.pop(name), signal.SIGKILL)

    def publish(self) -> None:
        """The orders changed."""
        self._version += 1
        self.run("publish", "shop/orders", "--version", str(self._version))

    def close(self) -> None:
        for name in list(self._running):
            end(self._running.pop(name))

    def said(self) -> str:
        """What the processes printed last, for whoever wonders."""
        return "\n".join(f"{one.name}: {one.read_text()[-1_500:]}" for one in sorted(self.folder.glob("*.log")))


def until(true: Callable[[], bool], what: Callable[[], str], each: Callable[[], None] = lambda: None) -> None:
    """Wait for it, doing `each` now and then."""
    end_at = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end_at, what()
        each()
        time.sleep(0.5)
