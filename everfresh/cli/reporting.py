"""What there is to say of a wrapped program: that its source changed, or that it failed, and what it cost."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from everfresh.cli.attending import Ended
from everfresh.cli.command import FAILED, UsedWrongly
from everfresh.cli.screen import note
from everfresh.publisher import is_key, record_of, written_change
from streams.cloudevents import TEXT_MAX, Envelope, envelope
from streams.errors import BadEvent, EventTooLarge
from streams.events import AssetChanged, RunReported
from streams.io.clock import wall_clock_ms
from streams.topics import Topics

OUTPUT_MAX = 256 * 1_024
"""bytes of what a program may leave"""

_ERROR_MAX = 1_000
"""characters of a reason; the event takes a few more"""


@contextmanager
def output_file() -> Iterator[Path | None]:
    """A file that isn't there yet, for the program to write. None where there is no room: it runs all the same."""
    try:
        folder = TemporaryDirectory(prefix="everfresh-run-", ignore_cleanup_errors=True)
    except OSError as error:
        note(f"EVERFRESH_OUTPUT isn't set, for there is no room for such a file: {error.strerror or error}")
        yield None
        return
    with folder as name:
        yield Path(name) / "output.json"


class Report:
    """What there is to say of one run: `events`, once it was heard how that ended.

    `said` are fields of the change. Raises UsedWrongly for what was said wrongly, before anything runs.
    """

    def __init__(self, run: str, asset: str, source: str, said: Mapping[str, str | None]) -> None:
        self.run, self.asset = run, asset
        self._source, self._said = source, dict(said)
        self.exit_code = 0
        self.events: list[Envelope] = []
        if not is_key(asset):
            raise UsedWrongly(f"{asset!r} is no asset key; run needs the whole one, like 'shop/orders'")
        if not 0 < len(source) <= TEXT_MAX:
            raise UsedWrongly(f"--source is a text of 1 to {TEXT_MAX} characters")
        try:
            self._change({})
        except BadEvent as error:
            raise UsedWrongly(str(error)) from None

    def hear(self, ended: Ended, output: Path | None) -> None:
        """Take in how it ended and what it left. What it left wrongly is a failure, and nothing of it is published."""
        self.exit_code = ended.exit_code
        if not ended.started:
            note(ended.error)
        elif ended.exit_code == 0:
            try:
                self.events.append(self._change({} if output is None else left_at(output)))
            except (BadEvent, EventTooLarge) as error:
                self.exit_code = FAILED
                ended = replace(ended, error=f"what it left at EVERFRESH_OUTPUT is wrong: {error}")
                note(f"{ended.error}; so it isn't published that {self.asset} changed")
        self.events.append(self._end(ended))

    def _change(self, left: dict[str, Any]) -> Envelope:
        change = written_change(
            self._said | left | {"asset": self.asset, "id": self.run}, self._source, wall_clock_ms()
        )
        record_of(change, Topics())  # raises for what no log would take
        return change

    def _end(self, ended: Ended) -> Envelope:
        asset = self.asset
        report = RunReported(
            run=self.run,
            asset=asset,
            partition=self._said.get("partition") or "",
            outcome="failed" if ended.error else "succeeded",
            exit_code=ended.exit_code,
            error=ended.error[:_ERROR_MAX],
            costs=ended.costs,
            started_at=ended.started_at,
            finished_at=ended.finished_at,
        )
        return envelope(report, f"{self.run}.reported", self._source, asset, wall_clock_ms()) | {"partitionkey": asset}


def left_at(output: Path) -> dict[str, Any]:
    """What a program left to say of the change; nothing where there is no file. Raises BadEvent."""
    try:
        content = output.read_bytes()[: OUTPUT_MAX + 1]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadEvent(f"it can't be read: {error.strerror}") from None
    if len(content) > OUTPUT_MAX:
        raise BadEvent(f"it is longer than {OUTPUT_MAX} bytes")
    try:
        left = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadEvent(f"it is no JSON: {error}") from None
    if not isinstance(left, dict):
        raise BadEvent('it must be a JSON object like {"version": "41"}')
    unknown = sorted(left.keys() - AssetChanged.model_fields.keys())
    if unknown:
        raise BadEvent(f"a change has no {unknown[0]!r}; it has {', '.join(AssetChanged.model_fields)}")
    return left
