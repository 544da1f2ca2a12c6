"""The pages, cut into what tests can try: fenced blocks, links, names of files and of what is in them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[\w.-]+/)+(?:[\w.-]+\.\w+)?|[\w-]+\.(?:py|md|toml|yml)|Makefile|LICENSE")


class Block(NamedTuple):
    """One fenced block."""

    page: str
    language: str
    text: str


def pages() -> list[Path]:
    """Every page that we write."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks of these languages on all pages, in order."""
    return [
        Block(name_of(page), language, text)
        for page in pages()
        for language, text in _FENCE.findall(page.read_text())
        if language in languages
    ]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def broken_links(page: Path, text: str) -> list[str]:
    """Links to files that aren't there, and to headings that aren't in them."""
    broken = []
    for link in _LINK.findall(text):
        if "://" in link:
            continue
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (heading and heading not in headings(target)):
            broken.append(link)
    return broken


def headings(page: Path) -> set[str]:
    """The headings of a page as links write them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def missing_paths(text: str) -> list[str]:
    """Files and folders that are named in backticks and aren't there; `path.py:name` names what stands in one."""
    missing = []
    for code in _CODE.findall(text):
        path, _, name = code.partition(":")
        if not _PATH.fullmatch(path) or not (path.endswith("/") or "." in path or path.isalpha()):
            continue
        if not (ROOT / path).exists() or (name and name not in defined(ROOT / path)):
            missing.append(code)
    return missing


def misplaced_functions(text: str) -> list[str]:
    """`name()` in a table's row whose first cell is one file, and that this file doesn't define."""
    found = []
    for line in text.splitlines():
        row = re.match(r"\| `([\w/]+\.py)` \|", line)
        if row is not None:
            there = defined(ROOT / row[1])
            found += [f"{row[1]}: {name}" for name in re.findall(r"`(\w+)\(\)`", line) if name not in there]
    return found


def defined(file: Path) -> set[str]:
    """Functions, methods, classes and constants that a Python file defines."""
    return set(_defined(ast.parse(file.read_text()))) if file.is_file() else set()


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
