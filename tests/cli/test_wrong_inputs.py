"""What one gets for a wrong input: one sentence that says what is wrong and what would be right, and the exit code.

2 where what was typed can't be meant, 1 where it could and failed. Never a traceback, unless it is asked for.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.shop import Ran, Shop

HEAD = "import everfresh as ef\napp = ef.App('shop')\norders = app.source('orders')\n"
FILES = {
    "empty.py": "import everfresh as ef\n",
    "two.py": "import everfresh as ef\none, other = ef.App('one'), ef.App('other')\n",
    "raises.py": HEAD + "raise KeyError('warehouse')\n",
    "syntax.py": HEAD + "app.asset(\n",
    "cycle.py": HEAD
    + "".join(f"@app.asset(deps=['{read}'])\ndef {name}({read}): ...\n" for name, read in ("ab", "bc", "ca")),
    "unknown.py": HEAD + "@app.asset(deps=['ordrs'])\ndef revenue(ordrs): ...\n",
    "twice.py": HEAD + "app.source('orders')\n",
    "promise.py": HEAD + "@app.asset(deps=[orders], freshness=ef.Within('5 parsecs'))\ndef revenue(orders): ...\n",
    "bad.jsonl": '{"version": "1"}\n{"version": 2}\n',
}
LOG = "sqlite:.everfresh/log.db"
URLS = "write sqlite:///var/lib/everfresh/log.db, sqlite:.everfresh/log.db, kafka://host:9092,other:9092 or memory:"

WRONG: Mapping[str, tuple[int, str]] = {
    # an asset, a domain
    "status shop/revenu": (2, "nobody declares 'shop/revenu'; did you mean 'shop/revenue'?"),
    "explain reprot": (2, "nobody declares 'shop/reprot'; did you mean 'shop/report'?"),
    "runs shop/xyz": (
        2,
        (
            "nobody declares 'shop/xyz'; there are shop/balance, shop/broken, shop/orders, shop/refunds, shop/report, "
            "shop/revenue, shop/suspect, shop/yearly"
        ),
    ),
    "replay --asset revenu": (2, "nobody declares 'shop/revenu'; did you mean 'shop/revenue'?"),
    "replay --with revenue": (2, "--with 'revenue': write it as ASSET=POLICY, like 'revenue=Within(\"1h\")'"),
    "replay --with revenu=Eager()": (2, "nobody declares 'shop/revenu'; did you mean 'shop/revenue'?"),
    "replay --with orders=Eager()": (
        2,
        "'shop/orders' is a source: nobody here computes it, so nothing can be promised of it",
    ),
    "replay --with revenue=Within(5)+1": (
        2,
        (
            "--with 'revenue=Within(5)+1': 'Within(5)+1' makes no policy; write it as in code, like 'Within(\"1h\")'; "
            "there are Within, Eager, Cron, OnDemand, Manual, each with .only_between, .at_most_every, .ignore, "
            ".require, .on_code_change, .on_missing or .lookback behind it"
        ),
    ),
    "replay --with revenue=Within('soon')": (
        2,
        (
            "--with \"revenue=Within('soon')\": Within('soon'): lag: 'soon' is no duration; write it like '30s', '5m', "
            "'1h30m' or '250ms'"
        ),
    ),
    "replay --with revenue=Eager() --asset reprot": (2, "nobody declares 'shop/reprot'; did you mean 'shop/report'?"),
    "status shpo/revenue": (2, f"domain 'shpo' isn't deployed on {LOG}; did you mean 'shop'?"),
    "status --domain bank": (2, f"domain 'bank' isn't deployed on {LOG}; there is shop"),
    # a command
    "materialize revnue": (2, "nobody declares 'shop/revnue'; did you mean 'shop/revenue'?"),
    "pause orders": (2, "'shop/orders' is a source: nobody here computes it, so there is nothing to pause"),
    "resume report": (1, "'shop/report' isn't paused"),
    "release report": (1, "'shop/report' has no version that is held back, so there is nothing to release"),
    "cancel report": (1, "'shop/report' has no run in flight or waiting, so there is nothing to cancel"),
    # a change
    "publish": (2, "say which asset changed: everfresh publish shop/orders"),
    "publish ordres": (2, "nobody declares the source 'shop/ordres'; did you mean 'shop/orders'?"),
    "publish revenue": (
        2,
        "'shop/revenue' is computed, so it isn't published: `everfresh materialize shop/revenue` runs it",
    ),
    "publish orders --metadata [1]": (2, "--metadata is a JSON object like '{\"rows\": 3}', not [1]"),
    "publish orders --metadata {rows": (
        2,
        "--metadata is no JSON: unexpected character, expected a string key: line 1 column 2 (char 1)",
    ),
    "publish orders --data-time yesterday": (
        2,
        "change of 'shop/orders': data_time: 'yesterday' is no moment; write it like '2026-01-31T06:00:00Z'",
    ),
    "publish orders --no-check": (2, "'orders' is no asset key; publish needs the whole one, like 'shop/orders'"),
    "publish orders --from-jsonl nope.jsonl": (2, "nope.jsonl can't be read: No such file or directory"),
    "publish orders --from-jsonl .": (2, ". is a folder; name a file of changes, one a line"),
    "publish orders --from-jsonl bad.jsonl --count 3": (
        2,
        "with --from-jsonl each line says what changed; leave --count out",
    ),
    "publish orders --from-jsonl bad.jsonl": (
        1,
        (
            "bad.jsonl, line 2: change of 'shop/orders': 'version': Input should be a valid string; "
            "what stands before it is published: 1 change"
        ),
    ),
    # options and commands
    "publish orders --vrsion 3": (
        2,
        (
            "everfresh publish: no such option: --vrsion (Possible options: --json, --partition, --version); "
            "see `everfresh publish --help`"
        ),
    ),
    "publis orders": (2, "everfresh: no such command 'publis'; did you mean 'publish'? see `everfresh --help`"),
    "explain": (2, "everfresh explain: missing argument 'ASSET'; see `everfresh explain --help`"),
    "topics": (2, "everfresh topics: missing command; see `everfresh topics --help`"),
    "runs --limit 0": (
        2,
        (
            "everfresh runs: invalid value for '--limit': Input should be greater than or equal to 1; "
            "see `everfresh runs --help`"
        ),
    ),
    "graph shop.py --format svg": (
        2,
        (
            "everfresh graph: invalid value for '--format': 'svg' is not one of 'text', 'mermaid', 'dot', "
            "'json'; see `everfresh graph --help`"
        ),
    ),
    "events asset.materialised": (
        2,
        "no event is of type 'asset.materialised'; did you mean 'asset.materialized'?",
    ),
    "events asset.changed": (2, "asset.changed stands in the journal only; add --journal"),
    "start wroker": (2, "there is no role 'wroker'; did you mean 'worker'?"),
    "start worker": (2, "a worker runs an app's functions; say which: everfresh start worker --app shop.py"),
    # an app
    "graph absent.py": (2, "there is no file 'absent.py' to load an app from"),
    "graph shop.py:shp": (2, "{folder}/shop.py holds no app called 'shp'; it holds 'app'"),
    "graph empty.py": (2, "{folder}/empty.py holds no app: write app = ef.App('name') in it"),
    "graph two.py": (2, "{folder}/two.py holds several apps; say which: {folder}/two.py:one, {folder}/two.py:other"),
    "graph absent.module": (
        2,
        "there is no module 'absent' on Python's path or in {folder}; write path/to/file.py for an app in a file",
    ),
    "deploy raises.py": (1, "{folder}/raises.py, line 4: KeyError: 'warehouse'"),
    "deploy syntax.py": (1, "{folder}/syntax.py, line 4: '(' was never closed"),
    "deploy cycle.py": (1, "assets read each other in a circle: shop/c → shop/b → shop/a → shop/c; break it"),
    "dev cycle.py": (1, "assets read each other in a circle: shop/c → shop/b → shop/a → shop/c; break it"),
    "deploy unknown.py": (
        1,
        "asset 'shop/revenue' reads 'shop/ordrs', which nobody declares; did you mean 'shop/orders'?",
    ),
    "graph twice.py": (1, "{folder}/twice.py, line 4: two assets are called 'shop/orders'; rename one"),
    "graph promise.py": (
        1,
        (
            "{folder}/promise.py, line 4: Within('5 parsecs'): lag: '5 parsecs' is no duration; write it like '30s', "
            "'5m', '1h30m' or '250ms'"
        ),
    ),
    # a log
    "status --log sqlite:nowhere.db": (
        1,
        "there is no log at nowhere.db; `everfresh dev APP` or `everfresh deploy APP` makes one, --log names another",
    ),
    "status --log memry:": (2, f"log 'memry:' is of no known kind; {URLS}"),
    "status --log kafka://a:b:c": (2, f"log 'kafka://a:b:c': 'a:b:c' is no host:port; {URLS}"),
    "status --log kafka://127.0.0.1:9": (
        1,
        "Kafka at 127.0.0.1:9: connecting failed, it can't be reached; start it, or check the address, then try again",
    ),
    "status --log sqlite:shop.py": (
        1,
        "the log {folder}/shop.py is no SQLite database; name another file, or move this one away",
    ),
    "status --log memory:": (1, "nothing is deployed on memory:; do it with `everfresh deploy APP`"),
}


@pytest.fixture(scope="module")
def mistaken(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Ran]]:
    """Every wrong input typed in one copy of the shop."""
    folder = tmp_path_factory.mktemp("mistaken")
    shutil.copytree(shop.folder, folder, dirs_exist_ok=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    own = Shop(folder)
    ran = {typed: own.typed(*typed.split()) for typed in WRONG}
    return folder, ran


@pytest.mark.parametrize("typed", WRONG)
def test_a_wrong_input_ends_in_one_sentence(mistaken: tuple[Path, dict[str, Ran]], typed: str) -> None:
    folder, ran = mistaken
    code, sentence = WRONG[typed]
    assert ran[typed].err == sentence.replace("{folder}", str(folder)) + "\n"
    assert ran[typed].code == code


def test_nothing_to_look_at_makes_no_log(bare: Shop) -> None:
    for command in (["status"], ["publish", "shop/orders", "--no-check"], ["doctor"], ["topics", "check"]):
        ran = bare.typed(*command)
        assert ran.code == 1
        assert "there is no log at .everfresh/log.db; `everfresh dev APP`" in ran.err + ran.out
    assert not (bare.folder / ".everfresh").exists()


def test_what_makes_no_sense_makes_no_log_either(bare: Shop) -> None:
    bare.app.write_text(FILES["cycle.py"])
    assert bare.typed("deploy", "shop.py").code == 1
    assert bare.typed("dev", "shop.py").code == 1
    assert not (bare.folder / ".everfresh").exists()


def test_the_traceback_is_there_for_who_asks(bare: Shop) -> None:
    bare.app.write_text(FILES["raises.py"])
    ran = bare.typed("graph", "shop.py", "--debug")
    assert ran.err.startswith("Traceback (most recent call last):")
    assert ran.err.splitlines()[-1] == f"{bare.folder}/shop.py, line 4: KeyError: 'warehouse'"
    assert ran.code == 1


def test_a_wrong_setting_is_named_with_its_place(bare: Shop) -> None:
    ran = bare.typed("status", EVERFRESH_LEASE_MS="soon")
    assert ran.code == 2
    assert ran.err.startswith("setting 'lease_ms' is wrong: 'soon' is no duration; write it like '30s'")
    (bare.folder / "everfresh.toml").write_text("slots = 0\n")
    ran = bare.typed("status")
    assert (ran.code, ran.err.split(":")[0]) == (2, "setting 'slots' is wrong")


def test_a_name_from_outside_never_moves_the_cursor(own: Shop) -> None:
    own.typed("publish", "orders", "--version", "\x1b[31mred\nand more")
    listed = own.typed("events", "asset.changed", "--journal").out
    assert "\x1b" not in listed
    own.typed("pause", "revenue", "--reason", "\x1b[2Jgone")
    assert "paused by" in own.typed("status", "revenue").out
    assert "\\x1b[2Jgone" in own.typed("status", "revenue").out
