"""Finding an app: by file or by module, and every way in which that can go wrong, in one sentence."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from everfresh.loading import load_app
from streams.errors import DefinitionError

ROOT = Path(__file__).resolve().parents[2]

APP = "import everfresh as ef\napp = ef.App('shop')\n"
TWO = APP + "other = ef.App('finance')\n"


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_with_one_app_needs_no_name(tmp_path: Path) -> None:
    path = write(tmp_path, "pipeline.py", APP)
    app = load_app(str(path))
    assert (app.domain, app.reference) == ("shop", f"{path}:app")


def test_a_file_with_several_apps_needs_one(tmp_path: Path) -> None:
    path = write(tmp_path, "pipeline.py", TWO)
    assert load_app(f"{path}:other").domain == "finance"
    with pytest.raises(DefinitionError, match=f"holds several apps; say which: {path}:app, {path}:other"):
        load_app(str(path))


def test_an_app_under_two_names_is_still_one(tmp_path: Path) -> None:
    assert load_app(str(write(tmp_path, "pipeline.py", APP + "application = app\n"))).domain == "shop"


def test_a_relative_path_is_remembered_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "in/pipeline.py", APP)
    monkeypatch.chdir(tmp_path)
    app = load_app("in/pipeline.py")
    monkeypatch.chdir("/")
    assert load_app(app.reference or "").domain == "shop"


def test_a_module_is_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "acme_flows/__init__.py", "")
    write(tmp_path, "acme_flows/shop.py", TWO)
    monkeypatch.chdir(tmp_path)
    app = load_app("acme_flows.shop:app")
    assert app.reference == "acme_flows.shop:app"
    assert load_app(app.reference) is app


def test_the_apps_folder_comes_last_on_the_path_and_its_helpers_are_found(tmp_path: Path) -> None:
    write(tmp_path, "my_helpers.py", "NAME = 'shop'\n")
    write(tmp_path, "json.py", "raise RuntimeError('a file of mine hides the standard library')\n")
    path = write(
        tmp_path, "pipeline.py", "import json, my_helpers\nimport everfresh as ef\napp = ef.App(my_helpers.NAME)\n"
    )
    assert load_app(str(path)).domain == "shop"
    assert sys.path[-1] == str(tmp_path)


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = write(tmp_path, "pipeline.py", APP)
    load_app(str(path))
    path.write_text(APP.replace("shop", "finance"))
    assert load_app(str(path)).domain == "finance"


def test_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """Nor does a file called like a module of the standard library hide it."""
    one = write(tmp_path, "a/json.py", APP)
    other = write(tmp_path, "b/json.py", TWO)
    assert (load_app(str(one)).domain, load_app(f"{other}:other").domain) == ("shop", "finance")
    import json

    assert json.loads("1") == 1


def test_annotations_as_text_resolve_in_a_file(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nimport everfresh as ef\nimport polars as pl\napp = ef.App('shop')\n"
        "@app.asset(deps=['orders'])\ndef revenue(orders: pl.DataFrame) -> None: ...\n"
    )
    code = load_app(str(write(tmp_path, "pipeline.py", text))).code()
    assert code.recipes["shop/revenue"].takes["shop/orders"].wants.__name__ == "DataFrame"


def test_a_path_with_a_colon_in_it(tmp_path: Path) -> None:
    assert load_app(str(write(tmp_path, "c:d/pipeline.py", APP))).domain == "shop"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "{path} holds no app: write app = ef.App('name') in it"),
        (APP + "1 / 0\n", "{path}, line 3: ZeroDivisionError: division by zero"),
        (APP + "def f(:\n", "{path}, line 3: invalid syntax"),
        ("import not_there_at_all\n", "{path}, line 1: ModuleNotFoundError: No module named 'not_there_at_all'"),
        ("import sys\nsys.exit(3)\n", "{path}, line 2: SystemExit: 3"),
        (APP + "app.source('a b')\n", "{path}, line 3: asset 'shop/a b': key:"),
        (APP + "ef.Within('soon')\n", "{path}, line 3: Within('soon'): lag: 'soon' is no duration"),
        ("from . import x\n", "{path}, line 1: ImportError: attempted relative import with no known parent package"),
    ],
)
def test_a_file_that_cannot_be_an_app_says_where_and_why(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, "pipeline.py", text)
    with pytest.raises(DefinitionError) as raised:
        load_app(str(path))
    assert str(raised.value).startswith(said.format(path=path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("no/such.py", "there is no file 'no/such.py' to load an app from"),
        ("no_such.py", "there is no file 'no_such.py'"),
        ("no_such_module", "there is no module 'no_such_module' on Python's path or in "),
        ("everfresh.no_such", "there is no module 'everfresh.no_such'"),
        ("my-app", "'my-app' names no app: write path/to/file.py or package.module"),
        ("", "'' names no app"),
        ("everfresh.app:aqp", "everfresh.app holds no app called 'aqp'; it holds none"),
    ],
)
def test_a_reference_to_nothing_says_so(reference: str, said: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        load_app(reference)
    assert str(raised.value).startswith(said)


def test_a_name_that_is_not_there_is_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, "pipeline.py", TWO)
    with pytest.raises(DefinitionError, match=r"no app called 'ap' \(did you mean 'app'\?\); it holds 'app', 'other'"):
        load_app(f"{path}:ap")


@pytest.mark.parametrize("name", ["streams.py", "streams/__init__.py", "sinks/mine.py", "everfresh.py"])
def test_an_apps_own_streams_would_never_be_found_and_that_is_said(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, "")
    path = write(tmp_path, "pipeline.py", APP)
    with pytest.raises(DefinitionError) as raised:
        load_app(str(path))
    top = Path(name).parts[0]
    assert str(tmp_path / top) in str(raised.value)
    assert "rename yours" in str(raised.value)


def test_a_streams_folder_without_python_in_it_is_nobodys_business(tmp_path: Path) -> None:
    write(tmp_path, "streams/orders.csv", "1,2\n")
    assert load_app(str(write(tmp_path, "pipeline.py", APP))).domain == "shop"


# In a process of its own: what Python has in front of ours


@pytest.mark.parametrize("name", ["streams.py", "streams/__init__.py", "reactors/__init__.py"])
def test_another_streams_in_front_of_ours_is_named_and_nothing_else_is_printed(tmp_path: Path, name: str) -> None:
    shadow = write(tmp_path, name, "")
    run = subprocess.run(
        [sys.executable, "-c", "import everfresh"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    last = run.stderr.strip().splitlines()[-1]
    top = Path(name).parts[0].removesuffix(".py")
    assert last == (
        f"ImportError: {shadow} is in the way of everfresh's own package {top!r}: rename yours, "
        "or keep its folder off the front of Python's path"
    )


def test_a_folder_named_streams_without_a_package_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, "streams/orders.csv", "1,2\n")
    subprocess.run([sys.executable, "-c", "import everfresh"], cwd=tmp_path, check=True)


def test_a_warm_process_finds_the_app_and_ours_whatever_lies_in_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, "streams.py", "raise RuntimeError('not ours')")
    path = write(
        tmp_path, "app/pipeline.py", APP + "@app.asset(store=None)\ndef a():\n    return ef.Output(version='1')\n"
    )
    program = (
        "import asyncio, os, sys\n"
        "from everfresh.child import launch\n"
        "from reactors.io.executors.processes import ProcessExecutor\n"
        "from reactors.ports import Task\n"
        "async def main():\n"
        f"    executor = ProcessExecutor(launch({str(path)!r}), slots=1)\n"
        "    print(await executor.run(Task(run='1', asset='shop/a', attempt=1, code_version='1'), 60_000))\n"
        "    await executor.close()\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "version='1'" in run.stdout, run.stderr
