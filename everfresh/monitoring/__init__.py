"""What watches everfresh from outside, as files: rules for Prometheus, a dashboard for Grafana."""

from importlib.resources import files
from pathlib import Path

RULES, DASHBOARD = "everfresh.rules.yml", "everfresh-dashboard.json"


def shipped() -> dict[str, str]:
    """File name → its text."""
    return {name: files(__name__).joinpath(name).read_text("utf-8") for name in (RULES, DASHBOARD)}


def write(folder: Path) -> list[Path]:
    """Write the files into a folder, which is made where it is missing; returns them. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in shipped().items():
        (folder / name).write_text(text, "utf-8")
        written.append(folder / name)
    return written
