"""What the command line is made of, where no subprocess is needed."""

import asyncio
import doctest
import importlib
import pkgutil
from dataclasses import dataclass

import pytest

import everfresh as ef
import everfresh.cli
from everfresh.cli.atwork import Work
from everfresh.cli.command import Everywhere, carry_out, failed
from everfresh.cli.pictures import as_dot, as_mermaid, as_text
from everfresh.cli.words import told
from everfresh.config import settings
from everfresh.reading import Reading
from reactors.graph import compile_graph
from streams.errors import LogUnavailable, SettingError
from streams.events import EVENTS, AssetChanged, Cancel, Materialize, Pause, Release, Resume
from streams.io.urls import open_log
from streams.topics import Topics


def test_the_examples_in_the_docstrings_hold() -> None:
    tried = 0
    for found in pkgutil.iter_modules(everfresh.cli.__path__, "everfresh.cli."):
        result = doctest.testmod(importlib.import_module(found.name))
        assert result.failed == 0, found.name
        tried += result.attempted
    assert tried > 5


SAYS_LITTLE = {AssetChanged.TYPE, *(one.TYPE for one in (Pause, Resume, Materialize, Release, Cancel))}
"""everything in them is optional"""


@dataclass(frozen=True, kw_only=True)
class Said(Everywhere):
    """What a command of this test takes."""


def breaks(_said: Said) -> int:
    raise KeyError("shop/orders")


def test_a_mistake_of_ours_is_one_sentence_that_says_how_to_report_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(breaks, Said()) == 1
    assert capsys.readouterr().err == (
        "KeyError: 'shop/orders'; this shouldn't happen: do it again with --debug, and report what it prints\n"
    )
    assert carry_out(breaks, Said(debug=True)) == 1
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):")


def test_of_what_several_tasks_raised_the_error_that_says_something_is_told() -> None:
    told = failed(ExceptionGroup("", [OSError("x"), ExceptionGroup("", [SettingError("no")])]))
    assert told == 2


async def test_a_log_that_is_away_is_no_domain_that_was_never_deployed() -> None:
    reading = await away()
    with pytest.raises(LogUnavailable, match=r"^the log in memory is closed; open a new one$"):
        await reading.begin()


async def test_dev_that_is_ended_while_its_log_is_away_ends_well() -> None:
    drained = asyncio.Event()
    drained.set()
    await Work([], settings(log="memory:"), until_idle=False, json=False)._follow(await away(), drained)


async def away() -> Reading:
    """A reading of a domain whose log went away."""
    log = await open_log("memory:")
    await log.admin.create(Topics().of("shop"))
    await log.close()
    return Reading(log, Topics(), "shop")


def test_every_public_name_is_there_though_it_is_imported_late() -> None:
    assert {name for name in ef.__all__ if getattr(ef, name) is not None} == set(ef.__all__)
    assert set(ef.__all__) <= set(dir(ef))


def test_a_chain_longer_than_pythons_stack_is_drawn() -> None:
    app = ef.App("chain")
    before = app.source("a0").key
    for number in range(1, 3_000):
        before = app.command(f"a{number}", ["true"], deps=[before]).key
    graph = compile_graph(app.manifest(1))
    assert len(as_text(graph)) == 3_000
    assert len(as_mermaid(graph)) == 1 + 3_000 + 2_999
    assert len(as_dot(graph)) == 2 + 3_000 + 2_999 + 1


def test_another_domains_asset_is_drawn_as_such() -> None:
    app = ef.App("shop")
    app.command("report", ["true"], deps=["bank/loans"])
    assert as_text(compile_graph(app.manifest(1))) == [
        "bank/loans  of domain bank",
        "└─ shop/report  on demand, nothing needs it",
    ]


def test_every_event_is_told_and_one_that_makes_no_sense_is_said_to() -> None:
    for kind in EVENTS:
        assert "can't be read" in told({"type": kind, "data": {"attempt": []}}) or kind in SAYS_LITTLE, kind
    assert told({"type": "everfresh.later.v9", "data": {}}) == "everfresh.later.v9"
