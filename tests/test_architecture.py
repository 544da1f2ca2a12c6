"""The shape of the code: sizes, what may import what, what is committed.

import-linter guards the layers (pyproject.toml); here stands what it can't say. Each check is a function from source
text to complaints, tried on a bad sample first, so that none of them passes because it looks at nothing.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PURE_PACKAGES = ("streams", "reactors", "sinks")
PACKAGES = ("everfresh", *PURE_PACKAGES)

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PARAMETERS_MAX = 5

# Pure libraries: a value in, a value out. Everything else from outside belongs into io/.
PURE_LIBRARIES = {"annotated_types", "cronsim", "orjson", "pydantic", "pydantic_core", "typing_extensions"}
# Their parent modules are harmless, so import-linter, which knows whole packages only, can't forbid them.
IMPURE_PARTS = {"urllib.request", "urllib.robotparser", "uuid.uuid1", "uuid.uuid4"}
IMPURE_CALLS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
CLOCKS = {"now", "utcnow", "today"}

# What says nothing about what is in a file.
EMPTY_NAMES = {
    "base",
    "common",
    "core",
    "data",
    "helper",
    "helpers",
    "info",
    "manager",
    "misc",
    "process",
    "util",
    "utils",
}

# In two parts each, or this very file would name them.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("maven", "org"),
        ("repo.maven", "apache.org"),
        ("registry.npmjs", "org"),
        ("crates", "io"),
        ("proxy.golang", "org"),
        ("deb.debian", "org"),
    )
]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def too_long_a_file(source: str) -> list[str]:
    lines = len(source.splitlines())
    return [f"{lines} lines, at most {FILE_LINES_MAX}"] if lines > FILE_LINES_MAX else []


def too_long_functions(source: str) -> list[str]:
    return [
        f"{function.name} has {body_lines(function)} lines, at most {FUNCTION_LINES_MAX}"
        for function in functions(source)
        if body_lines(function) > FUNCTION_LINES_MAX
    ]


def too_many_parameters(source: str) -> list[str]:
    return [
        f"{function.name} takes {len(parameters(function))} parameters, at most {PARAMETERS_MAX}"
        for function in functions(source)
        if len(parameters(function)) > PARAMETERS_MAX
    ]


def parsed(source: str) -> ast.Module:
    """Twice, if need be: Debian's CPython 3.11.2 may lose count of its own depth in between (python/cpython#106905)."""
    try:
        return ast.parse(source)
    except SystemError:
        return ast.parse(source)


def functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(parsed(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: Function) -> int:
    """From `def` to the end; its docstring isn't counted, or good examples would be paid for in logic."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def parameters(function: Function) -> list[str]:
    """Positional and keyword ones, *args and **kwargs; not self or cls."""
    given = function.args
    listed = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [one.arg for one in listed if one is not None and one.arg not in {"self", "cls"}]


def impure(source: str, forbidden: set[str]) -> list[str]:
    """What a module outside io/ does that touches the world; `forbidden` are import-linter's modules."""
    tree = parsed(source)
    return [*impure_imports(tree, forbidden), *impure_calls(tree)]


def impure_imports(tree: ast.AST, forbidden: set[str]) -> Iterator[str]:
    for name in imported(tree):
        top = name.partition(".")[0]
        from_outside = top not in sys.stdlib_module_names and top not in PACKAGES
        if top in forbidden or name in IMPURE_PARTS or (from_outside and top not in PURE_LIBRARIES):
            yield f"imports {name}"


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module, and every name taken from one, as `module.name`; wherever in the file it is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def impure_calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, method = called.rpartition(".")
        if called in IMPURE_CALLS or (method in CLOCKS and owner.rpartition(".")[2] in {"datetime", "date"}):
            yield f"calls {called}()"


def registry_hosts(text: str) -> list[str]:
    return [f"names {host}" for host in REGISTRY_HOSTS if host in text.lower()]


def is_a_judge(path: Path) -> bool:
    """The checker of invariants, the lower bound of runs and the demo's verifier; a judge's own tests may use us."""
    folders = (Path("tests/checker"), Path("examples/nycflights/verifier"))
    return path == Path("bench/lower_bound.py") or (path.parent in folders and not path.name.startswith("test_"))


def ours(tree: ast.AST) -> list[str]:
    """What is imported of our packages."""
    return [f"imports {name}" for name in imported(tree) if name.partition(".")[0] in PACKAGES]


def strange_shape(package: Path) -> list[str]:
    """What is amiss with a top-level package's own folder."""
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    allowed = {"cli", "gateway", "console", "monitoring"} if package.name == "everfresh" else {"io"}
    wanted = (
        ["__init__.py", "py.typed"] if package.name == "everfresh" else ["__init__.py", "py.typed", "io/__init__.py"]
    )
    missing = [f"has no {name}" for name in wanted if not (package / name).is_file()]
    return [*missing, *(f"has a folder {name}/, which no rule knows" for name in sorted(folders - allowed))]


def committed() -> list[Path]:
    """What is in the repository or would be after `git add .`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in committed() if path.suffix == ".py"]


def outside_io() -> list[Path]:
    inside = [(path, path.relative_to(ROOT).parts) for path in python_files()]
    return [path for path, parts in inside if parts[0] in PURE_PACKAGES and "io" not in parts]


def forbidden_modules() -> set[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (pure,) = [contract for contract in contracts if contract["id"] == "pure"]
    return set(pure["forbidden_modules"])


def everywhere(check: Callable[[str], list[str]]) -> list[str]:
    return [one for path in python_files() for one in complaints(path, check(path.read_text()))]


def complaints(path: Path, found: list[str]) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {one}" for one in found]


def test_no_file_is_longer_than_400_lines() -> None:
    assert too_long_a_file("x = 1\n" * 401)
    assert not too_long_a_file("x = 1\n" * 400)
    assert everywhere(too_long_a_file) == []


def test_no_function_is_longer_than_50_lines() -> None:
    assert too_long_functions("async def f():\n" + "    x = 1\n" * 50)
    assert too_long_functions("class C:\n    def f(self):\n" + "        x = 1\n" * 50)
    assert not too_long_functions('def f():\n    """A\n\n    B\n    """\n' + "    x = 1\n" * 49)
    assert everywhere(too_long_functions) == []


def test_no_function_takes_more_than_five_parameters() -> None:
    assert too_many_parameters("def f(a, b, c, *, d, e, f): ...")
    assert too_many_parameters("def f(a, b, c, d, /, *e, **f): ...")
    assert not too_many_parameters("class C:\n    def f(self, a, b, c, *, d, e): ...")
    assert everywhere(too_many_parameters) == []


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "def f():\n    import time",
        "from os import path",
        "import urllib.request",
        "from urllib import request",
        "from uuid import uuid4",
        "import requests_but_newer",
        "import datetime\nnow = datetime.datetime.now()",
        "from datetime import date\nday = date.today()",
        "open('x')",
    ],
)
def test_the_purity_check_sees_what_touches_the_world(source: str) -> None:
    assert impure(source, forbidden_modules())


@pytest.mark.parametrize(
    "source",
    [
        "import hashlib, orjson, pydantic",
        "from urllib.parse import urlsplit",
        "from streams.events import Event",
        "def f(now):\n    return world.now(), log.open()",
    ],
)
def test_the_purity_check_lets_pure_code_be(source: str) -> None:
    assert not impure(source, forbidden_modules())


def test_outside_io_nothing_touches_the_world() -> None:
    files = outside_io()
    assert {path.relative_to(ROOT).parts[0] for path in files} == set(PURE_PACKAGES)
    assert [one for path in files for one in complaints(path, impure(path.read_text(), forbidden_modules()))] == []


@pytest.mark.parametrize(
    "source", ["import streams", "def f():\n    from reactors.graph import Graph", "import everfresh as ef"]
)
def test_the_check_of_judges_sees_what_is_ours(source: str) -> None:
    assert ours(ast.parse(source))


def test_what_judges_us_imports_nothing_of_ours() -> None:
    judges = [path for path in python_files() if is_a_judge(path.relative_to(ROOT))]
    assert {path.parent.name for path in judges} == {"checker", "bench", "verifier"}
    assert [one for path in judges for one in complaints(path, ours(parsed(path.read_text())))] == []


def test_each_package_has_its_shape(tmp_path: Path) -> None:
    (tmp_path / "streams" / "odds").mkdir(parents=True)
    assert len(strange_shape(tmp_path / "streams")) == 4
    assert [one for name in PACKAGES for one in complaints(ROOT / name, strange_shape(ROOT / name))] == []


def test_every_file_name_says_what_is_in_it() -> None:
    named = [path for path in python_files() if path.relative_to(ROOT).parts[0] in PACKAGES]
    assert [str(path.relative_to(ROOT)) for path in named if path.stem in EMPTY_NAMES] == []


def test_importing_everfresh_loads_nothing_heavy() -> None:
    heavy = {
        "aiohttp",
        "aiokafka",
        "apprise",
        "apsw",
        "duckdb",
        "faust",
        "mode",
        "numpy",
        "pandas",
        "polars",
        "psycopg",
    }
    heavy |= {"pyarrow", "smtplib"}
    assert "apsw" in loaded_by("import apsw")
    assert loaded_by("import everfresh") & heavy == set()


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `statement`."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_no_committed_file_names_a_package_registry() -> None:
    assert registry_hosts(f"index = {REGISTRY_HOSTS[0].upper()}/simple")
    read = [(path, path.read_bytes().decode(errors="replace")) for path in committed()]
    assert [one for path, text in read for one in complaints(path, registry_hosts(text))] == []


def test_dependencies_are_locked_in_requirements_and_nowhere_else() -> None:
    names = {str(path.relative_to(ROOT)) for path in committed()}
    assert {"requirements/uv.txt", "requirements/runtime.txt", "requirements/dev.txt"} <= names
    assert [name for name in names if Path(name).name in {"uv.lock", "poetry.lock", "Pipfile.lock"}] == []
