"""The page of Python names: signatures and docstrings of all that is public."""

import inspect
import re
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Annotated, Any, get_args, get_origin, is_typeddict

import everfresh as ef
from everfresh.testing import World
from reactors.ports import Store

HEAD = """# Python

Every public name with its signature and what it promises. Written by `python -m tools.reference` from the code; don't
edit it. [Concepts](../concepts.md) says what the words mean, [policies](../policies.md) which promise to choose.

`import everfresh as ef` has all but the test world, which is `from everfresh.testing import World`. A duration
is text like `"5m"` or `"1h30m"`, a `timedelta`, or whole milliseconds. Where a signature says `= ...` there is a
default; the text names it.

"""

OURS = ("everfresh", "reactors", "streams", "sinks")
LINE_MAX = 100

_QUALIFIED = re.compile(r"\b(?:\w+\.)+(?=\w)")
_OPTIONAL = re.compile(r"^Optional\[(.*)\]$")
_SEE = re.compile(r"See (\w+)(?:\.(\w+))?[.;]")
_ELSEWHERE = {"Store": Store, "AsyncPublisher": ef.AsyncPublisher}
"""whose docstrings others point to"""


def page() -> str:
    """The whole page."""
    names = {name: getattr(ef, name) for name in ef.__all__}
    modules = {name: one for name, one in names.items() if isinstance(one, ModuleType)}
    own = {name: one for name, one in names.items() if name not in modules}
    sections = [_section(f"ef.{name}", name, one) for name, one in own.items()]
    for name, module in modules.items():
        sections.append(f"## ef.{name}\n\n{_told(module)}\n")
        sections += [_section(f"ef.{name}.{one}", one, found, "###") for one, found in _public(module)]
    sections.append(_section("everfresh.testing.World", "World", World))
    return HEAD + "\n".join(sections)


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """What a module defines itself, in its order."""
    for name, one in vars(module).items():
        is_own = getattr(one, "__module__", None) == module.__name__
        if is_own and not name.startswith("_") and isinstance(one, FunctionType | type):
            yield name, one


def _section(title: str, name: str, one: Any, level: str = "##") -> str:
    if not isinstance(one, type):
        return f"{level} {title}\n\n{_fenced(_signature(name, one))}\n{_told(one)}\n"
    if issubclass(one, Exception):
        return f"{level} {title}\n\n{_told(one)}\n"
    made = _fenced(f"class {name}:\n    {_signature('__init__', one)}")
    methods = [_method(name, *found) for found in _methods(one)]
    return "\n".join([f"{level} {title}\n\n{made}\n{_told(one)}\n", *methods])


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that we wrote, those of a base first."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.partition(".")[0] in OURS and not base.__module__.startswith("streams.def"):
            found |= {name: one for name, one in vars(base).items() if not name.startswith("_")}
    for name, one in found.items():
        if isinstance(one, FunctionType | classmethod | property):
            yield name, one


def _method(owner: str, name: str, one: Any) -> str:
    if isinstance(one, property):
        function = one.fget
        written = f"@property\n{_signature(name, function)}"
    else:
        function = one.__func__ if isinstance(one, classmethod) else one
        written = f"{'@classmethod' + chr(10) if isinstance(one, classmethod) else ''}{_signature(name, function)}"
    return f"### {owner}.{name}\n\n{_fenced(written)}\n{_told(function)}\n"


def _signature(name: str, one: Any) -> str:
    """A definition as a stub has it; options that a TypedDict lists are written out."""
    signature = inspect.signature(one)
    parameters = list(_parameters(signature))
    returns = "" if name == "__init__" else _returned(signature.return_annotation)
    kind = "async def" if inspect.iscoroutinefunction(one) else "def"
    line = f"{kind} {name}({', '.join(parameters)}){returns}: ..."
    if len(line) <= LINE_MAX:
        return line
    indent = "        " if name == "__init__" else "    "
    listed = "".join(f"{indent}{parameter},\n" for parameter in parameters)
    return f"{kind} {name}(\n{listed}{indent[4:]}){returns}: ..."


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    starred = False
    for one in signature.parameters.values():
        if one.name in {"self", "cls", "kind", "hours", "every_ms"}:
            continue  # the latter are how a policy is written down, not something to say
        if one.kind is one.VAR_KEYWORD and (options := _options(one.annotation)):
            yield from ([] if starred else ["*"]) + [f"{name}: {_named(kind)} = ..." for name, kind in options.items()]
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        starred = starred or one.kind is one.VAR_POSITIONAL
        prefix = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        annotation = "" if one.annotation is one.empty else f": {_named(one.annotation)}"
        default = "" if one.default is one.empty else f" = {_default(one.default)}"
        yield f"{prefix}{one.name}{annotation}{default}"


def _options(annotation: Any) -> dict[str, Any]:
    """The options that `**options: Unpack[…]` stands for."""
    (listed, *_) = get_args(annotation) or (None,)
    return inspect.get_annotations(listed) if is_typeddict(listed) else {}


def _named(annotation: Any) -> str:
    """A type without the modules that its names come from."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    is_class = isinstance(annotation, type) and get_origin(annotation) is None
    text = annotation.__name__ if is_class else str(annotation)
    return _OPTIONAL.sub(r"\1 | None", _QUALIFIED.sub("", re.sub('["~]', "", text)))


def _returned(annotation: Any) -> str:
    return "" if annotation is inspect.Signature.empty else f" -> {_named(annotation)}"


def _default(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | bool | tuple | None) else "..."


def _told(one: Any) -> str:
    """A docstring for a page: examples become code, and one that points to another's has that one's text."""
    text = inspect.getdoc(one) or ""
    see = _SEE.match(text)
    if see is not None and see[1] in _ELSEWHERE:
        there = getattr(_ELSEWHERE[see[1]], see[2] or one.__name__)
        text = (inspect.getdoc(there) or "") + text[see.end() :]
    return "\n\n".join(_paragraph(one) for one in text.split("\n\n"))


def _paragraph(text: str) -> str:
    if not text.startswith(">>>"):
        return text
    lines = []
    for line in text.splitlines():
        is_code = line.startswith((">>> ", "... "))
        lines.append(line[4:].partition("  # doctest:")[0] if is_code else f"# {line}")
    return _fenced("\n".join(lines)).strip()


def _fenced(text: str) -> str:
    return f"```python\n{text}\n```\n"
