"""What one asks of a shop that has come to rest: each command as it is typed, for people and with --json."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from everfresh.cli import main
from tests.checker.check import check, read
from tests.cli.shop import APP, COMMAND, Ran, Shop, surroundings

ESCAPE = "\x1b"


def columns(ran: Ran) -> dict[str, list[str]]:
    """The rows of a table by their first cell, each cut where two spaces stand."""
    return {line.split()[0]: [cell.strip() for cell in line.split("  ") if cell.strip()] for line in ran.lines}


def test_dev_prints_a_line_for_each_publication_and_failure(settled: tuple[Shop, Ran]) -> None:
    told = {tuple(line.split()[1:3]) for line in settled[1].lines}
    assert told == {
        ("run.ended", "shop/broken"),
        ("asset.quarantined", "shop/suspect"),
        ("asset.materialized", "shop/revenue"),
        ("asset.materialized", "shop/report"),
        ("alert.opened", "shop/broken"),
        ("alert.opened", "shop/suspect"),
    }


def test_dev_until_idle_ends_with_1_where_something_is_wrong_and_says_what(settled: tuple[Shop, Ran]) -> None:
    _, ran = settled
    assert ran.code == 1
    assert "shop/suspect is quarantined: version" in ran.err
    assert ran.err.splitlines()[-1] == "idle: 6 assets, 2 changes taken in"


def test_status_is_a_plain_table_in_a_pipe(shop: Shop) -> None:
    ran = shop.look("status")
    assert ran.lines[0].split() == ["asset", "verdict", "lag", "promise", "due", "version", "runs", "reason"]
    rows = columns(ran)
    assert rows["shop/orders"][:3] == ["shop/orders", "source", "b"]
    assert rows["shop/revenue"][1] == "fresh"
    assert rows["shop/report"][1:4] == ["fresh", "0s", "1s"]
    assert rows["shop/balance"][-1] == "not each of its inputs has a version yet"
    assert ESCAPE not in ran.out
    assert len({line.index(row[-1]) for line, row in zip(ran.lines, rows.values(), strict=True)}) == 1  # aligned


def test_status_gives_verdicts_to_machines(shop: Shop) -> None:
    rows = {row["asset"]: row for row in shop.look("status", "--json").json()}
    assert rows["shop/orders"].keys() == {"asset", "kind", "version", "uri", "changes", "changed_at", "reason"}
    verdicts = {key: row["verdict"] for key, row in rows.items() if row["kind"] == "derived"}
    assert verdicts == {
        "shop/revenue": "fresh",
        "shop/report": "fresh",
        "shop/broken": "failing",
        "shop/suspect": "quarantined",
        "shop/balance": "unknown",
        "shop/yearly": "stale",
    }
    assert rows["shop/report"]["promise_seconds"] == 1.0
    assert rows["shop/report"]["cut"]["shop/orders"] == 2


def test_it_is_told_where_a_value_lies(shop: Shop) -> None:
    rows = {row["asset"]: row for row in shop.look("status", "--json").json()}
    lies = rows["shop/revenue"]["uri"]
    assert lies.startswith((shop.folder / "store/shop/revenue").as_uri())
    assert orjson.loads(Path(lies.removeprefix("file://")).read_bytes()) == "of b"
    version = rows["shop/revenue"]["version"]
    assert (
        f"Its version {version} is right at shop/orders 2, and lies at {lies}." in shop.look("explain", "revenue").lines
    )
    assert rows["shop/orders"]["uri"] is None
    assert rows["shop/broken"]["uri"] is None
    assert not any("lies at" in line for line in shop.look("explain", "orders").lines)


def test_one_asset_may_be_named_short(shop: Shop) -> None:
    (row,) = shop.look("status", "revenue", "--json").json()
    assert (row["asset"], row["runs"]) == ("shop/revenue", 1)


def test_runs_say_how_each_attempt_ended_and_why_it_was_run(shop: Shop) -> None:
    runs = {run["asset"]: run for run in shop.look("runs", "--json").json()}
    outcomes = {key: run["outcome"] for key, run in runs.items()}
    assert outcomes == {
        "shop/broken": "failed",
        "shop/suspect": "quarantined",
        "shop/revenue": "materialized",
        "shop/report": "materialized",
    }
    assert runs["shop/revenue"]["reason"] == "eager: its inputs changed; new: code:shop/revenue 1, shop/orders 1-2"
    assert runs["shop/revenue"]["covers"]["shop/orders"] == [1, 2]


def test_runs_are_limited_to_the_newest_and_to_one_asset(shop: Shop) -> None:
    assert [run["asset"] for run in shop.look("runs", "--limit", "1", "--json").json()] == ["shop/report"]
    assert [line.split()[1] for line in shop.look("runs", "suspect").lines] == ["asset", "shop/suspect"]


def test_explain_says_what_it_is_what_it_waits_for_and_why_each_run_happened(shop: Shop) -> None:
    report = shop.look("explain", "report").lines
    assert report[0] == "shop/report is fresh: nothing changed since its cut."
    assert report[1] == "Its policy: within 1s."
    assert report[3] == "Its last run, and why:"
    (run,) = shop.look("runs", "report", "--json").json()
    assert f"  run {run['run']}, attempt 1, materialized in " in report[4]
    assert report[4].endswith(f": {run['reason']}")
    assert shop.look("explain", "balance").lines[-1] == "It can't run before 'shop/refunds' was published once."


def test_explain_of_a_source_says_who_reads_it(shop: Shop) -> None:
    said = shop.look("explain", "shop/orders").lines
    assert said[0] == "shop/orders is a source: it is published, nobody here computes it."
    assert said[1].startswith("It had 2 changes, the last ")
    assert said[2] == "It is read by shop/broken, shop/revenue, shop/suspect."
    assert shop.look("explain", "refunds", "--json").json()["sentences"][1] == "It had no change yet."


def test_events_are_cloudevents_a_line_each(shop: Shop) -> None:
    events = shop.look("events", "--json").jsonl()
    assert {event["specversion"] for event in events} == {"1.0"}
    types = {event["type"] for event in events}
    assert {f"everfresh.{name}.v1" for name in ("asset.materialized", "run.granted", "check.evaluated")} <= types
    assert "everfresh.asset.changed.v1" not in types
    assert "everfresh.asset.changed.v1" in {
        event["type"] for event in shop.look("events", "--json", "--journal").jsonl()
    }


@pytest.mark.parametrize("named", ["asset.materialized", "everfresh.asset.materialized.v1", "asset.mat*"])
def test_events_are_chosen_by_type(shop: Shop, named: str) -> None:
    lines = shop.look("events", named).lines
    assert [line.split()[1:3] for line in lines] == [
        ["asset.materialized", "shop/revenue"],
        ["asset.materialized", "shop/report"],
    ]


def test_events_since_an_offset_are_those_that_followed_from_it(shop: Shop) -> None:
    published = shop.look("events", "--json", "asset.materialized").jsonl()
    since = published[-1]["journaloffset"]
    later = shop.look("events", "--json", "--journal", "--since", since).jsonl()
    assert published[-1] in later
    assert published[0] not in later
    assert {event["type"] for event in later} >= {"everfresh.run.succeeded.v1"}


def test_an_export_satisfies_the_independent_checker(shop: Shop) -> None:
    records = [orjson.loads(line) for line in shop.look("events", "--export").lines]
    assert set(records[0]) == {"topic", "partition", "offset", "timestamp", "event"}
    report = check(read(records), quiet=True)
    assert report.violations == []
    assert report.counts["commits"] == 2


def test_replay_tells_each_decision_in_order_with_its_reason(shop: Shop) -> None:
    told = shop.look("replay", "--json").jsonl()
    offsets = [one["offset"] for one in told]
    assert offsets == sorted(offsets)
    assert (told[0]["kind"], told[0]["text"]) == ("deploy", "deploy 1: 8 assets")
    revenue = [(one["kind"], one["text"]) for one in told if one["assets"] == ["shop/revenue"]]
    assert [kind for kind, _ in revenue] == ["wave", "granted", "materialized"]
    assert revenue[0][1] == "begins: eager: its inputs changed"
    assert revenue[1][1].endswith("eager: its inputs changed; new: code:shop/revenue 1, shop/orders 1-2")


def test_replay_keeps_to_one_asset_and_up_to_an_offset(shop: Shop) -> None:
    lines = shop.look("replay", "--asset", "suspect").lines
    assert [line.split()[2] for line in lines] == ["deploy", "wave", "granted", "quarantined"]
    assert len(shop.look("replay", "--until", "0").lines) == 1


def test_replay_with_another_promise_sets_it_beside_what_was_recorded(shop: Shop) -> None:
    options = ("--with", 'suspect=Within("1h")', "--with", "shop/revenue=ef.OnDemand()")
    told = shop.look("replay", *options, "--json").json()
    assert set(told) == {"assets", "total", "changes"}
    rows = {row["asset"]: row for row in told["assets"]}
    assert rows["shop/suspect"]["policy"] == {"kind": "within", "lag_ms": 3_600_000}
    assert rows["shop/revenue"]["recorded"]["runs"] == 1
    assert rows["shop/suspect"]["with"]["runs"] == 0  # its hour isn't over
    assert rows["shop/suspect"]["declared"]["runs"] == rows["shop/suspect"]["recorded"]["runs"] == 1
    assert told["total"]["with"]["runs"] < told["total"]["declared"]["runs"]
    ran = shop.look("replay", *options, "--asset", "suspect")
    assert ran.lines[0].split()[:4] == ["asset", "promise", "ran", "runs"]
    row, total = ran.lines[1:]
    assert row.startswith("shop/suspect  eager → within 1h  1    1 → 0  ")
    assert total.startswith("all ")
    assert ran.err.splitlines()[-1].startswith("within 1h on shop/suspect and on demand on shop/revenue: ")


def test_replay_with_another_promise_writes_nothing(shop: Shop) -> None:
    before = shop.typed("events", "--export").out
    shop.typed("replay", "--with", 'report=Within("1h")')
    assert shop.typed("events", "--export").out == before


def test_the_doctor_finds_a_settled_shop_well(shop: Shop) -> None:
    found = shop.look("doctor", "--json").json()
    assert {one["subject"] for one in found} == {
        *("python", "sqlite", "packages", "log", "topics", "ingress"),
        *("shop", "shop reactor", "shop workers", "shop snapshot"),
    }
    snapshot = next(one["text"] for one in found if one["subject"] == "shop snapshot")
    assert snapshot.endswith(", equal to a refold of the journal")
    assert columns(shop.look("doctor"))["ok"]


def test_topics_are_checked(shop: Shop) -> None:
    assert shop.look("topics", "check").lines == ["all topics are there, and as they must be"]
    assert shop.look("topics", "check", "--json").json() == {"problems": []}


def test_a_graph_is_a_tree_in_which_nothing_is_told_twice(shop: Shop) -> None:
    assert shop.look("graph", "shop.py").lines == [
        "shop/orders  source, owner checkout",
        "├─ shop/broken  eager",
        "├─ shop/revenue  eager, takes 20ms, owner growth",
        "│  ├─ shop/report  within 1s, takes 20ms",
        "│  │  └─ shop/balance  within 1h",
        "│  └─ shop/yearly  manual",
        "└─ shop/suspect  eager, 1 check",
        "shop/refunds  source",
        "└─ shop/balance  … as above",
    ]


def test_a_graph_is_drawn_by_others_too(shop: Shop) -> None:
    mermaid = shop.look("graph", "shop.py", "--format", "mermaid").lines
    assert mermaid[:2] == ["flowchart LR", '  n0[("shop/orders<br/>source, owner checkout")]']
    assert "  n0 --> n3" in mermaid
    dot = shop.look("graph", "shop.py", "--format", "dot").lines
    assert (dot[0], dot[-1]) == ("digraph everfresh {", "}")
    assert '  "shop/revenue" -> "shop/report";' in dot


def test_a_graph_as_json_has_what_is_declared_and_who_reads_it(shop: Shop) -> None:
    graph = shop.look("graph", "shop.py", "--json").json()
    revenue = next(asset for asset in graph["assets"] if asset["key"] == "shop/revenue")
    assert (revenue["reads"], revenue["read_by"]) == (["shop/orders"], ["shop/report", "shop/yearly"])
    assert revenue["takes_ms"] == 20


def test_a_graph_names_what_nothing_will_ever_run(tmp_path: Path) -> None:
    app = "import everfresh as ef\napp = ef.App('shop')\nbefore = app.source('orders')\n"
    for name in ("clean", "totals"):
        app += f"before = app.command({name!r}, ['true'], deps=[before])\n"
    idle = Shop(tmp_path, app)
    ran = idle.typed("graph", "shop.py")
    assert ran.lines[1] == "└─ shop/clean  on demand, nothing needs it"
    assert ran.err == (
        "shop/clean, shop/totals never run by themselves: no promise is made of them or of what reads them; "
        "give one a promise, or run it with `everfresh materialize`\n"
    )
    assert idle.typed("graph", "shop.py", "--json").json()["unneeded"] == ["shop/clean", "shop/totals"]
    idle.app.write_text(app + "app.command('last', ['true'], deps=[before], freshness=ef.Within('5m'))\n")
    ran = idle.typed("graph", "shop.py", "--json")  # the way out is taken: a promise below is enough
    assert (ran.json()["unneeded"], ran.err) == ([], "")
    idle.app.write_text(app.replace("command('totals', ['true']", "command('totals', ['true'], freshness=ef.Manual()"))
    assert idle.typed("graph", "shop.py").err == (
        "shop/clean never runs by itself: no promise is made of it or of what reads it; "
        "give it a promise, or run it with `everfresh materialize`\n"
    )


def test_deploying_the_same_again_declares_nothing(shop: Shop) -> None:
    assert shop.look("deploy", "shop.py").lines == ["deploy 1 of 'shop' is in force already: 8 assets, nothing changed"]


def test_a_plan_says_what_would_change_recompute_and_not_be_kept_and_writes_nothing(own: Shop) -> None:
    changed = APP.replace('takes="20ms", owner="growth"', 'takes="20s", code_version="2"')
    own.app.write_text(changed.replace("async def yearly", "async def monthly"))
    before = own.typed("replay", "--json").out
    ran = own.typed("deploy", "shop.py", "--plan")
    assert ran.lines[:5] == [
        "deploy 2 of 'shop' would be: 8 assets (1 added, 1 changed, 1 removed)",
        "+ shop/monthly",
        "~ shop/revenue: takes, owner, code_version",
        "- shop/yearly",
        "will recompute shop/revenue, at once",
    ]
    plan = own.typed("deploy", "shop.py", "--plan", "--json").json()
    assert [one["asset"] for one in plan["recompute"]] == ["shop/revenue", "shop/report"]
    assert own.typed("replay", "--json").out == before


def test_a_promise_that_cannot_be_kept_is_named_with_its_figures(bare: Shop) -> None:
    bare.app.write_text(APP.replace('takes="20ms", owner="growth"', 'takes="20s", owner="growth"'))
    sentence = (
        "shop/report can't keep its promise of 1s: its path takes 20s, one run in flight may take 20s more; "
        "promise 40s20ms or more"
    )
    assert bare.typed("deploy", "shop.py", "--plan").lines[-1] == sentence
    plan = bare.typed("deploy", "shop.py", "--plan", "--json").json()
    assert plan["infeasible"] == [{"asset": "shop/report", "promise_seconds": 1.0, "needs_seconds": 40.02}]
    assert not (bare.folder / ".everfresh").exists()
    assert bare.ok("deploy", "shop.py").err.splitlines() == [sentence]


def test_a_reader_that_has_seen_enough_is_no_failure(shop: Shop) -> None:
    typed = " ".join(f"'{word}'" for word in (*COMMAND, "events", "--journal"))
    piped = f"set -o pipefail; {typed} | head -1"
    done = subprocess.run(
        ["bash", "-c", piped], cwd=shop.folder, env=surroundings(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


COMMANDS = (
    *(
        "dev",
        "deploy",
        "start",
        "publish",
        "run",
        "graph",
        "status",
        "runs",
        "explain",
        "materialize",
        "pause",
        "resume",
    ),
    *("release", "cancel", "events", "replay", "doctor", "topics create", "topics check", "schema export"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    helped = capsys.readouterr().out
    assert helped.partition("Example:\n")[2].strip().startswith(f"everfresh {command}")
    assert all(option in helped for option in ("--log URL", "--json", "--debug"))
    assert ESCAPE not in helped


def test_the_help_lists_every_command_and_is_what_one_sees_without_one(shop: Shop) -> None:
    helped = shop.ok("--help").out
    assert all(f"  {command.split()[0]} " in helped for command in COMMANDS)
    assert shop.ok().out == helped
    assert shop.ok("--version").out == "everfresh 0.1.0\n"


def loaded_by(shop: Shop, *arguments: str) -> set[str]:
    """The top-level modules that a command imports."""
    program = (
        "import sys\nfrom everfresh.cli import main\n"
        f"main({list(arguments)!r})\nprint('loaded', *{{name.partition('.')[0] for name in sys.modules}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=shop.folder, env=surroundings(), capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_and_publish_load_nothing_heavy(own: Shop) -> None:
    heavy = {"aiohttp", "aiokafka", "duckdb", "faust", "mode", "numpy", "pandas", "polars", "pyarrow"}
    assert loaded_by(own, "publish", "orders") & heavy == set()
    assert loaded_by(own, "--help") & (heavy | {"pydantic", "rich", "apsw", "asyncio"}) == set()
