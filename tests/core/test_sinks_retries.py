"""When a delivery is tried again, and which position may be committed meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.retries import Retries, Tried, gave_up
from sinks.window import Window

dice = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), dice)
def test_back_off_doubles_with_jitter_up_to_its_longest(failures: int, thrown: float) -> None:
    retries = Retries(first_ms=100, longest_ms=5_000, patience_ms=10**9)
    wait = retries.wait_ms(Tried(failures, 0, 0), thrown)
    step = min(100 * 2 ** (failures - 1), 5_000)
    assert wait is not None
    assert step / 2 <= wait <= step


@given(st.lists(st.tuples(dice, st.integers(0, 10**7)), min_size=30, max_size=30), st.integers(1, 3_600_000))
def test_no_event_is_tried_beyond_its_patience(throws: list[tuple[float, int]], patience: int) -> None:
    retries, elapsed = Retries(patience_ms=patience, longest_ms=max(200, patience // 10)), 0
    for failures, (thrown, asked) in enumerate(throws, 1):
        wait = retries.wait_ms(Tried(failures, 0, elapsed, asked), thrown)
        if wait is None:
            break
        elapsed += wait
        assert 0 < elapsed <= patience


def test_an_outage_costs_an_event_none_of_its_attempts() -> None:
    retries = Retries(attempts=3)
    assert retries.wait_ms(Tried(failures=50, blamed=0, elapsed_ms=60_000), 0.0) is not None
    assert retries.wait_ms(Tried(failures=3, blamed=3, elapsed_ms=1_000), 0.0) is None


def test_what_the_destination_asked_for_is_waited_for_but_not_beyond_patience() -> None:
    retries = Retries(patience_ms=60_000)
    assert retries.wait_ms(Tried(1, 0, 0, asked_ms=20_000), 0.0) == 20_000
    assert retries.wait_ms(Tried(1, 0, 50_000, asked_ms=20_000), 0.0) == 10_000


def test_giving_up_says_how_hard_it_was_tried() -> None:
    assert gave_up(Tried(1, 1, 250), "HTTP 500") == "gave up after 1 try in 0.25s: HTTP 500"


@given(st.permutations(range(12)), st.sets(st.integers(0, 40), min_size=12, max_size=12))
def test_a_position_never_passes_an_unfinished_entry(order: list[int], offsets: set[int]) -> None:
    place, listed, window, position = ("t", 0), sorted(offsets), Window(), -1
    for offset in listed:
        assert window.begin(place, offset)
    unfinished = set(listed)
    for at in order:
        window.finish(place, listed[at])
        unfinished.discard(listed[at])
        position = window.moved().get(place, position)
        assert position == min(unfinished, default=listed[-1] + 1)
        assert window.unfinished == len(unfinished)
    assert window.span == 0
    assert not window.owes


def test_an_entry_that_a_rebalance_brings_again_isnt_begun_again() -> None:
    window = Window()
    assert window.begin(("t", 0), 5)
    assert not window.begin(("t", 0), 5)
    assert window.begin(("t", 1), 5)
    window.drop(("t", 0))
    assert window.begin(("t", 0), 5)
    assert window.places == {("t", 0), ("t", 1)}
