"""Go, Node and Java, with the packages that are named here; what they fetch lies in caches outside the repository."""

import hashlib
import os
import shutil
import subprocess
import tempfile
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


def node_modules(project: Path = HERE / "node") -> Path:
    """Where Node finds a project's packages, in a folder named after what is locked."""
    needs("node", "npm")
    place = _cache() / f"node-{_digest(project / 'package-lock.json')}"
    if not (place / "node_modules" / ".package-lock.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        for one in ("package-lock.json", "package.json", ".npmrc"):
            shutil.copy(project / one, place)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=place, check=True, timeout=SECONDS)
    return place / "node_modules"


def java_classes() -> str:
    """The class path of the Java program, built by Maven in a folder named after its sources."""
    needs("java", "javac", "mvn")
    project = HERE / "java"
    place = _cache() / f"java-{_digest(*sorted(path for path in project.rglob('*') if path.is_file()))}"
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=_cache()) as folder:
            building = Path(folder) / "java"
            shutil.copytree(project, building)
            command = ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"]
            subprocess.run(command, cwd=building, check=True, timeout=SECONDS)
            building.rename(place)  # there whole, or not at all
    return f"{place / 'target' / 'classes'}:{place / 'target' / 'dependency'}/*"


def _cache() -> Path:
    found = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "everfresh-tests"
    found.mkdir(parents=True, exist_ok=True)
    return found


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
