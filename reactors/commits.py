"""Changes become commits, and commits mark what is now stale. The hot path of the fold."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from reactors.crossing import address_of, deliver, is_repeat, is_the_same
from reactors.domain import Domain
from reactors.growth import grow, root_of
from reactors.looks import note_found
from reactors.marking import first_version, mark
from reactors.news import PARTITION
from reactors.silence import heard
from reactors.state import Commit, Node, Root
from streams.cloudevents import TEXT_MAX, Envelope
from streams.errors import BadEvent
from streams.events import DomainDelivered
from streams.keys import node_key
from streams.partitions import wrong_partition

DAY_MS = 86_400_000
DENSE = 8_192
"""journal entries: younger commits are never thinned out, since a proposal may be based on any of these offsets"""

_TRIM_AT = 64
"""commits kept of a root before it is worth looking for what can go"""

_EXTRAS = frozenset(("uri", "format", "metadata", "data_time", "count"))


def _is_no_text(value: Any) -> str | None:
    fits = value is None or (isinstance(value, str) and len(value) <= TEXT_MAX)
    return None if fits else f"must be a text of at most {TEXT_MAX} characters"


def _is_no_object(value: Any) -> str | None:
    return None if value is None or isinstance(value, dict) else "must be a JSON object"


def _is_no_count(value: Any) -> str | None:
    return None if value is None or type(value) is int else "must be a whole number"


def _is_fine(_value: Any) -> None:
    return None


_TEXTS = frozenset(("version", "fingerprint", "uri", "format", "data_time"))

_WRONG: dict[str, Callable[[Any], str | None]] = {
    **dict.fromkeys(_TEXTS, _is_no_text),
    "count": _is_no_count,
    "metadata": _is_no_object,
}
"""field of a change → what is wrong with a value of it; unlike pydantic it costs nothing for what isn't there"""


class News(NamedTuple):
    """What a commit says of itself: `extra` is its uri, format, metadata and the like, as far as somebody told."""

    version: str | None
    fingerprint: str | None
    extra: dict[str, Any] | None = None


def change(domain: Domain, event: Envelope) -> None:
    """Fold one change. Raises BadEvent when it can't count; a repeat or an equal version changes nothing."""
    state = domain.state
    data = event["data"]
    key = event.get("subject")
    root = state.roots.get(key)  # type: ignore[arg-type]
    if root is None or key not in domain.graph.sources:
        raise BadEvent(not_a_source(domain, "change", key))
    for name, value in data.items():
        if name in _TEXTS and type(value) is str and len(value) <= TEXT_MAX:
            continue  # nearly always
        wrong = _WRONG.get(name, _is_fine)(value)
        if wrong:
            raise BadEvent(f"change of {key!r}: {name!r} {wrong}")
    partition = partition_named(domain, key, data.get("partition"), "change")
    if was_taken_in(domain, event):
        return
    state.changes += 1
    if domain.graph.expected:
        heard(domain, root)
    version = data.get("version") or event["id"]
    fingerprint = data.get("fingerprint")
    touched = state.roots.get(node_key(root.key, partition)) if partition else root
    if touched is not None and touched.commits:
        last = touched.commits[-1]
        if last.version == version and last.fingerprint == fingerprint:
            return
    extra = None if _EXTRAS.isdisjoint(data) else {name: value for name, value in data.items() if name in _EXTRAS}
    commit(domain, root, News(version, fingerprint, extra), partition)


def partition_named(domain: Domain, key: str, said: Any, what: str) -> str:
    """The partition that is spoken of. Raises BadEvent where the asset has no such one, or one must be named."""
    parts = domain.graph.partitioned.get(key) if domain.graph.partitioned else None
    wrong = wrong_partition(parts, said)
    if wrong is not None:
        raise BadEvent(f"{what} of {key!r}: {wrong}")
    return said or ""


def not_a_source(domain: Domain, what: str, key: Any) -> str:
    """Why nothing can be said of the asset from outside."""
    if key in domain.graph.observed:
        return f"{what} of {key!r}: it is looked at by observe=, and not published; take that away, or `materialize` it"
    if key in domain.graph.assets:
        return f"{what} of {key!r}: it is computed here, so only its runs may publish it"
    return f"{what} of {key!r}: domain {domain.name!r} declares no such source; deploy it first, or correct the name"


def was_taken_in(domain: Domain, event: Envelope) -> bool:
    """Whether it was taken in before; from now on it was. Raises BadEvent for an origin that is none."""
    state = domain.state
    origin = event.get("origin")
    if origin is not None:
        place, offset = _place(event)
        if offset <= state.origins.get(place, -1):
            return True
        state.origins[place] = offset
    if state.now - state.seen_from >= DAY_MS:
        state.seen_before = state.seen if state.now - state.seen_from < 2 * DAY_MS else {}
        state.seen, state.seen_from = {}, state.now
    name = f"{event['source']} {event['id']}"
    if name in state.seen or name in state.seen_before:
        return True
    state.seen[name] = None
    return False


