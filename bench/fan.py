"""The domain that bench/idle watches: 200 assets, 199 of them as soon as the one source changes.

BENCH_FAN=ordinary makes their functions ordinary ones, which run in warm processes.
"""

import os

import everfresh as ef

ASSETS = 200

app = ef.App("fan")
start = app.source("start")


async def on_the_loop(start: ef.Input) -> None:
    """Do nothing."""


def in_a_process(start: ef.Input) -> None:
    """Do nothing."""


part = in_a_process if os.environ.get("BENCH_FAN") == "ordinary" else on_the_loop


def declare(number: int) -> None:
    app.asset(deps=[start], freshness=ef.Eager(), name=f"part{number:03}")(part)


for number in range(1, ASSETS):
    declare(number)
