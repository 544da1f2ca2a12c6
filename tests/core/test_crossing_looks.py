"""Observed sources across domains: what a look finds is handed on, and that it found nothing isn't."""

from everfresh.testing import World
from reactors.looks import FOUND_MAX
from streams.events import DomainDelivered
from streams.policies import Eager, Policy, Within
from tests.checker import check, read
from tests.checker.violation import Invariant
from tests.core.bridge import Bridge, domain
from tests.core.worlds import derived, observed, outcomes, said, source


def there_and_back(policy: Policy) -> tuple[Bridge, World]:
    """up/s is looked at; mid/y is made of it, and up/j of both."""
    up = domain("up", observed("up/s", Within("1m"), takes_ms=1_000), derived("up/j", "up/s", "mid/y", policy=policy))
    mid = domain("mid", derived("mid/y", "up/s", policy=Eager()))
    worlds = Bridge(up, mid)
    worlds.advance(90)
    return worlds, up


def test_a_look_that_finds_nothing_new_is_no_commit_elsewhere() -> None:
    up, down = domain("up", observed("up/s", Within("1m"))), domain("down", derived("down/x", "up/s", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.advance(600)
    assert len(up.runs("up/s")) > 5
    assert outcomes(down, "down/x") == ["materialized"]
    assert said(down, "asset.verified", "down/x") == []
    worlds.publish("up/s", "new")
    worlds.advance(90)
    assert outcomes(down, "down/x") == ["materialized"] * 2


def test_a_join_with_what_comes_back_agrees_on_what_the_looks_found() -> None:
    worlds, up = there_and_back(Within("2m"))
    for version in ("a", "b", "c"):
        worlds.publish("up/s", version)
        worlds.advance(300)
        assert up.state("up/j")["verdict"] == "fresh"
        newest = said(up, "asset.materialized", "up/j")[-1]
        assert newest["inputs"]["up/s"]["version"] == version
        assert up.domain is not None
        assert up.domain.state.nodes["up/j"].consistent


def test_the_checker_finds_out_by_itself_which_look_found_what_stands() -> None:
    worlds, up = there_and_back(Within("2m"))
    worlds.publish("up/s", "a")
    worlds.advance(300)
    records = up.exported()
    assert check(read(records)).violations == []
    for record in records:
        data = record["event"]["data"]
        if record["event"]["type"] == DomainDelivered.TYPE and data["asset"] == "mid/y":
            data["cut"]["look:up/s"] += 1
    assert {one.invariant for one in check(read(records)).violations} == {Invariant.INPUTS}


def test_a_join_with_what_comes_back_has_nobody_look_again_and_again() -> None:
    worlds, up = there_and_back(Eager())
    worlds.publish("up/s", "a")
    worlds.advance(1_800)
    assert up.state("up/j")["verdict"] == "fresh"
    assert len(up.runs("up/s")) < 45  # one a minute, and those that a change brings


def test_what_never_agrees_is_looked_at_as_seldom_as_ever() -> None:
    down = domain(
        "down",
        observed("down/s", Within("10m"), takes_ms=1_000),
        derived("down/j", "down/s", "o/x", "o/y", policy=Within("5m")),
        derived("down/k", "down/j", policy=Within("5m")),
        derived("down/l", "down/j", policy=Within("10m")),
    )
    worlds = Bridge(down, domain("o", source("o/x"), source("o/y")))
    for place, seq in (("o/x", 1), ("o/y", 2)):
        worlds.post(DomainDelivered(to="down", asset=place, version="v", cut={"o/s": seq}, incarnation="i", offset=seq))
    worlds.advance(3_600)
    assert len(down.runs("down/s")) < 40


class Torn:
    """down/c makes down/a and down/b of its own down/p and of o/x and o/y, which agree to begin with."""

    def __init__(self) -> None:
        self.down = domain(
            "down",
            derived("down/p", "o/q", policy=Eager()),
            derived("down/c", "down/p", "o/x", "o/y", outputs=("down/a", "down/b")),
            derived("down/a", "down/c", policy=Eager(), made_by="down/c"),
            derived("down/b", "down/c", policy=Eager(), made_by="down/c"),
        )
        self.worlds = Bridge(self.down, domain("o", source("o/q"), source("o/x"), source("o/y")))
        self.handed = 0
        for key in ("o/q", "o/x", "o/y"):
            self.hand(key, 1)
        assert self.down.state("down/a")["verdict"] == "fresh"

    def hand(self, key: str, seq: int) -> None:
        self.handed += 1
        cut = {"o/r" if key == "o/q" else "o/s": seq}
        said = DomainDelivered(to="down", asset=key, version=f"{seq}", cut=cut, incarnation="i", offset=self.handed)
        self.worlds.post(said)
        self.worlds.advance(1)

    def claimed(self) -> set[tuple[int, int]]:
        """At which deliveries of o/x and o/y down/a was said to be right."""
        told = [one for one in self.down.events("everfresh.asset.*") if one["asset"] == "down/a" and one["consistent"]]
        return {(one["cut"]["o/x"], one["cut"]["o/y"]) for one in told}


def test_an_output_that_was_paused_isnt_said_to_be_right_where_its_computation_never_was() -> None:
    torn = Torn()
    torn.down.command("pause", "down/a")
    torn.hand("o/x", 2)  # and o/y isn't there yet
    torn.down.command("resume", "down/a")
    torn.down.unchanged("down/p", 9)
    torn.hand("o/q", 2)
    assert torn.claimed() == {(1, 1)}


def test_an_output_that_was_paused_in_the_middle_of_a_run_claims_no_more_than_that() -> None:
    torn = Torn()
    torn.down.takes("down/c", "10s")
    torn.hand("o/x", 2)
    torn.down.command("pause", "down/a")
    torn.worlds.advance(15)
    torn.down.command("resume", "down/a")
    torn.worlds.advance(15)
    assert torn.claimed() == {(1, 1)}


def test_looks_that_no_cut_can_name_any_more_are_forgotten() -> None:
    up = domain("up", observed("up/s", Within("1m")), derived("up/x", "up/s", policy=Eager()))
    for number in range(3 * FOUND_MAX):
        up.publish("up/s", f"v{number}")
        up.advance("1m")
    assert up.domain is not None
    assert len(up.domain.state.found["up/s"]) <= FOUND_MAX
