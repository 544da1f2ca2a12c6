"""Mistakes as they are made: what was written and typed, the sentence and exit code one gets, and the way out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEAD = """import os, signal, time
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
orders = app.source("orders")
"""
ASSET = """@app.asset(deps=[orders], freshness=ef.Eager(), retry=ef.Retry(0){more})
def revenue(orders: ef.Input):
    {body}
"""
WORKS = HEAD + ASSET.format(more="", body="return 42")
CHECKED = "@app.check(revenue, blocking=True)\ndef is_positive(revenue):\n    return revenue > 0\n"

CHANGED = ("deploy shop.py", "publish shop/orders --version 1")
DEV = "dev shop.py --until-idle"
AGAIN = "mend what failed, then `everfresh materialize shop/revenue` tries it again; `everfresh dev` does it by itself"


def fails(body: str, why: str, more: str = "", mended: str = WORKS) -> "Mistake":
    """A function that fails; `dev` says so at its end, and tries it again once it is mended."""
    app = HEAD + ASSET.format(more=more, body=body)
    return Mistake(
        {"shop.py": app},
        CHANGED,
        DEV,
        1,
        f"shop/revenue is failing: run {{run}} failed: {why}; {AGAIN}",
        {"shop.py": mended},
        (DEV,),
    )


@dataclass(frozen=True)
class Mistake:
    """What was written and typed, what is answered, and the way out, which has to end well."""

    files: Mapping[str, str]  # by their names
    before: Sequence[str]
    typed: str
    code: int
    says: str  # a whole line; {folder} and {run} stand for what differs each time
    mended: Mapping[str, str | None]  # None: the file goes
    after: Sequence[str]


def declared(wrong: str, says: str, right: str, code: int = 1) -> Mistake:
    """An app that makes no sense: refused when it is deployed."""
    return Mistake(
        {"shop.py": HEAD + wrong}, (), "deploy shop.py", code, says, {"shop.py": HEAD + right}, ("deploy shop.py",)
    )


READS = "@app.asset(deps=['{0}'])\ndef {1}({0}): ...\n"
PROMISE = "@app.asset(deps=[orders], freshness=ef.Within('{0}'), takes='5s')\ndef revenue(orders): ...\n"

MISTAKES = {
    "a cyclic graph": declared(
        READS.format("b", "a") + READS.format("a", "b"),
        "assets read each other in a circle: shop/b → shop/a → shop/b; break it",
        READS.format("orders", "a") + READS.format("a", "b"),
    ),
    "an input nobody declares": declared(
        READS.format("ordrs", "revenue"),
        "asset 'shop/revenue' reads 'shop/ordrs', which nobody declares; did you mean 'shop/orders'?",
        READS.format("orders", "revenue"),
    ),
    "two assets of one name": declared(
        "app.source('orders')\n",
        "{folder}/shop.py, line 6: two assets are called 'shop/orders'; rename one",
        "app.source('refunds')\n",
    ),
    "a promise below its path": declared(
        PROMISE.format("2s"),
        (
            "shop/revenue can't keep its promise of 2s: its path takes 5s, one run in flight may take 5s more; "
            "promise 10s or more"
        ),
        PROMISE.format("10s"),
        code=0,
    ),
    "a duration that is none": declared(
        PROMISE.format("5 parsecs"),
        (
            "{folder}/shop.py, line 6: Within('5 parsecs'): lag: '5 parsecs' is no duration; write it like '30s', "
            "'5m', '1h30m' or '250ms'"
        ),
        PROMISE.format("1h30m"),
    ),
    "an argument of another name": declared(
        "@app.asset(deps=[orders])\ndef revenue(order): ...\n",
        (
            "{folder}/shop.py, line 6: asset 'shop/revenue' reads 'shop/orders' as 'orders', an argument that its "
            "function lacks (did you mean 'order'?); rename it, or say which one takes it: deps={argument: asset}"
        ),
        "@app.asset(deps={'order': orders})\ndef revenue(order): ...\n",
    ),
    "a syntax error": declared("app.asset(\n", "{folder}/shop.py, line 6: '(' was never closed", ""),
    "an app that raises while it is imported": declared(
        "raise KeyError('warehouse')\n", "{folder}/shop.py, line 6: KeyError: 'warehouse'", ""
    ),
    "no app in the file": Mistake(
        {"shop.py": "import everfresh as ef\n"},
        (),
        "deploy shop.py",
        2,
        "{folder}/shop.py holds no app: write app = ef.App('name') in it",
        {"shop.py": "import everfresh as ef\napp = ef.App('name')\n"},
        ("deploy shop.py",),
    ),
    "two apps in the file": Mistake(
        {"shop.py": HEAD + "other = ef.App('other')\n"},
        (),
        "deploy shop.py",
        2,
        "{folder}/shop.py holds several apps; say which: {folder}/shop.py:app, {folder}/shop.py:other",
        {},
        ("deploy shop.py:app", "deploy shop.py:other"),
    ),
    "no such file": Mistake(
        {"shop.py": WORKS},
        (),
        "deploy shp.py",
        2,
        "there is no file 'shp.py' to load an app from",
        {},
        ("deploy shop.py",),
    ),
    "a folder's own `streams`": Mistake(
        {"shop.py": WORKS, "streams.py": ""},
        (),
        "deploy shop.py",
        1,
        "{folder}/streams.py can't be imported beside everfresh, which has a 'streams' too: rename yours",
        {"streams.py": None, "flows.py": ""},
        ("deploy shop.py",),
    ),
    "compute that raises": fails(
        "raise ValueError('no such warehouse')", "ValueError: no such warehouse ({folder}/shop.py:8 in revenue)"
    ),
    "compute that hangs": fails("time.sleep(100)", "it ran for more than 300ms and was killed", ", timeout='300ms'"),
    "compute that returns nonsense": fails(
        "return object()",
        (
            "a JsonStore keeps what JSON can say; the value is of type object: make it a dict, list, text or "
            "number, or give the asset a ParquetStore (tables) or a FileStore (bytes)"
        ),
    ),
    "compute that returns nothing": fails(
        "pass",
        (
            "it returned None, and its store waits for a value: return one, or ef.Output(version=…) for what is "
            "kept elsewhere, or declare the asset with store=None"
        ),
        mended=HEAD + ASSET.format(more="", body="return ef.Output(version='1')"),
    ),
    "compute that returns what nobody keeps": fails(
        "return 42",
        (
            "it returned a value of type int, and no store keeps it: give the app or the asset a store, or return "
            "None or ef.Output(version=…) for what is kept elsewhere"
        ),
        ", store=None",
        HEAD + ASSET.format(more=", store=None", body="return None"),
    ),
    "compute that dies of SIGKILL": fails(
        "os.kill(os.getpid(), signal.SIGKILL)",
        "its process died of SIGKILL (killed by somebody, or for want of memory) in the middle of it",
    ),
    "compute that ends its process": fails("os._exit(3)", "its process ended with exit code 3 in the middle of it"),
    "compute that eats memory": fails(
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31)); return len(bytearray(2**33))",
        "MemoryError ({folder}/shop.py:8 in revenue)",
    ),
    "a value to load where there is none": Mistake(
        {"shop.py": (HEAD + ASSET).format(more="", body="return 42").replace("orders: ef.Input", "orders: list")},
        CHANGED,
        DEV,
        1,
        "shop/revenue is failing: run {run} failed: loading 'shop/orders': input 'shop/orders' has nothing to load: "
        "version '1' names no uri, and no load= reads it; annotate the argument as ef.Input to do without; " + AGAIN,
        {"shop.py": WORKS},
        (DEV,),
    ),
    "a version that a check holds back": Mistake(
        {"shop.py": HEAD + ASSET.format(more="", body="return -1") + CHECKED},
        CHANGED,
        DEV,
        1,
        (
            "shop/revenue is quarantined: version {run} is held back by check 'is_positive': fail; `everfresh "
            "release shop/revenue` lets that version through; a new version is judged anew"
        ),
        {},
        ("release shop/revenue", DEV),
    ),
    "a check that raises": Mistake(
        {"shop.py": WORKS + CHECKED.replace("revenue > 0", "revenue / 0")},
        CHANGED,
        DEV,
        1,
        (
            "shop/revenue is quarantined: version {run} is held back by check 'is_positive': error; `everfresh "
            "release shop/revenue` lets that version through; a new version is judged anew"
        ),
        {"shop.py": WORKS + CHECKED},
        (DEV,),
    ),
    "a change of what nobody declares": Mistake(
        {"shop.py": WORKS},
        ("deploy shop.py",),
        "publish shop/order",
        2,
        "nobody declares the source 'shop/order'; did you mean 'shop/orders'?",
        {},
        ("publish shop/orders",),
    ),
    "such a change, unchecked": Mistake(
        {"shop.py": WORKS},
        ("deploy shop.py", "publish shop/refunds --no-check", DEV),
        "dead-letters list",
        0,
        (
            "journal/shop/1  {time}  shop/refunds  0      change of 'shop/refunds': domain 'shop' declares no such "
            "source; deploy it first, or correct the name"
        ),
        {"shop.py": WORKS + "app.source('refunds')\n"},
        ("deploy shop.py", "dead-letters replay journal/shop/1", DEV),
    ),
    "a change of what is computed": Mistake(
        {"shop.py": WORKS},
        ("deploy shop.py",),
        "publish shop/revenue",
        2,
        "'shop/revenue' is computed, so it isn't published: `everfresh materialize shop/revenue` runs it",
        {},
        ("materialize shop/revenue",),
    ),
    "a change that is too large": Mistake(
        {"shop.py": WORKS, "many.jsonl": '{"metadata": {"rows": "' + "x" * 300_000 + '"}}\n'},
        ("deploy shop.py",),
        "publish orders --from-jsonl many.jsonl",
        1,
        (
            "many.jsonl, line 1: event everfresh.asset.changed.v1 of 'shop/orders' is {number} bytes, above "
            "262144; put what is large in a file and its address in `uri`; what stands before it is published: 0 "
            "changes"
        ),
        {"many.jsonl": '{"uri": "file:///rows"}\n'},
        ("publish orders --from-jsonl many.jsonl",),
    ),
    "a line that is no JSON": Mistake(
        {"shop.py": WORKS, "many.jsonl": '{"version": "1"}\nversion 2\n'},
        ("deploy shop.py",),
        "publish orders --from-jsonl many.jsonl",
        1,
        (
            "many.jsonl, line 2: it is no JSON: unexpected character, expected a JSON value: line 1 column 1 (char "
            "0); what stands before it is published: 1 change"
        ),
        {"many.jsonl": '{"version": "2"}\n'},
        ("publish orders --from-jsonl many.jsonl",),
    ),
    "a log that isn't there": Mistake(
        {"shop.py": WORKS},
        (),
        "status",
        1,
        (
            "there is no log at .everfresh/log.db; `everfresh dev APP` or `everfresh deploy APP` makes one, --log "
            "names another"
        ),
        {},
        ("deploy shop.py", "status"),
    ),
    "a file that is no log": Mistake(
        {"shop.py": WORKS, "notes.db": "not a database, not at all\n" * 100},
        (),
        "deploy shop.py --log sqlite:notes.db",
        1,
        "the log {folder}/notes.db is no SQLite database; name another file, or move this one away",
        {},
        ("deploy shop.py --log sqlite:other.db",),
    ),
    "a wrong setting": Mistake(
        {"shop.py": WORKS, "everfresh.toml": "lease_ms = 'soon'\n"},
        (),
        "deploy shop.py",
        2,
        (
            "setting 'lease_ms' is wrong: 'soon' is no duration; write it like '30s', '5m', '1h30m' or '250ms'; "
            "set it by EVERFRESH_LEASE_MS or in {folder}/everfresh.toml"
        ),
        {"everfresh.toml": "lease_ms = '30s'\n"},
        ("deploy shop.py",),
    ),
    "a worker without an app": Mistake(
        {"shop.py": WORKS},
        CHANGED,
        "start worker",
        2,
        "a worker runs an app's functions; say which: everfresh start worker --app shop.py",
        {},
        ("graph shop.py",),
    ),
    "a log for nobody": Mistake(
        {"shop.py": WORKS},
        (),
        "deploy shop.py --log kafka://127.0.0.1:9",
        1,
        (
            "Kafka at 127.0.0.1:9: connecting failed, it can't be reached; start it, or check the address, then "
            "try again"
        ),
        {},
        ("deploy shop.py",),
    ),
}
