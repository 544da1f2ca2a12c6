"""What stands on the pages as a command or as code does what the page says."""

import ast
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from everfresh.config import Settings
from everfresh.monitoring import write
from tests.cli.shop import Ran, Shop
from tests.docs.commands import lines, runs_here, wrong
from tests.docs.pages import Block, blocks
from tests.patience import PATIENCE_SECONDS
from tools.prometheus import promtool

SERVICES = {"docs/publishing.md", "docs/consuming.md"}
"""pages for other services and other languages"""

FOLLOWED = {"docs/getting-started.md"}
"""pages that show what is printed: test_getting_started.py compares it"""


def commands() -> list[tuple[str, str]]:
    return [(block.page, line) for block in blocks("sh") for line in lines(block.text)]


def readme(*languages: str) -> list[Block]:
    return [block for block in blocks(*languages) if block.page == "README.md"]


def python_of_the_readme() -> tuple[str, str, str]:
    app, publisher, world = (block.text for block in readme("python"))
    return app, publisher, world


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, list[tuple[str, Ran]]]:
    """The README, followed from the top in an empty folder: what runs here, in its order."""
    app, publisher, _ = python_of_the_readme()
    shop = Shop(tmp_path_factory.mktemp("reader"), app)
    ran = []
    for block in readme("sh", "python"):
        if block.language == "python":
            if block.text == publisher:
                ran.append(("the publisher", python(shop.folder, publisher)))
            continue
        ran += [(line, typed(shop, line)) for line in lines(block.text) if runs_here(line)]
    return shop, ran


def typed(shop: Shop, line: str) -> Ran:
    if line.startswith("everfresh "):
        return shop.run(*shlex.split(line)[1:])
    done = subprocess.run(["bash", "-c", line], cwd=shop.folder, capture_output=True, text=True, check=False)
    return Ran(done.stdout, done.stderr, done.returncode)


def python(folder: Path, source: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Ran(done.stdout, done.stderr, done.returncode)


def test_a_line_that_makes_no_sense_is_seen() -> None:
    for line in (
        "everfresh pulbish shop/orders",
        "everfresh status --colour",
        "make nothing",
        "python -m nothing",
        "x",
    ):
        assert wrong(line), line
    assert wrong("everfresh topics check --domain shop") is None


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_on_a_page_is_one_that_there_is(page: str, line: str) -> None:
    assert wrong(line) is None


def test_following_the_readme_works_line_by_line(followed: tuple[Shop, list[tuple[str, Ran]]]) -> None:
    _, ran = followed
    assert len(ran) >= 10
    assert [(line, one) for line, one in ran if one.code] == []


def test_following_the_readme_ends_with_a_fresh_asset_and_its_value(
    followed: tuple[Shop, list[tuple[str, Ran]]],
) -> None:
    shop, _ = followed
    (row,) = shop.ok("status", "shop/revenue", "--json").json()
    assert (row["verdict"], row["promise_seconds"], row["cut"]["shop/orders"]) == ("fresh", 2.0, 2)
    published = shop.ok("events", "asset.materialized", "--json").jsonl()
    assert Path(published[-1]["data"]["uri"].removeprefix("file://")).read_text() == "47"


def test_what_the_readme_tries_in_virtual_time_holds(followed: tuple[Shop, list[tuple[str, Ran]]]) -> None:
    shop, _ = followed
    *_, world = python_of_the_readme()
    ran = python(shop.folder, f"import sys; sys.path.append('.')\n{world}")
    assert ran.code == 0, ran


EXAMPLES = {
    "docs/policies.md": 2,
    "docs/concepts.md": 13,
    "docs/checks.md": 6,
    "docs/costs.md": 1,
    "docs/budgets.md": 2,
    "docs/alerts.md": 1,
}


@pytest.mark.parametrize(("page", "examples"), EXAMPLES.items())
def test_what_a_page_tries_in_virtual_time_holds(tmp_path: Path, page: str, examples: int) -> None:
    found = [block.text for block in blocks("python") if block.page == page]
    assert len(found) == examples
    ran = python(tmp_path, "\n".join(found))
    assert ran.code == 0, ran


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.page)
def test_python_on_a_page_can_be_parsed(block: Block) -> None:
    ast.parse(block.text)


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.page)
def test_settings_on_a_page_are_settings_that_there_are(block: Block) -> None:
    Settings(**tomllib.loads(block.text))


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.page)
def test_a_configuration_of_prometheus_is_one_that_it_takes_with_the_shipped_rules(
    block: Block, tmp_path: Path
) -> None:
    if "scrape_configs" not in block.text:
        pytest.skip("it is Alertmanager's")
    write(tmp_path / "monitoring")
    (tmp_path / "prometheus.yml").write_text(block.text)
    done = promtool("check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


@pytest.mark.parametrize("block", blocks("yaml"), ids=lambda block: block.page)
def test_a_configuration_of_alertmanager_is_one_that_it_takes(block: Block, tmp_path: Path) -> None:
    if "scrape_configs" in block.text:
        pytest.skip("it is Prometheus's")
    program = shutil.which("amtool")
    if program is None:
        pytest.skip("amtool isn't there: it comes with prometheus-alertmanager")
    (tmp_path / "alertmanager.yml").write_text(block.text)
    done = subprocess.run(
        [program, "check-config", "alertmanager.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_fenced_block_is_of_a_kind_that_is_tried() -> None:
    everything = blocks("sh", "python", "toml", "mermaid", "", "text", "bash", "json", "yaml", "console", "go", "js")
    tried = {"sh", "python", "toml", "mermaid", "yaml"}
    on_a_broker = {"json", "go", "js"}  # test_services.py

    def kinds(page: str) -> set[str]:
        return tried | (on_a_broker if page in SERVICES else {"text"} if page in FOLLOWED else set())

    assert [block for block in everything if block.language not in kinds(block.page)] == []
