"""What the pages point to is there. Each check is tried on a bad sample first."""

import re
from pathlib import Path

import pytest
from typer import Typer

import everfresh as ef
from everfresh.cli import GROUPS
from everfresh.config import Settings
from tests.docs.pages import (
    ROOT,
    blocks,
    broken_links,
    misplaced_functions,
    missing_paths,
    name_of,
    pages,
    prose,
)
from tools.contract import page as contract_page
from tools.reference import FOLDER, PAGES

EVERY_PAGE = pytest.mark.parametrize("page", pages(), ids=name_of)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
NOT_OURS = {"shop.py", "test_shop.py", "everfresh.toml", ".everfresh/", "io/"}
"""what the reader makes, and the folder that there is three times"""
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def test_the_checks_see_what_is_wrong() -> None:
    assert broken_links(ARCHITECTURE, "[a](nowhere.md) [b](glossary.md#no-such) [c](glossary.md#what-runs)") == [
        "nowhere.md",
        "glossary.md#no-such",
    ]
    wrong = "`reactors/nothing.py` `reactors/apply.py:nothing` `reactors/apply.py:apply` `nowhere/` `kafka://x/y`"
    assert missing_paths(wrong) == ["reactors/nothing.py", "reactors/apply.py:nothing", "nowhere/"]
    assert misplaced_functions("| `reactors/apply.py` | `apply()` and `propose()` |") == ["reactors/apply.py: propose"]


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page, prose(page)) == []


@EVERY_PAGE
def test_every_file_and_function_that_is_named_is_there(page: Path) -> None:
    assert [one for one in missing_paths(prose(page)) if one not in NOT_OURS] == []


@EVERY_PAGE
def test_a_function_stands_in_the_file_of_its_row(page: Path) -> None:
    assert misplaced_functions(prose(page)) == []


def test_the_way_of_a_change_is_told_in_at_most_eight_files() -> None:
    section = ARCHITECTURE.read_text().split("## The way of a change")[1].split("Beside the way")[0]
    files = re.findall(r"^\| `([\w/]+\.py)` \|", section, re.MULTILINE)
    assert 5 <= len(files) == len(set(files)) <= 8


def test_every_folder_at_the_top_is_on_the_code_map() -> None:
    named = set(re.findall(r"`(\w+)/`", ARCHITECTURE.read_text()))
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= named


def test_the_contract_page_says_what_the_code_says() -> None:
    assert (ROOT / "docs" / "contract" / "README.md").read_text() == contract_page(), "run: python -m tools.contract"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_says_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run: python -m tools.reference"


def test_the_reference_has_every_public_name_and_every_command() -> None:
    python, commands = ((FOLDER / name).read_text() for name in ("python.md", "commands.md"))
    assert [name for name in ef.__all__ if f"## ef.{name}\n" not in python] == []
    words = [name for one in GROUPS for name in named(one)]
    assert len(words) > 15
    assert [word for word in words if f"## everfresh {word}\n" not in commands] == []
    assert commands.count("\nExit codes: ") == commands.count("\n## everfresh ") == commands.count("```sh")


def named(group: Typer) -> list[str]:
    """The commands of a group."""
    return [str(one.name) for one in group.registered_commands]


def test_every_setting_is_explained() -> None:
    table = (ROOT / "docs" / "operating.md").read_text().split("| setting |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(Settings.model_fields)


@pytest.mark.parametrize("decision", DECISIONS, ids=name_of)
def test_a_decision_follows_the_template_and_is_numbered_after_its_file(decision: Path) -> None:
    wanted = re.findall(r"^## .*$", DECISIONS[0].read_text(), re.MULTILINE)
    text = decision.read_text()
    assert re.findall(r"^## .*$", text, re.MULTILINE) == wanted
    assert text.startswith(f"# {decision.name[:4]}: ")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(decision.name[:4]) for decision in DECISIONS] == list(range(len(DECISIONS)))


def test_every_diagram_is_a_flowchart_of_nodes_and_arrows() -> None:
    node = r"\w+(\[[^\]]+\]|\[\([^\]]+\)\])?"
    arrow = re.compile(rf"{node}( -->(\|[^|]+\|)? {node})+")
    found = blocks("mermaid")
    assert found
    for block in found:
        first, *lines = [line.strip() for line in block.text.splitlines()]
        assert first == "flowchart LR"
        assert [line for line in lines if not arrow.fullmatch(line)] == []


def test_the_readme_gives_no_figure_without_its_command() -> None:
    figures = re.compile(r"\d+ (events|changes|runs) a second|p\d\d|\d+ ?ms\b")
    assert figures.search("takes 3 ms")
    assert not figures.search(prose(ROOT / "README.md"))
