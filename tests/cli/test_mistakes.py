"""Mistakes as they are made: each ends in its sentence and exit code, and the way out that it names is one."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.mistakes import MISTAKES
from tests.cli.shop import Ran, Shop


def written(folder: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(text)


def is_said(line: str, says: str, folder: Path) -> bool:
    """Whether a line is that sentence, but for what differs each time."""
    wanted = re.escape(says.replace("{folder}", str(folder)))
    for name, pattern in (("run", r"\S+"), ("time", r"\S+"), ("number", r"\d+")):
        wanted = wanted.replace(re.escape(f"{{{name}}}"), pattern)
    return re.fullmatch(wanted, line) is not None


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_with_a_sentence_and_its_way_out_is_one(tmp_path: Path, name: str) -> None:
    mistake, shop = MISTAKES[name], Shop(tmp_path)
    written(tmp_path, mistake.files)
    for typed in mistake.before:
        shop.typed(*typed.split())
    ran = shop.typed(*mistake.typed.split())
    assert any(is_said(line, mistake.says, tmp_path) for line in (ran.out + ran.err).splitlines()), told(ran)
    assert ran.code == mistake.code, told(ran)
    assert "Traceback" not in ran.out + ran.err
    written(tmp_path, mistake.mended)
    for typed in mistake.after:
        mended = shop.typed(*typed.split())
        assert mended.code == 0, told(mended)
        assert not any(is_said(line, mistake.says, tmp_path) for line in (mended.out + mended.err).splitlines())


def told(ran: Ran) -> str:
    return f"exit code {ran.code}\n{ran.out}\n{ran.err}"
