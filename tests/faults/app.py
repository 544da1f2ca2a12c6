"""What runs while roles are killed: a chain and a diamond, eager and promised, and runs as long as a change says."""

import asyncio
import hashlib
import os
import time
from pathlib import Path

import everfresh as ef

app = ef.App(os.environ.get("FAULTS_DOMAIN", "plant"))

orders = app.source("orders")
rates = app.source("rates")
stock = app.source("stock")
jobs = app.source("jobs")
holds = app.source("holds")

QUICK = ef.Retry(2, delay="200ms", cool_down="2s")


def made_of(*inputs: ef.Input) -> ef.Output:
    """The same inputs make the same content, whichever attempt computed it."""
    content = hashlib.sha256(" ".join(f"{one.key}={one.version}" for one in inputs).encode()).hexdigest()[:16]
    return ef.Output(version=content, fingerprint=content)


@app.asset(deps=[orders], freshness=ef.Eager(), takes="30ms", retry=QUICK)
async def clean(orders: ef.Input) -> ef.Output:
    """The chain begins here; every change in ten makes a difference."""
    await asyncio.sleep(0.03)
    tens = str(int(orders.version or 0) // 10)
    return ef.Output(version=tens, fingerprint=tens)


@app.asset(deps=[clean, rates], freshness=ef.Within("1s"), takes="50ms", retry=QUICK)
async def priced(clean: ef.Input, rates: ef.Input) -> ef.Output:
    await asyncio.sleep(0.05)
    return made_of(clean, rates)


@app.asset(deps=[priced], freshness=ef.Eager(), takes="60ms", retry=QUICK)
def report(priced: ef.Input) -> ef.Output:
    """In a warm process of the worker's."""
    time.sleep(0.06)
    return made_of(priced)


@app.asset(deps=[stock], takes="40ms", retry=QUICK)
async def left(stock: ef.Input) -> ef.Output:
    await asyncio.sleep(0.04)
    return made_of(stock)


@app.asset(deps=[stock, rates], freshness=ef.Eager(quiet="200ms", max_wait="1s"), takes="20ms", retry=QUICK)
async def right(stock: ef.Input, rates: ef.Input) -> ef.Output:
    await asyncio.sleep(0.02)
    return made_of(stock, rates)


@app.asset(deps=[left, right], freshness=ef.Within("2s"), takes="50ms", retry=QUICK)
async def joined(left: ef.Input, right: ef.Input) -> ef.Output:
    await asyncio.sleep(0.05)
    return made_of(left, right)


@app.asset(deps=[jobs], freshness=ef.Eager(), takes="1s", retry=QUICK)
async def long(jobs: ef.Input) -> ef.Output:
    """As long as the change's version says: '5.5' or '5.5:again' is five seconds and a half."""
    await asyncio.sleep(float((jobs.version or "0").partition(":")[0]))
    return made_of(jobs)


async def free_again() -> None:
    """Wait while the test has laid its file there."""
    name = os.environ.get("FAULTS_HOLD")
    while name and Path(name).exists():
        await asyncio.sleep(0.02)


@app.asset(deps=[holds], freshness=ef.Within("1s"), takes="20ms", retry=QUICK)
async def held(holds: ef.Input) -> ef.Output:
    await free_again()
    return made_of(holds)


@app.asset(deps=[holds], freshness=ef.Within("1500ms"), takes="20ms", retry=QUICK)
async def held_too(holds: ef.Input) -> ef.Output:
    await free_again()
    return made_of(holds)


app.alert("freshness.overdue", held, held_too, damped=False)  # overdue and back again and again is what a test is about
