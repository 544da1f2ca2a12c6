"""Writes docs/reference/ from the code: every public name, and every command, as they are.

    python -m tools.reference

tests/docs/test_pages.py compares the two.
"""

from pathlib import Path

from tools.reference_commands import page as commands_page
from tools.reference_python import page as python_page

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"

PAGES = {"python.md": python_page, "commands.md": commands_page}
"""file → what writes it"""


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write())
