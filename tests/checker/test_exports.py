"""Random right exports pass and spoilt ones don't; two exports are compared; the command line; what may be imported."""

import ast
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.checker import Invariant, check, read, same_outputs, same_publications, same_runs
from tests.checker.__main__ import main
from tests.checker.stories import broken, deps_of, random_story
from tests.checker.story import Json

HERE = Path(__file__).resolve().parent


def test_random_right_exports_pass() -> None:
    wrong = {seed: found for seed in range(300) if (found := broken(random_story(seed), quiet=True))}
    assert wrong == {}


def test_exports_in_any_order_with_repeats_say_the_same() -> None:
    for seed in range(50):
        story = random_story(seed)
        outputs = [one for one in story.records if "journal" not in one["topic"]]
        shuffled = story.records + outputs
        random.Random(seed).shuffle(shuffled)
        report = check(read(shuffled), quiet=True)
        assert (seed, report.violations) == (seed, [])
        assert report.counts["repeats"] == len(outputs)


@pytest.mark.parametrize("kind", ["run.succeeded", "run.granted", "asset.materialized", "asset.verified"])
def test_whatever_is_missing_is_missed(kind: str) -> None:
    tried = 0
    for seed in range(100):
        story = random_story(seed)
        found = [one for one in story.records if one["event"]["type"] == f"everfresh.{kind}.v1"]
        if found:
            tried += 1
            story.records.remove(random.Random(seed).choice(found))
            assert broken(story, quiet=True), seed
    assert tried > 80


def test_a_change_that_the_journal_lacks_is_missed() -> None:
    tried = 0
    for seed in range(100):
        story = random_story(seed)
        read_by_someone = {dep["asset"] for one in story.assets.values() for dep in deps_of(one)}
        changes = [one for one in story.records if one["event"]["type"] == "everfresh.asset.changed.v1"]
        heard = [one for one in changes if one["event"]["subject"] in read_by_someone]
        if heard:
            tried += 1
            story.records.remove(random.Random(seed).choice(heard))
            assert Invariant.ACCOUNTING in broken(story, quiet=True), seed
    assert tried > 80


def test_a_trace_of_2000_events_is_right_and_how_fast_that_is_seen() -> None:
    story = random_story(7, rounds=500)
    records = story.records
    assert sum("journal" in one["topic"] for one in records) >= 2_000
    spent = []
    for _ in range(3):
        begun = time.process_time()
        assert check(read(records), quiet=True).violations == []
        spent.append(time.process_time() - begun)
    print(f"{len(records)} records, {len(story.assets)} assets: {min(spent) * 1_000:.0f} ms")


def test_equal_exports_are_the_same_in_every_way() -> None:
    one, other = read(random_story(1).records), read(random_story(1).records)
    assert same_publications(one, other) == same_runs(one, other) == same_outputs(one, other) == []


def spoilt(change: Callable[[Json], Json], kind: str) -> list[Json]:
    records = random_story(1).records
    last = [one for one in records if one["event"]["type"] == f"everfresh.{kind}.v1"][-1]
    last["event"] = last["event"] | {"data": change(last["event"]["data"])}
    return records


def test_another_cut_is_another_publication() -> None:
    one = read(random_story(1).records)
    other = read(spoilt(lambda data: data | {"cut": {}}, "asset.materialized"))
    assert [found.invariant for found in same_publications(one, other)] == [Invariant.VARIANTS]
    assert [found.invariant for found in same_outputs(one, other)] == [Invariant.REPLAY]
    assert same_runs(one, other) == []


def test_an_output_that_only_one_has_is_told() -> None:
    records = random_story(1).records
    last = max(place for place, one in enumerate(records) if "materializations" in one["topic"])
    shorter = records[:last] + records[last + 1 :]
    (found,) = same_outputs(read(records), read(shorter))
    assert "only in the first" in found.text


def test_another_attempt_makes_other_runs() -> None:
    story = random_story(1)
    story.grant(next(key for key, one in story.assets.items() if one["kind"] == "derived"))
    assert [one.invariant for one in same_runs(read(random_story(1).records), read(story.records))] == [
        Invariant.REPLAY
    ]


def write(path: Path, records: list[Json]) -> str:
    path.write_bytes(b"\n".join(orjson.dumps(one) for one in records))
    return str(path)


def test_the_command_line_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    story = random_story(1)
    right = write(tmp_path / "right.jsonl", story.records)
    assert main([right, "--quiet"]) == 0
    acked = write(tmp_path / "acked.jsonl", [{"source": "shop", "id": "7", "asset": "d/s0"}])
    assert main([right, "--acked", acked]) == 1
    printed = capsys.readouterr().out
    assert '"runs":' in printed
    assert "[0 accounting] d/s0: the acked change '7' of 'shop' is not in the journal" in printed


def test_the_command_line_refuses_to_check_nothing(tmp_path: Path) -> None:
    assert main([write(tmp_path / "empty.jsonl", [])]) == 2
    assert main([write(tmp_path / "idle.jsonl", random_story(1).records[:2])]) == 2
    assert main([str(tmp_path / "missing.jsonl")]) == 2
    (tmp_path / "torn.jsonl").write_text('{"topic": ')
    assert main([str(tmp_path / "torn.jsonl")]) == 2


def test_two_domains_are_refused() -> None:
    records = random_story(1).records
    with pytest.raises(ValueError, match="one domain at a time"):
        read([*records, records[0] | {"topic": "everfresh.journal.v1.other"}])


def foreign_imports(text: str) -> set[str]:
    """The top-level modules that a file imports, wherever in it, that the checker may not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    allowed = sys.stdlib_module_names | {"orjson"}
    return {name for name in names if name.partition(".")[0] not in allowed and not name.startswith("tests.checker")}


def test_the_checker_shares_no_code_with_the_product() -> None:
    assert foreign_imports("def f():\n    from streams.events import Event") == {"streams.events"}
    assert foreign_imports("import everfresh.testing, orjson") == {"everfresh.testing"}
    assert foreign_imports("import importlib\nfrom tests.core import x") == {"tests.core"}
    files = sorted(HERE.glob("*.py"))
    assert len(files) > 10
    assert {path.name: found for path in files if (found := foreign_imports(path.read_text()) - {"pytest"})} == {}
