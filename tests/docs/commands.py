"""A line of a shell session on a page: is it something that exists, and may a test run it?"""

import importlib.util
import shlex
import subprocess

import yaml
from typer.main import get_command

from everfresh.cli import _everything
from tests.docs.pages import ROOT

ENDLESS = ({"everfresh", "start"}, {"everfresh", "--follow"}, {"everfresh", "-f"})
"""words of commands that go on until they are ended"""


def lines(text: str) -> list[str]:
    """The commands of a session, without the comments behind them."""
    return [line.split("  #")[0].strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def runs_here(line: str) -> bool:
    """Whether a test may run it: it ends by itself, and needs nothing but a folder with an app."""
    words = set(shlex.split(line))
    if "kafka://" in line or "docker" in words or "make" in words or "python" in words:
        return False
    if {"everfresh", "dev"} <= words and "--until-idle" not in words:
        return False
    return not any(endless <= words for endless in ENDLESS)


def wrong(line: str) -> str | None:
    """What is wrong with a line, as far as one sees without running it."""
    program, *words = shlex.split(line)
    if program == "everfresh":
        return wrong_command(words)
    if program == "make":
        return wrong_target(words)
    if program == "python":
        return None if words[0] == "-m" and importlib.util.find_spec(words[1]) else f"no module {words[1]}"
    if program == "docker":
        composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        return None if words[0] == "compose" and composed["services"] else "no composition"
    if program in {"curl", "kcat"}:
        return None  # what they say is tried on a broker: test_services.py
    return None if program in {"echo", "export"} else f"{program} is of no known kind"


def wrong_command(words: list[str]) -> str | None:
    """What everfresh's own parser has against the arguments; nothing is run."""
    try:
        command, name = get_command(_everything()), "everfresh"
        while True:
            context = command.make_context(name, list(words))
            if not hasattr(command, "resolve_command"):
                return None
            name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def wrong_target(words: list[str]) -> str | None:
    """What make has against its arguments; nothing is made."""
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr
