"""What an app hands back for what was declared: it has a key, so that others can name it in `deps`."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Declared:
    """An asset of an app, by its key `domain/name`."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.key}>"


class Source(Declared):
    """An asset that nobody here computes."""


class Made(Declared):
    """An asset that a computation makes, with others."""


class Several(Declared):
    """What makes several assets in one run: `split["daily"]` is one of them, to be named in deps or checked."""

    def __init__(self, key: str, outputs: Mapping[str, str]) -> None:
        super().__init__(key)
        self.outputs = {name: Made(output) for name, output in outputs.items()}

    def __getitem__(self, name: str) -> Made:
        """One of its assets, by its short name. Raises KeyError with those there are."""
        if name not in self.outputs:
            raise KeyError(f"{self.key!r} makes no {name!r}; it makes {', '.join(self.outputs)}")
        return self.outputs[name]


class Command(Several):
    """An asset that a program makes, or several of them."""


class Wrapped(Generic[P, R]):
    """A function that stays what it is: called with plain arguments it is just that."""

    __name__: str

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself: no store, no checks, no run."""
        return self.function(*args, **kwargs)


class Asset(Declared, Wrapped[P, R]):
    """An asset that a function computes; called with plain arguments it is that function."""

    def __init__(self, key: str, function: Callable[P, R]) -> None:
        Declared.__init__(self, key)
        Wrapped.__init__(self, function)


class Computation(Several, Wrapped[P, R]):
    """A function that computes several assets; called with plain arguments it is that function."""

    def __init__(self, key: str, outputs: Mapping[str, str], function: Callable[P, R]) -> None:
        Several.__init__(self, key, outputs)
        Wrapped.__init__(self, function)