def _place(event: Envelope) -> tuple[str, int]:
    try:
        place, _, offset = event["origin"].rpartition("/")
        if offset.isdecimal():
            return place, int(offset)
    except (AttributeError, ValueError):
        pass  # no text, or too many digits
    said = f"of {event.get('subject')!r}"
    raise BadEvent(f"what was said {said}: 'origin' must be topic/partition/offset, as the ingress writes it")


def commit(domain: Domain, root: Root, news: News, partition: str = "") -> None:
    """Append a commit to a root at the entry being folded, and mark what reads it, or its partition."""
    roots = domain.state.roots
    touched = [root.key, node_key(root.key, partition)] if partition else [root.key]
    known = [key in roots and roots[key].exists for key in touched]
    append(domain, root, news, partition)
    for key, was_there in zip(touched, known, strict=True):
        grow(domain, key)
        if was_there:
            mark(domain, key)
        else:
            first_version(domain, roots[key])


def append(domain: Domain, root: Root, news: News, partition: str = "") -> None:
    """Append a commit without marking; a deploy marks once for all of them. A partition's counts like its source's."""
    state = domain.state
    state.commits += 1
    root.seq += 1
    new = Commit(root.seq, state.offset, state.now, *news)
    # To who reads all partitions each change is new: that two of them hold the same says nothing of the whole.
    whole = new._replace(fingerprint=f"#{root.seq}", extra={**(new.extra or {}), PARTITION: partition})
    _take(domain, root, whole if partition else new)
    if partition:
        part = root_of(domain, node_key(root.key, partition))
        part.seq = root.seq
        _take(domain, part, new)
    if domain.subscribers:
        deliver(domain, root.key)


def _take(domain: Domain, root: Root, new: Commit) -> None:
    if not root.exists:
        root.exists, root.born_at, root.born = True, new.offset, new.time
    root.commits.append(new)
    if len(root.commits) > root.trim_at:
        _trim(domain, root)


def delivered(domain: Domain, said: DomainDelivered) -> None:
    """Another domain published what is read here: a commit for its readers, once."""
    root = domain.state.roots.get(said.asset)
    if root is not None and said.partition:
        raise BadEvent(
            f"delivery of {node_key(said.asset, said.partition)!r}: what has partitions isn't read by another domain; "
            "have its own domain make one asset of them, and read that"
        )
    if root is None or said.asset not in domain.graph.foreign or is_repeat(root, said):
        return
    root.incarnation, root.delivered = said.incarnation, said.offset
    if is_the_same(root, said):
        return
    commit(domain, root, News(said.version, said.fingerprint, address_of(said)))


def count_publication(domain: Domain, node: Node) -> None:
    """A Manual asset's publication is a commit for its readers; another's is one once the asset becomes Manual."""
    if node.asset in domain.graph.observed:
        note_found(domain, node)
    published, root = domain.state.published, domain.state.roots.get(node.asset)
    number = published[node.asset] = max(published.get(node.asset, 0), root.seq if root is not None else 0) + 1
    if root is not None and node.asset in domain.graph.roots:
        root.seq = number - 1
        commit(domain, root, _published(node), node.partition)
    else:
        node.numbered = number


def become_root(domain: Domain, nodes: Iterable[Node]) -> None:
    """The asset that these are of is Manual now: what it published before is there for its readers."""
    for node in sorted(nodes, key=lambda node: node.numbered):
        if node.numbered and node.version is not None:
            root = domain.state.roots[node.asset]
            root.seq, node.numbered = node.numbered - 1, 0
            append(domain, root, _published(node), node.partition)


def _published(node: Node) -> News:
    address = {"uri": node.uri, "format": node.format, "metadata": node.metadata}
    return News(node.version, node.fingerprint, address)


def _trim(domain: Domain, root: Root) -> None:
    """Let go of commits that no cut can name any more; keep the first after each live cut, and the young ones."""
    cuts: dict[int, None] = {}
    readers = domain.below(root.key)
    for node in readers:
        cuts[node.cut_at] = None
        cuts[node.tried_at] = None
        cuts.update((request.at, None) for request in node.requests)
    marks = sorted(cuts)
    root.dense_from = domain.state.offset - DENSE
    kept: list[Commit] = []
    before, place = -1, 0
    for one in root.commits[:-1]:
        while place < len(marks) and marks[place] < before:
            place += 1
        if one.offset > root.dense_from or (place < len(marks) and marks[place] < one.offset):
            kept.append(one)
        before = one.offset
    root.commits = [*kept, root.commits[-1]]
    root.trim_at = max(_TRIM_AT, 2 * len(root.commits), len(readers))
