"""How a worker is put together: executors for the places its recipes name, an outbox, an intake of its log."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from everfresh.child import launch
from reactors.io.clock import SystemClock
from reactors.io.executors.by_place import ByPlace
from reactors.io.listening import Listening
from reactors.io.outbox import Address, Outbox
from reactors.io.worker import Terms, Worker
from streams.io.racing import unless_stopped
from streams.io.urls import kafka_servers

if TYPE_CHECKING:
    from everfresh.app import App
    from everfresh.site import Site
    from reactors.io.intake import Intake
    from reactors.ports import Executor
    from reactors.recipes import Code, Place
    from streams.events import RunCancelled, RunGranted


def named(said: str) -> str:
    """The name a worker goes by: unique among all that ever live, and readable."""
    return f"{said or socket.gethostname()}-{os.getpid()}-{os.urandom(2).hex()}"


def executor_for(code: Code, slots: int) -> Executor:
    """Executors for the places where this code's recipes run, and no others."""
    found: dict[Place, Executor] = {}
    for place in sorted({code.where(asset) for asset in code.recipes}):
        if place == "loop":
            from reactors.io.executors.loops import LoopExecutor

            found[place] = LoopExecutor(code)
        elif place == "thread":
            from reactors.io.executors.threads import ThreadExecutor

            found[place] = ThreadExecutor(code)
        elif code.reference is not None:
            from reactors.io.executors.processes import ProcessExecutor

            found[place] = ProcessExecutor(launch(code.reference), slots)
    return ByPlace(code, found)


def assembled(site: Site, app: App) -> Worker:
    """A worker for an app, on a site's log."""
    settings, clock, code = site.settings, SystemClock(), app.code()
    name = named(settings.worker)
    journal = settings.topics.journal(app.domain).name
    outbox = Outbox(Address(journal, name), site.log.log.append, clock)
    terms = Terms(name, settings.slots, settings.lease_ms)
    return Worker(terms, code, executor_for(code, settings.slots), outbox, clock)


async def serve(site: Site, app: App, stop: asyncio.Event) -> None:
    """Run a worker until `stop`. It listens before it first says that it lives, so that no grant goes past it."""
    worker, leave = assembled(site, app), asyncio.Event()
    intake = _intake(site, worker, app.domain)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(intake.run(leave), name="everfresh-intake")
        if await unless_stopped(intake.ready(), stop):
            site.ready("worker")
            await worker.run(stop, site.settings.grace_ms)
        leave.set()
        listening.cancel()  # it may be waiting for what comes no more


def _intake(site: Site, worker: Worker, domain: str) -> Intake | Listening:
    name, topics = worker.terms.name, site.settings.topics
    if site.transactional:
        return Listening(worker, site.log.log, topics, domain)
    from reactors.io.intake import Hands, Intake, Wire

    async def take(grant: RunGranted) -> None:
        worker.take(grant)

    async def cancel(said: RunCancelled) -> None:
        worker.cancel(said.run, said.attempt)

    wire = Wire(kafka_servers(site.settings.log), site.log.log, topics)
    return Intake(name, [domain], Hands(take, cancel), wire)
