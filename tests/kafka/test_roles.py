"""What workers are granted, and what becomes of a run that takes too long, on the embedded log and on real Kafka."""

import asyncio
import os
from functools import partial
from pathlib import Path

import everfresh as ef
from everfresh import App
from everfresh.config import Settings
from everfresh.loading import load_app
from everfresh.policies import Eager
from everfresh.site import deploy
from tests.kafka.stage import on_each_log, staged


def shop(code_version: str) -> App:
    app = App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=Eager(), code_version=code_version)
    async def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(version=f"{code_version} of {orders.version}")

    return app


@on_each_log
async def test_a_worker_with_old_code_gets_no_grant(settings: Settings) -> None:
    async with staged(settings, shop("old"), "ingress", "reactor") as stage:
        await stage.start("worker", worker="old")
        newer = await stage.start("worker", app=shop("new"), worker="new")
        await stage.publish("shop/orders", version="1")
        await stage.settled()
        await deploy(stage.site, shop("new"))
        await stage.settled()
        await stage.publish("shop/orders", version="2")
        await stage.settled()
        await newer.ended()
        await stage.publish("shop/orders", version="3")
        await stage.until(lambda: stage.domain.state.roots["shop/orders"].seq == 3, "the change is in the journal")
        await stage.taken_in()
        await stage.start("worker", app=shop("new"), worker="newest")
        story = await stage.checked()

    def named(worker: str) -> str:
        return worker.split("-", maxsplit=1)[0]

    given = [(named(one["worker"]), one["code_version"]) for one in story.granted()]
    assert given == [("old", "old"), ("new", "new"), ("new", "new"), ("newest", "new")]
    assert [one["data"]["version"] for one in story.outputs("asset.materialized")] == [
        "old of 1",
        "new of 1",
        "new of 2",
        "new of 3",
    ]


@on_each_log
async def test_two_workers_share_the_load_and_never_exceed_their_slots(settings: Settings) -> None:
    app, at_work, go_on = App("shop"), list[str](), asyncio.Semaphore(0)
    app.source("orders")

    def declare(number: int) -> None:
        @app.asset(deps=["orders"], freshness=Eager(), name=f"part{number}")
        async def part(orders: ef.Input) -> ef.Output:
            at_work.append(f"part{number}")
            await go_on.acquire()
            return ef.Output(version=f"{number} of {orders.version}")

    for number in range(10):
        declare(number)
    async with staged(settings, app, "ingress", "reactor") as stage:
        await stage.start("worker", worker="one", slots=2)
        await stage.start("worker", worker="two", slots=2)
        await stage.until(lambda: len(stage.domain.state.workers) == 2, "both workers are known")
        await stage.publish("shop/orders", version="1")
        for done in range(10):
            await stage.until(partial(is_full, at_work, min(10, done + 4)), "all four slots are taken")
            go_on.release()
        story = await stage.checked()
    assert sorted(at_work) == sorted(f"part{number}" for number in range(10)), "each once"
    assert sorted(story.most_at_once().values()) == [2, 2]
    assert len(story.granted()) == 10


def is_full(at_work: list[str], count: int) -> bool:
    return len(at_work) == count


SLOW = """
import os, subprocess, time
from pathlib import Path
import everfresh as ef

app = ef.App("slow")
app.source("orders")

@app.asset(deps=["orders"], freshness=ef.Eager(), timeout="2s", retry=ef.Retry(0))
def stuck(orders: ef.Input) -> ef.Output:
    child = subprocess.Popen(["sleep", "1000"])
    Path(__file__).with_name("pids").write_text(f"{os.getpid()} {child.pid}\\n")
    time.sleep(1000)

@app.asset(deps=["orders"], freshness=ef.Eager())
async def sound(orders: ef.Input) -> ef.Output:
    return ef.Output(version="sound")
"""


@on_each_log
async def test_a_timeout_kills_the_process_group_of_a_run_and_the_worker_goes_on(
    settings: Settings, tmp_path: Path
) -> None:
    source = tmp_path / "slow_app.py"
    source.write_text(SLOW)
    async with staged(settings, load_app(str(source)), "ingress", "reactor", "worker") as stage:
        await stage.publish("slow/orders", version="1")
        nodes = stage.domain.state.nodes
        await stage.until(lambda: nodes["slow/stuck"].hold is not None, "the run was given up")
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert len(pids) == 2
        await stage.until(lambda: not any(map(is_alive, pids)), "function and what it started are gone")
        await stage.until(lambda: nodes["slow/sound"].version == "sound", "its sibling went on")
        story = await stage.told()
    (failed,) = story.facts("run.failed")
    assert (failed["asset"], failed["kind"]) == ("slow/stuck", "timeout")
    assert "more than 2s" in failed["error"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
