"""What an app hands back for what was declared: it has a key, so that others can name it in `deps`."""

from collections.abc import Callable
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


class Command(Declared):
    """An asset that a program makes."""


class Asset(Declared, Generic[P, R]):
    """An asset that a function computes; called with plain arguments it is that function."""

    __name__: str

    def __init__(self, key: str, function: Callable[P, R]) -> None:
        super().__init__(key)
        self.function = function
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself: no store, no checks, no run."""
        return self.function(*args, **kwargs)
