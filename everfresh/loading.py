"""Finds an app: `path/to/file.py` or `package.module`, with `:name` where it holds several."""

import importlib
import importlib.util
import sys
import traceback
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

from everfresh.app import App
from everfresh.options import near
from everfresh.shadows import hidden_by_ours
from streams.errors import DefinitionError, NoSuchApp


def load_app(reference: str) -> App:
    """Import the app that `reference` names; it remembers the reference, so that other processes find it too.

    A file is run anew at each call, a module once in a process. The app's folder (for a module the working directory)
    goes to the end of Python's path, so that the app's own helpers are found, and nothing of ours is hidden by them.
    Raises NoSuchApp, in one sentence, when it isn't there, or holds no app or several; DefinitionError when it can't be
    imported.
    """
    place, name = _split(reference)
    if _is_file(place):
        path = Path(place).absolute()
        if not path.is_file():
            raise NoSuchApp(f"there is no file {place!r} to load an app from")
        _look_for_helpers_in(path.parent)
        module, place = _run(path), str(path)
    else:
        _look_for_helpers_in(Path.cwd())
        module = _import(place)
    app, name = _chosen(module, place, name)
    app.reference = f"{place}:{name}"
    return app


def _split(reference: str) -> tuple[str, str | None]:
    """Place and name; a path may itself hold a colon, but not after its last `/`, where a name stands."""
    place, colon, name = reference.rpartition(":")
    return (place, name) if colon and place and name.isidentifier() else (reference, None)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place


def _look_for_helpers_in(folder: Path) -> None:
    hidden = hidden_by_ours(folder)
    if hidden is not None:
        raise DefinitionError(
            f"{hidden} can't be imported beside everfresh, which has a {hidden.stem!r} too: rename yours"
        )
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _run(path: Path) -> ModuleType:
    """Run a file as a module, under its own name where `import` would find it by that name too."""
    own = path.stem.isidentifier() and _is_found_as(path.stem, path)
    name = path.stem if own else f"everfresh_app_{blake2b(bytes(path), digest_size=6).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DefinitionError(f"{path} is no Python file; an app's ends in .py")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise DefinitionError(_why(error, str(path), path)) from error
    return module


def _is_found_as(name: str, path: Path) -> bool:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None) == str(path)
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None and Path(spec.origin) == path


def _import(place: str) -> ModuleType:
    if not all(part.isidentifier() for part in place.split(".")):
        raise NoSuchApp(
            f"{place!r} names no app: write path/to/file.py or package.module, with :name if it holds several"
        )
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise NoSuchApp(
                f"there is no module {error.name!r} on Python's path or in {Path.cwd()}; "
                "write path/to/file.py for an app in a file"
            ) from None
        raise DefinitionError(_why(error, place, None)) from error
    except (Exception, SystemExit) as error:
        raise DefinitionError(_why(error, place, None)) from error


def _why(error: BaseException, place: str, path: Path | None) -> str:
    """Why an app can't be imported: what was raised, and the line of the app that it came from."""
    if isinstance(error, DefinitionError):
        what = str(error)
    elif isinstance(error, SyntaxError):
        return f"{error.filename or place}, line {error.lineno}: {error.msg}"
    else:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if path is not None and one.filename == str(path)]
    line = f", line {own[-1].lineno}" if own else ""
    return f"{place}{line}: {what}"


def _chosen(module: ModuleType, place: str, name: str | None) -> tuple[App, str]:
    """The app of that name, or the only one that there is."""
    apps = {key: value for key, value in vars(module).items() if isinstance(value, App)}
    if name is not None:
        if name not in apps:
            raise NoSuchApp(f"{place} holds no app called {name!r}{near(name, apps)}; it holds {_listed(apps)}")
        return apps[name], name
    if not apps:
        raise NoSuchApp(f"{place} holds no app: write app = ef.App('name') in it")
    if len({id(app) for app in apps.values()}) > 1:
        raise NoSuchApp(f"{place} holds several apps; say which: {', '.join(f'{place}:{key}' for key in sorted(apps))}")
    key = next(iter(apps))
    return apps[key], key


def _listed(apps: dict[str, App]) -> str:
    return ", ".join(map(repr, sorted(apps))) or "none"
