"""Which argument of a function takes what: read from its signature once, when it is declared."""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Union, get_args, get_origin

from reactors.compute import Context, Input, Output
from streams.errors import DefinitionError

Function = Callable[..., Any]
CONTEXT = "ctx"
"""An argument of this name takes the Context, annotated or not."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a function: its name, and the type it asks for (None: whatever there is)."""

    name: str
    wants: Any = None

    @property
    def is_context(self) -> bool:
        return self.wants is Context or (self.wants is None and self.name == CONTEXT)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's arguments by name; `required` have no default, `open_ended` takes any other name too (**kwargs)."""

    arguments: Mapping[str, Argument]
    required: frozenset[str]
    open_ended: bool

    @property
    def context(self) -> Argument | None:
        """The argument that takes the Context, if one does."""
        return next((one for one in self.arguments.values() if one.is_context), None)


def signature_of(function: Function, subject: str) -> Signature:
    """Read a function's signature; `subject` names it in errors, like "asset 'shop/revenue'".

    Raises DefinitionError for an annotation that can't be resolved and for arguments that take no name.
    """
    arguments, required, open_ended = {}, set(), False
    for parameter in _signature(function, subject).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            open_ended = True
        elif parameter.kind is parameter.VAR_POSITIONAL or parameter.kind is parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"{subject}: its function takes {parameter.name!r} by position only; inputs are given by name"
            )
        else:
            arguments[parameter.name] = Argument(parameter.name, _wanted(parameter.annotation))
            if parameter.default is parameter.empty:
                required.add(parameter.name)
    return Signature(arguments, frozenset(required), open_ended)


def bound(signature: Signature, assets: Mapping[str, str], subject: str) -> dict[str, Argument]:
    """Asset → the argument that takes it, given `assets`: argument → asset.

    Raises DefinitionError where a dep names an argument that the function hasn't, or an argument is left empty.
    """
    for name, asset in assets.items():
        if name not in signature.arguments and not signature.open_ended:
            raise DefinitionError(
                f"{subject} reads {asset!r} as {name!r}, an argument that its function lacks{_near(name, signature)}; "
                "rename it, or say which one takes it: deps={argument: asset}"
            )
    empty = signature.required - set(assets) - ({signature.context.name} if signature.context else set())
    if empty:
        raise DefinitionError(
            f"{subject}: nothing fills the argument {_listed(empty)} of its function; name an asset for it in deps, "
            "or give it a default"
        )
    return {asset: signature.arguments.get(name, Argument(name)) for name, asset in assets.items()}


def asked(signature: Signature, subject: str) -> Argument:
    """The one argument of a check that takes the value. Raises DefinitionError unless there is exactly one."""
    asking = [one for name, one in signature.arguments.items() if not one.is_context and name in signature.required]
    if len(asking) != 1:
        raise DefinitionError(
            f"{subject}: its function takes {len(asking)} values ({_listed(one.name for one in asking) or 'none'}); "
            "a check takes the one it asks about, and an ef.Context if it wants"
        )
    return asking[0]


def is_data_type(wants: Any) -> bool:
    """Whether a store should be asked for this type, rather than for whatever it holds."""
    return not any(wants is one for one in (None, Input, Output, Context))


def of_each(wants: Any) -> Any:
    """What an argument asks of each partition where it takes a dict of several: T of `dict[str, T]`."""
    return _wanted(get_args(wants)[1]) if get_origin(wants) is dict else None


def _signature(function: Function, subject: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except NameError as error:
        raise DefinitionError(
            f"{subject}: an annotation of its function names {error.name!r}, which isn't there when the app is loaded; "
            "import it at the top of the module, not under TYPE_CHECKING"
        ) from None
    except (TypeError, ValueError, SyntaxError, AttributeError) as error:
        raise DefinitionError(f"{subject}: the signature of its function can't be read: {error}") from None


def _wanted(annotation: Any) -> Any:
    """The plain type behind `Annotated[T, …]` and `T | None`; None where there is nothing to go by."""
    if annotation is inspect.Parameter.empty or annotation is Any:
        return None
    if get_origin(annotation) is Annotated:
        return _wanted(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        plain = [one for one in get_args(annotation) if one is not type(None)]
        return _wanted(plain[0]) if len(plain) == 1 else None
    return annotation


def _near(name: str, signature: Signature) -> str:
    close = get_close_matches(name, signature.arguments, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
