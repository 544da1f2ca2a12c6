"""An app's files, as `dev` watches them: what changed since they were loaded, and the app anew."""

import sys
from importlib.util import cache_from_source
from pathlib import Path

from everfresh.app import App
from everfresh.loading import load_app
from everfresh.shadows import OURS
from streams.errors import EverfreshError

Stamps = dict[Path, int]
"""file → when it was changed last, in ns"""


class AppFiles:
    """The app's file and what it imported from beside it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._modules = 0  # how many were loaded when the files were listed: looking at each costs 5 ms
        self._files: list[Path] = []

    def stamps(self) -> Stamps:
        """Each file with when it was changed last."""
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._files = [_file_of(self._app), *_beside(self._app).values()]
        found = {}
        for path in self._files:
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:  # an editor puts another in its place just now
                continue
        return found


def reloaded(reference: str, app: App) -> App:
    """Load the app anew, with what it imports from beside it. Raises DefinitionError."""
    beside = _beside(app)
    for file in beside.values():
        # Python takes its compiled copy for current if second and size are the same: not so for one who types fast.
        Path(cache_from_source(file)).unlink(missing_ok=True)
    before = {name: sys.modules.pop(name) for name in beside}
    try:
        return load_app(reference)
    except EverfreshError:
        sys.modules.update(before)
        raise


def _file_of(app: App) -> Path:
    place = (app.reference or "").rpartition(":")[0]
    module = sys.modules.get(place)
    return Path(getattr(module, "__file__", None) or place)


def _beside(app: App) -> dict[str, Path]:
    """The modules that lie in the app's folder or below it, but for everfresh's own and what is installed."""
    folder = _file_of(app).parent
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        ours = name.partition(".")[0] in {"everfresh", *OURS, "__main__"}
        if file and not ours and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
            found[name] = Path(file)
    return found
