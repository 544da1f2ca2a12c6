"""Go and Node, with the packages that are locked here; what they fetch lies in caches outside the repository."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SECONDS = 280


def needs(*programs: str) -> None:
    """Skip where a developer doesn't have one; in CI a skipped test would look like a passed one."""
    for program in programs:
        if shutil.which(program) is None:
            said = f"{program} isn't installed"
            pytest.fail(said, pytrace=False) if os.environ.get("CI") else pytest.skip(said)


def built(source: Path, binary: Path) -> Path:
    """A folder's Go program, built."""
    needs("go")
    command = ["go", "build", "-buildvcs=false", "-o", str(binary), "."]
    subprocess.run(command, cwd=source, check=True, timeout=SECONDS)
    return binary


def built_alone(program: str, folder: Path) -> Path:
    """A Go program of one file, built with the packages of the one that stands here."""
    folder.mkdir()
    for one in ("go.mod", "go.sum"):
        shutil.copy(HERE / "go" / one, folder)
    (folder / "main.go").write_text(program)
    return built(folder, folder / "program")


def node_modules() -> Path:
    """Where Node finds the packages, in a folder named after what is locked."""
    needs("node", "npm")
    lock = HERE / "node" / "package-lock.json"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "everfresh-tests"
    place = cache / f"node-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (place / "node_modules" / ".package-lock.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        for one in ("package-lock.json", "package.json", ".npmrc"):
            shutil.copy(HERE / "node" / one, place)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=place, check=True, timeout=SECONDS)
    return place / "node_modules"
