"""Was each promise kept, and with how many runs more than any plan needs?"""

from collections.abc import Iterator
from itertools import pairwise

from examples.nycflights.verifier.story import Publication, Story

Step = tuple[float, float]
"""(moment, lag in seconds)"""


def born(story: Story, asset: str) -> float:
    """When each of its inputs had a version: before that nothing is promised."""
    return max(_first(story, one) for one in story.inputs(asset))


def _first(story: Story, key: str) -> float:
    if key in story.derived:
        return story.publications[key][0].at if story.publications[key] else float("inf")
    return story.commits[key][0] if story.commits[key] else float("inf")


def stale_since(story: Story, one: Publication) -> float | None:
    """The oldest commit that a publication's cut leaves out."""
    later = [story.commits[root][seq] for root, seq in one.cut.items() if len(story.commits[root]) > seq]
    return min(later, default=None)


def lags(story: Story, asset: str) -> Iterator[Step]:
    """How far behind its sources the asset was just before each publication, and right after it."""
    since: float | None = born(story, asset)
    for one in story.publications[asset]:
        yield one.at, max(0.0, one.at - since) if since is not None else 0.0
        since = stale_since(story, one)
        yield one.at, max(0.0, one.at - since) if since is not None else 0.0


def longest_lag(story: Story, asset: str) -> float:
    """In seconds; without end where it is still behind in the end."""
    published = story.publications[asset]
    if not published or stale_since(story, published[-1]) is not None:
        return float("inf")
    return max(lag for _, lag in lags(story, asset))


def goes_back(story: Story, asset: str) -> bool:
    """A cut named an older commit than the one before: that must never be."""
    cuts = [one.cut for one in story.publications[asset]]
    return any(after.get(root, 0) < seq for one, after in pairwise(cuts) for root, seq in one.items())


def lower_bound(story: Story, asset: str) -> int | None:
    """Runs of the asset that every plan needs which keeps the promises; None where no promise needs it.

    After a commit the asset must run within the tightest promise below it, less what the runs after it take. The
    fewest moments that meet all these spans, taken greedily by their ends, are a bound on any plan.
    """
    allowed = _allowed(story, asset)
    if allowed is None:
        return None
    start = born(story, asset)
    times = [
        max(at, start)
        for root in story.roots(asset)
        for at, news in zip(story.commits[root], story.news[root], strict=True)
        if news
    ]
    points, last = 0, float("-inf")
    for at in sorted(times):
        if at > last:
            points, last = points + 1, at + allowed
    return points


def _allowed(story: Story, asset: str) -> float | None:
    """Seconds from a commit to the end of the asset's run, at most."""
    found = []
    for target in story.derived:
        promise, after = story.promise(target), _after(story, asset, target)
        if promise is not None and after is not None:
            found.append(promise - after)
    return max(0.0, min(found)) if found else None


def _after(story: Story, asset: str, target: str) -> float | None:
    """The longest chain of runs after the asset's, down to the target's; None where it isn't above the target."""
    if asset == target:
        return 0.0
    below = [_after(story, asset, one) for one in story.inputs(target) if one in story.derived]
    known = [one for one in below if one is not None]
    return max(known) + story.duration(target) if known else None


def economy(stories: list[Story]) -> float:
    """Cost of the runs ÷ cost of the fewest that any plan needs, each weighed by its asset's mean duration."""
    spent = needed = 0.0
    for story in stories:
        for asset in story.derived:
            bound = lower_bound(story, asset)
            if bound is not None:
                spent += story.runs(asset) * story.duration(asset)
                needed += bound * story.duration(asset)
    return spent / needed if needed else 1.0


def one_run_per_change(stories: list[Story]) -> int:
    """How many runs it would have been, had each change set off a run of whatever is below it."""
    readers: dict[str, set[str]] = {}
    for story in stories:
        for asset in story.derived:
            for one in story.inputs(asset):
                readers.setdefault(one, set()).add(asset)
    total = 0
    for story in stories:
        for root, times in story.commits.items():
            if root in story.assets:
                total += len(times) * len(_below(root, readers))
    return total


def _below(key: str, readers: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    stack = [key]
    while stack:
        fresh = readers.get(stack.pop(), set()) - found
        found |= fresh
        stack += fresh
    return found
