"""Many seeds: what was played is kept for the code that played it, and told."""

import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.core.simulation.campaign import (
    THOUSAND,
    Thousand,
    Told,
    campaign,
    histograms,
    keep,
    kept,
    known,
    play,
    seeds_of,
    thousands,
)
from tests.core.simulation.kinds import WORK_MAX
from tests.core.simulation.scripts import script
from tests.core.simulation.state import ROOT, digest, modules

MAPPINGS = ("Same", "All", "Last", "Overlapping", "Matched")


def test_a_campaign_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    first = sorted(campaign(range(4), path))
    assert first == [play(seed) for seed in range(4)]
    path.write_bytes(path.read_bytes() + b"[4,3,")  # it was killed as it wrote
    before = path.read_bytes().splitlines()[:4]
    again = sorted(campaign(range(6), path))
    assert again[:4] == first
    assert [one.seed for one in again] == list(range(6))
    assert path.read_bytes().splitlines()[:4] == before
    assert sorted(known(path)) == again


def test_what_other_code_played_counts_for_nothing(tmp_path: Path) -> None:
    files = {
        "play.py": "from fold import apply",
        "fold/apply.py": "import fold.rule",
        "fold/rule.py": "",
        "page.py": "",
    }
    (tmp_path / "fold").mkdir()
    for file, text in {**files, "fold/__init__.py": ""}.items():
        (tmp_path / file).write_text(text)
    assert [*modules(tmp_path, "play")] == ["fold", "fold.apply", "fold.rule", "play"]
    names = [digest(tmp_path, "play")]
    for file, text in files.items():
        (tmp_path / file).write_text("# said otherwise\n" + text)
        names.append(digest(tmp_path, "play"))
    assert len(set(names[:4])) == 4
    assert names[4] == names[3]  # it neither plays nor judges


def test_a_state_names_all_code_of_ours_that_a_play_loads() -> None:
    code = (
        "import sys\n"
        "from tests.core.simulation.play import broken\n"
        "assert not any(map(broken, (500_000, 200_001, 180_001)))\n"
        "print(*(name for name in sys.modules if name.split('.')[0] in ('everfresh', 'reactors', 'streams', 'tests')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {*loaded.stdout.split()} - {"tests.core", "tests"} <= modules().keys()
    assert "reactors.apply" in loaded.stdout


def test_sessions_add_up_by_whole_thousands(tmp_path: Path) -> None:
    ledger = tmp_path / "played.jsonl"
    told = [Told(seed, seed % 21, 60, 9, ("rival",) if seed % 2 else (), ()) for seed in range(3_000, 5_500)]
    told[7] = told[7]._replace(broken=("values_are_right: 3: d/c1 is 4, from scratch 5",))
    found = thousands(reversed(told), "a")
    assert found == [Thousand("a", 3_000, 10, 60, 9, 500, (3_007,)), Thousand("a", 4_000, 10, 60, 9, 500, ())]
    assert keep(found, ledger) == kept(ledger) == found
    more = thousands(told[THOUSAND : 2 * THOUSAND], "b")
    assert keep(more, ledger) == kept(ledger) == [*found, *more]
    assert keep(found, ledger) == [*found, *more]


def test_a_range_of_seeds_is_said_by_its_ends_and_anything_else_is_refused() -> None:
    assert seeds_of("5:8") == range(5, 8)
    for wrong in ("", "abc", "5", "8:5", "5:5", "5:", "-1:5", "5:8:9"):
        with pytest.raises(ArgumentTypeError, match="is no range of seeds; write it like 500000:502000"):
            seeds_of(wrong)


def test_a_play_that_crashes_has_broken_something() -> None:
    assert play(100_000).broken == ()
    told = Told(1, 3, 0, 0, ("rival",), ("KeyError: 'd/c1'",))
    lines = list(histograms([told, Told(2, 9, 70, 40, (), ())]))
    assert lines[0] == "nodes: median 6, longest 9"
    assert "seeds with faults: 50%" in lines
    assert any(line.split()[:2] == ["64-127", "1"] for line in lines)
    assert not any(line.startswith("partitions") for line in lines)


def test_large_plays_are_as_large_as_a_proof_wants_them() -> None:
    told = [play(seed) for seed in range(100_000, 100_020)]
    assert sorted(one.nodes for one in told)[10] >= 10
    assert sorted(one.commits for one in told)[10] >= 50
    assert sum(bool(one.faults) for one in told) >= 6


def test_even_plays_are_as_large_and_none_of_them_takes_the_time_of_all() -> None:
    scripts = [script(seed) for seed in range(400_000, 400_400)]
    sizes = [sum(one.kind == "derived" for one in each.manifest.assets) for each in scripts]
    changes = [sum(step.kind == "publish" for step in each.steps) for each in scripts]
    assert sorted(sizes)[200] >= 10
    assert all(many <= 1 or many * size <= WORK_MAX for many, size in zip(changes, sizes, strict=True))
    assert sum(bool(each.faults) for each in scripts) >= 120
    told = [play(seed) for seed in range(400_000, 400_020)]
    assert sorted(one.commits for one in told)[10] >= 50
    assert not any(one.broken for one in told)


def test_brief_plays_are_as_large_as_a_proof_wants_them() -> None:
    scripts = [script(seed) for seed in range(500_000, 500_400)]
    sizes = [sum(one.kind == "derived" for one in each.manifest.assets) for each in scripts]
    assert sorted(sizes)[200] >= 10
    assert sum(bool(each.faults) for each in scripts) >= 120
    told = [play(seed) for seed in range(500_000, 500_030)]
    assert sorted(one.commits for one in told)[15] >= 50
    assert not any(one.broken for one in told)


def test_seeds_with_partitions_have_some_of_each_kind() -> None:
    scripts = [script(seed) for seed in range(200_000, 200_040)]
    kinds = {type(one.partitions).__name__ for each in scripts for one in each.manifest.assets}
    assert kinds == {"Windows", "Static", "Dynamic", "NoneType"}
    deps = [dep for each in scripts for one in each.manifest.assets for dep in one.deps]
    assert {type(dep.mapping).__name__ for dep in deps} == {*MAPPINGS, "NoneType"}
    steps = {step.kind for each in scripts for step in each.steps}
    assert {"publish", "deploy", "crash", "pause", "materialize", "backfill", "steer"} <= steps
    told = [play(seed) for seed in range(200_000, 200_005)]
    assert sum(one.partitions > 0 for one in told) >= 3
    assert any(line.startswith("partitions, where there are any: median") for line in histograms(told))


def test_seeds_from_before_partitions_have_none() -> None:
    for seed in (7, 20_000, 100_000, 199_999):
        assert all(one.partitions is None for one in script(seed).manifest.assets)
