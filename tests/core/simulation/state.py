"""Names the code that plays and judges, so that plays of one state can be added up whatever else has changed since."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FIRST = "tests.core.simulation.play"


def modules(root: Path = ROOT, first: str = FIRST) -> dict[str, Path]:
    """Every module of ours that `first` imports, with all that those import in turn as they are loaded, and itself."""
    found: dict[str, Path] = {}
    names = [first]
    while names:
        name = names.pop()
        path = _file(root, name)
        if path is not None and name not in found:
            found[name] = path
            names += [name.rpartition(".")[0], *_imported(ast.parse(path.read_bytes()))]
    return dict(sorted(found.items()))


def digest(root: Path = ROOT, first: str = FIRST) -> str:
    """What was found with another digest says nothing of this code."""
    found = hashlib.blake2b(digest_size=8)
    for name, path in modules(root, first).items():
        found.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _file(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split(".")) if name else root
    found = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    return found if found.is_file() else None


def _imported(module: ast.Module) -> Iterator[str]:
    for one in module.body:
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom) and one.module is not None:
            yield one.module
            yield from (f"{one.module}.{alias.name}" for alias in one.names)


__all__ = ["digest", "modules"]
