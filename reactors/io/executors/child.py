"""The life of a warm process: load the app once, then do one attempt after the other."""

import logging
import sys
import traceback
from collections.abc import Callable

from reactors.io.executors.attempt import perform
from reactors.io.executors.deadman import die_with_the_writer
from reactors.io.executors.frames import Channel
from reactors.io.executors.meter import of_the_process
from reactors.io.executors.prints import take_over_prints
from reactors.io.executors.telling import TRACEBACKS, name_of
from reactors.io.stores.tables import warm_up
from reactors.ports import Done, Failed, Task
from reactors.recipes import Code


def serve(load: Callable[[], Code], channel: int, watched: int, tracebacks: bool) -> None:
    """Answer attempts until the channel ends.

    `load` finds the app; `watched` is the pipe that its worker holds; `tracebacks` go to the log where they are wanted.
    """
    die_with_the_writer(watched)
    logging.basicConfig(stream=sys.__stderr__, level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger(TRACEBACKS).setLevel(logging.INFO if tracebacks else logging.CRITICAL)
    stream = take_over_prints()
    messages = Channel(channel)
    try:
        code = load()
    except Exception as error:  # noqa: BLE001,RUF100  whatever an app raises while it is imported
        if tracebacks:
            traceback.print_exc()
        messages.send({"broken": f"the app can't be loaded in its process: {error}"})
        return
    warm_up()
    messages.send({"ready": code.versions})
    while (message := messages.receive()) is not None:
        messages.send({"taken": True})
        task = Task.model_validate(message["task"])
        stream.prefix = name_of(task)
        result = answered(code, task)
        stream.end()
        stream.prefix = ""
        messages.send({"done" if isinstance(result, Done) else "failed": result.model_dump(mode="json")})


def answered(code: Code, task: Task) -> Done | Failed:
    """Do the attempt, unless the app was changed on disk since its worker read it."""
    found = code.versions.get(task.asset)
    if found != task.code_version:
        has = "is not in it" if found is None else f"has code version {found!r} there, not {task.code_version!r}"
        return Failed(
            kind="raised", error=f"the app changed on disk and {task.asset!r} {has}; restart the worker to take it up"
        )
    return perform(code, task, of_the_process())
