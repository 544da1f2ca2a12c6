"""Publishes the lines of a file: in batches as they come, with a progress bar, naming the line that makes no sense."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

from everfresh.cli.command import UsedWrongly
from everfresh.cli.screen import note
from everfresh.cli.words import counted
from everfresh.publisher import AsyncPublisher
from streams.errors import BadEvent, EventTooLarge

CHUNK = 64 * 1024
"""bytes that are read at once: some hundred changes, which are sent in one go"""

STDIN = "-"

KeyOf = Callable[[str, Any], str]
"""from an asset and a partition, as a line names them, to the asset's key; raises UsedWrongly"""

Acked = Callable[[str, str], None]
"""is told the asset and the id of each change that the log has"""


async def publish_lines(bulk: "Bulk", file: str) -> None:
    """Publish every line of a file, or of stdin for `-`.

    Raises BadEvent with the line at fault; what stands before it is published.
    """
    with _opened(file) as descriptor, _progress(descriptor) as advance:
        async for chunk in _whole_lines(descriptor):
            try:
                await bulk.take(chunk)
            except BadLine as error:
                name = "stdin" if file == STDIN else file
                raise BadEvent(
                    f"{name}, {error}; what stands before it is published: {counted(bulk.sent, 'change')}"
                ) from None
            advance(len(chunk))
    note(f"published {counted(bulk.sent, 'change')}")


class BadLine(BadEvent):
    """A line that is no change; the text says which line, and why."""


class Line(NamedTuple):
    """A change and where it stands."""

    number: int
    change: dict[str, Any]


class Bulk:
    """Takes lines, publishes them, and remembers how far it came.

    `asset` is meant by lines that name none; `key_of` makes a key of what they name, or raises UsedWrongly.
    """

    def __init__(self, publisher: AsyncPublisher, asset: str | None, key_of: KeyOf, acked: Acked) -> None:
        self.sent = 0
        self._publisher, self._asset, self._key_of, self._acked = publisher, asset, key_of, acked
        self._number = 0

    async def take(self, chunk: bytes) -> None:
        """Publish whole lines. Raises BadLine for the first that is no change, with those before it published."""
        lines, problem = self._read(chunk)
        try:
            await self._publisher.publish_many([line.change for line in lines])
        except (BadEvent, EventTooLarge):  # nothing of it was sent
            await self._one_by_one(lines)
        else:
            self._tell(lines)
        if problem is not None:
            raise problem

    def _read(self, chunk: bytes) -> tuple[list[Line], BadLine | None]:
        lines: list[Line] = []
        for text in chunk.splitlines():
            self._number += 1
            if text.strip():
                try:
                    lines.append(Line(self._number, self._change(text)))
                except BadLine as problem:
                    return lines, problem
        return lines, None

    def _change(self, text: bytes) -> dict[str, Any]:
        try:
            change = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise BadLine(f"line {self._number}: it is no JSON: {error}") from None
        if not isinstance(change, dict):
            raise BadLine(
                f'line {self._number}: a change is an object like {{"asset": "shop/orders", "version": "41"}}'
            )
        change = {"asset": self._asset, "id": uuid4().hex} | change
        if not isinstance(change["asset"], str):
            raise BadLine(f"line {self._number}: it names no asset, and neither does the command line")
        try:
            return change | {"asset": self._key_of(change["asset"], change.get("partition"))}
        except UsedWrongly as error:
            raise BadLine(f"line {self._number}: {error}") from None

    async def _one_by_one(self, lines: list[Line]) -> None:
        for line in lines:
            try:
                await self._publisher.publish_many([line.change])
            except (BadEvent, EventTooLarge) as error:
                raise BadLine(f"line {line.number}: {error}") from None
            self._tell([line])

    def _tell(self, lines: list[Line]) -> None:
        self.sent += len(lines)
        for line in lines:
            self._acked(line.change["asset"], line.change["id"])


@contextmanager
def _opened(file: str) -> Iterator[int]:
    if file == STDIN:
        yield sys.stdin.fileno()
        return
    try:
        descriptor = os.open(Path(file), os.O_RDONLY)
    except OSError as error:
        raise UsedWrongly(f"{file} can't be read: {error.strerror}") from None
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsedWrongly(f"{file} is a folder; name a file of changes, one a line")
        yield descriptor
    finally:
        os.close(descriptor)


async def _whole_lines(descriptor: int) -> AsyncIterator[bytes]:
    """What is there, cut after a line's end; a slow pipe's lines come as they are written."""
    rest = b""
    while True:
        await _readable(descriptor)
        read = os.read(descriptor, CHUNK)
        if not read:
            break
        lines, end, rest = (rest + read).rpartition(b"\n")
        if end:
            yield lines + end
    if rest:
        yield rest


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read, without holding up the loop. A regular file always has something."""
    loop, there = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, there.set)
    except PermissionError:
        return
    try:
        await there.wait()
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _progress(descriptor: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, where that is a terminal; is told how many bytes are done."""
    if not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    from rich.console import Console
    from rich.progress import Progress

    size = os.fstat(descriptor).st_size
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("publishing", total=size or None)
        yield lambda done: bar.advance(task, done)
