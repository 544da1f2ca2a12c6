"""The compiled graph: what is refused and in which words, what is above and below, without running anything."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactors.graph import Graph, compile_graph
from streams.definitions import CODE, AssetDef, Dep, Manifest
from streams.errors import DefinitionError
from streams.partitions import Last, Windows
from streams.policies import Eager, Manual, OnDemand, Policy, Within
from tests.core.worlds import derived, domain_of, skipping_diamond, source

CHAIN = 5_000


def refusal(*assets: AssetDef) -> str:
    with pytest.raises(DefinitionError) as refused:
        compile_graph(domain_of(*assets))
    return str(refused.value)


def long_chain(length: int, policy: Policy) -> Manifest:
    links = [derived("d/c0", "d/s")] + [derived(f"d/c{n}", f"d/c{n - 1}") for n in range(1, length)]
    links[-1] = links[-1].model_copy(update={"policy": policy})
    return domain_of(*reversed(links), source("d/s"))  # readers declared before what they read


def test_a_circle_is_refused_and_named_in_the_order_in_which_it_flows() -> None:
    circle = [derived("d/a", "d/s", "d/c"), derived("d/b", "d/a"), derived("d/c", "d/b"), derived("d/e", "d/c")]
    named = refusal(source("d/s"), *circle).split(": ")[1].split(";")[0].split(" → ")
    assert named[0] == named[-1]
    assert set(pairwise(named)) == {("d/a", "d/b"), ("d/b", "d/c"), ("d/c", "d/a")}


def test_an_asset_that_reads_itself_is_a_circle() -> None:
    assert "d/a → d/a" in refusal(source("d/s"), derived("d/a", "d/s", "d/a"))


def test_what_is_not_in_the_circle_is_not_blamed() -> None:
    said = refusal(source("d/s"), derived("d/good", "d/s"), derived("d/x", "d/y", "d/good"), derived("d/y", "d/x"))
    assert "good" not in said


def test_an_unknown_dep_is_refused_with_a_suggestion() -> None:
    said = refusal(source("d/orders"), derived("d/daily", "d/ordrs"))
    assert said == "asset 'd/daily' reads 'd/ordrs', which nobody declares; did you mean 'd/orders'?"


def test_an_unknown_dep_that_is_like_nothing_gets_advice_instead_of_a_wrong_guess() -> None:
    assert "declare it" in refusal(source("d/orders"), derived("d/daily", "d/zzzzzzz"))


def test_two_assets_of_one_name_are_refused() -> None:
    assert "'d/a' is declared twice" in refusal(source("d/a"), derived("d/a", "d/a"))


@pytest.mark.parametrize("has", ["other partitions", "a mapping"])
def test_an_output_whose_partitions_arent_its_computations_is_refused(has: str) -> None:
    days = Windows(unit="day", first="2026-01-01", tz="UTC")
    computation = derived("d/c", "d/s", outputs=("d/a",), partitions=days)
    last = Dep(asset="d/c", argument="run", mapping=Last(count=2) if has == "a mapping" else None)
    output = derived("d/a", made_by="d/c", partitions=days if has == "a mapping" else None)
    said = refusal(source("d/s", partitions=days), computation, output.model_copy(update={"deps": (last,)}))
    assert said.startswith("asset 'd/a' is an output of 'd/c': a run of that makes one partition of each")


def test_an_asset_of_another_domain_is_a_root() -> None:
    graph = compile_graph(domain_of(derived("d/a", "other/x")))
    assert graph.above("d/a") == ("code:d/a", "other/x")


def test_inputs_come_before_readers_however_they_are_declared() -> None:
    graph = compile_graph(long_chain(50, OnDemand()))
    assert graph.order == tuple(f"d/c{n}" for n in range(50))


def test_a_cut_names_the_sources_above_and_the_code_of_all_that_runs() -> None:
    graph = compile_graph(skipping_diamond(Within("5m")))
    assert graph.above("d/c2") == ("code:d/a", "code:d/c1", "code:d/c2", "d/s")
    assert graph.above("d/d") == ("code:d/a", "code:d/b", "code:d/c1", "code:d/c2", "code:d/d", "d/s")


def test_a_manual_asset_is_a_root_for_its_readers_and_hides_what_is_above_it() -> None:
    graph = compile_graph(domain_of(source("d/s"), derived("d/m", "d/s", policy=Manual()), derived("d/a", "d/m")))
    assert graph.above("d/a") == ("code:d/a", "d/m")
    assert graph.above("d/m") == ("code:d/m", "d/s")
    assert graph.below(["d/s"]) == ["d/m"]
    assert graph.below(["d/m"]) == ["d/a"]


def test_lineage_is_known_without_running_anything() -> None:
    graph = compile_graph(skipping_diamond(Within("5m")))
    assert graph.lineage("d/d") == ["d/a", "d/b", "d/c1", "d/c2", "d/s"]
    assert graph.below(["d/a"])[-1] == "d/d"
    assert set(graph.below(["d/a"])) == {"d/b", "d/c1", "d/c2", "d/d"}


def test_only_what_a_promise_needs_is_needed() -> None:
    graph = compile_graph(
        domain_of(
            source("d/s"),
            derived("d/a", "d/s"),
            derived("d/idle", "d/a"),
            derived("d/m", "d/a", policy=Manual()),
            derived("d/w", "d/a", "d/m", policy=Within("5m")),
            derived("d/e", "d/idle2", policy=Eager()),
            derived("d/idle2", "d/s"),
        )
    )
    assert graph.needed == {"d/a", "d/w", "d/e", "d/idle2"}
    assert graph.unneeded() == ["d/idle"]  # what is manual is meant to wait for a command


def test_a_chain_longer_than_pythons_stack_is_no_trouble() -> None:
    graph = compile_graph(long_chain(CHAIN, Within("5m")))
    assert len(graph.below(["d/s"])) == len(graph.needed) == CHAIN
    assert len(graph.lineage(f"d/c{CHAIN - 1}")) == CHAIN
    half_way = CHAIN // 2  # its cut alone has as many entries; those of all of them grow with the square
    assert len(graph.above(f"d/c{half_way - 1}")) == half_way + 1


def test_a_circle_longer_than_pythons_stack_is_named_and_no_crash() -> None:
    links = [derived(f"d/c{n}", f"d/c{(n - 1) % CHAIN}") for n in range(CHAIN)]
    assert refusal(*links).count("→") == CHAIN


@st.composite
def tangles(draw: st.DrawFn) -> Manifest:
    sources = [source(f"d/s{n}") for n in range(draw(st.integers(1, 3)))]
    known, assets = [one.key for one in sources], list(sources)
    for number in range(draw(st.integers(1, 12))):
        deps = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
        policies: list[Policy] = [OnDemand(), Manual(), Within("5m"), Eager()]
        policy = draw(st.sampled_from(policies))
        assets.append(derived(f"d/a{number}", *deps, policy=policy))
        known.append(f"d/a{number}")
    return domain_of(*draw(st.permutations(assets)))


def ancestors(graph: Graph, key: str) -> set[str]:
    """The roots above an asset, by the plainest recursion there is."""
    found = {CODE + key}
    for dep in graph.assets[key].deps:
        found |= {dep.asset} if dep.asset in graph.roots else ancestors(graph, dep.asset)
    return found


@given(tangles())
def test_above_and_below_are_never_anything_but_plain_reachability(manifest: Manifest) -> None:
    graph = compile_graph(manifest)
    for key in graph.order:
        assert set(graph.above(key)) == ancestors(graph, key)
        for root in graph.above(key):
            assert key in graph.below([root])
    for root in graph.roots:
        assert all(root in graph.above(key) for key in graph.below([root]))


@given(tangles())
def test_the_order_never_puts_a_reader_before_its_input(manifest: Manifest) -> None:
    graph = compile_graph(manifest)
    place = {key: number for number, key in enumerate(graph.order)}
    assert graph.rank == place
    for key in graph.order:
        assert all(place[dep.asset] < place[key] for dep in graph.assets[key].deps if dep.asset in place)


def test_a_dep_that_is_named_twice_is_read_once() -> None:
    twice = derived("d/a", "d/s").model_copy(
        update={"deps": (Dep(asset="d/s", argument="x"), Dep(asset="d/s", argument="y"))}
    )
    assert compile_graph(domain_of(source("d/s"), twice)).inputs["d/a"] == ("d/s", "code:d/a")
