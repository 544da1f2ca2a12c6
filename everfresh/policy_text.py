"""A policy as it stands in code, read from a text without running it."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from everfresh.policies import Cron, Eager, Within
from streams.errors import DefinitionError
from streams.policies import Manual, OnDemand, Policy

_MADE_BY: Mapping[str, Callable[..., Policy]] = {
    "Within": Within,
    "Eager": Eager,
    "Cron": Cron,
    "OnDemand": OnDemand,
    "Manual": Manual,
}
_ADDED_BY = ("only_between", "at_most_every", "ignore", "require", "on_code_change", "on_missing", "lookback")


def read_policy(text: str) -> Policy:
    """The policy that an expression makes, `ef.` before it or not.

    >>> read_policy('Within("1h").at_most_every("10m")')
    Within(hours=None, every_ms=600000, kind='within', lag_ms=3600000)

    Nothing but policies, what may be added to them, and literals is taken. Raises DefinitionError for anything else.
    """
    try:
        return _made(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        known = ", ".join(_MADE_BY)
        raise DefinitionError(
            f"{text!r} makes no policy; write it as in code, like 'Within(\"1h\")'; there are {known}, "
            f"each with .{', .'.join(_ADDED_BY[:-1])} or .{_ADDED_BY[-1]} behind it"
        ) from None


def _made(node: ast.expr) -> Policy:
    if not isinstance(node, ast.Call):
        raise ValueError(node)
    match node.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="ef" | "everfresh"), attr=name):
            make = _MADE_BY.get(name)
        case ast.Attribute(value=inner, attr=name) if name in _ADDED_BY:
            make = getattr(_made(inner), name)
        case _:
            make = None
    if make is None:
        raise ValueError(node)
    said: dict[str, Any] = {}
    for one in node.keywords:
        said[one.arg or ""] = ast.literal_eval(one.value)  # "" is no argument's name, so **… is refused
    return make(*(ast.literal_eval(one) for one in node.args), **said)
