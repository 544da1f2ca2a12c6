"""Writes docs/reference/ from the code: every public name, and every command, as they are.

    python -m tools.reference

tests/docs/test_pages.py compares the two.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools.reference_commands import page as commands_page
from tools.reference_python import page as python_page

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"


def formatted(write: Callable[[], str]) -> Callable[[], str]:
    """The same page with its code as `make check` wants code."""
    ruff = [str(Path(sys.executable).parent / "ruff"), "format", "--quiet", "--stdin-filename", "docs/page.md", "-"]

    def written() -> str:
        done = subprocess.run(ruff, input=write(), cwd=FOLDER.parents[1], capture_output=True, text=True, check=True)
        return done.stdout

    return written


PAGES = {"python.md": formatted(python_page), "commands.md": formatted(commands_page)}
"""file → what writes it"""


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write())
