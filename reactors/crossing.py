"""Deps across domains: who subscribes to what, what is delivered, and whether what was delivered agrees.

A delivery is a commit of the asset for its readers here. It carries the cut at which the version is right, in terms of
the sources that it comes from, whatever domains these are in; two inputs agree if they name each source alike.
"""

from typing import Any

from reactors.domain import Domain
from reactors.marking import last_by
from reactors.state import Commit, Node, Root, Subscriber
from streams.events import Cut, DomainDelivered, DomainSubscribed

CUT = "cut"
CONSISTENT = "consistent"
OFFSET = "offset"
"""what a commit that was delivered carries beside its address"""


def subscribe(domain: Domain, before: frozenset[str]) -> None:
    """After a deploy: tell the domains whose assets are read, and those whose assets are no longer read."""
    manifest, foreign = domain.state.manifest, domain.graph.foreign
    if manifest is None:
        return
    for other in sorted({key.partition("/")[0] for key in foreign | before}):
        fields = {
            "to": other,
            "subscriber": domain.name,
            "deploy": manifest.deploy,
            "assets": tuple(sorted(key for key in foreign if key.startswith(f"{other}/"))),
        }
        domain.say(DomainSubscribed, other, fields)


def subscribed(domain: Domain, said: DomainSubscribed) -> None:
    """Another domain reads assets of this one: what it didn't read before is delivered as it stands."""
    state = domain.state
    known = state.subscribers.get(said.subscriber)
    if known is not None and said.deploy < known.deploy:
        return
    already = known.assets if known is not None else []
    state.subscribers[said.subscriber] = Subscriber(said.deploy, list(said.assets))
    domain.note_subscribers()
    for key in said.assets:
        if key in already:
            continue
        node, root = state.nodes.get(key), state.roots.get(key)
        if node is not None and node.version is not None:
            _say(domain, said.subscriber, key, _version_of(domain, node))
        elif root is not None and root.commits and key in domain.graph.sources:
            _say(domain, said.subscriber, key, _commit_of(key, root.commits[-1]))


def deliver(domain: Domain, node: Node) -> None:
    """The node's version, or its cut, is new: hand it to the domains that read it."""
    for subscriber in domain.subscribers.get(node.asset, ()):
        _say(domain, subscriber, node.asset, _version_of(domain, node))


def deliver_commit(domain: Domain, root: Root) -> None:
    """A source changed: hand that on to the domains that read it."""
    for subscriber in domain.subscribers.get(root.key, ()):
        _say(domain, subscriber, root.key, _commit_of(root.key, root.commits[-1]))


def _say(domain: Domain, to: str, asset: str, fields: dict[str, Any]) -> None:
    state = domain.state
    fields |= {"to": to, "asset": asset, "incarnation": state.incarnation, "offset": state.offset}
    domain.say(DomainDelivered, asset, fields)


def _version_of(domain: Domain, node: Node) -> dict[str, Any]:
    return {
        "version": node.version,
        "fingerprint": node.fingerprint,
        "uri": node.uri,
        "format": node.format,
        "metadata": node.metadata or None,
        "cut": _whole_cut(domain, node),
        "consistent": node.consistent,
    }


def _commit_of(key: str, commit: Commit) -> dict[str, Any]:
    address = {name: (commit.extra or {}).get(name) for name in ("uri", "format", "metadata")}
    return {"version": commit.version, "fingerprint": commit.fingerprint, "cut": {key: commit.seq}, **address}


def _whole_cut(domain: Domain, node: Node) -> Cut:
    """The node's cut; in place of what other domains delivered, the cuts that were delivered with it."""
    foreign = domain.graph.foreign
    cut = {key: seq for key, seq in node.cut.items() if key not in foreign}
    for key in domain.graph.abroad(node.asset):
        commit = last_by(domain.state.roots[key], node.cut_at)
        if commit is not None:
            cut |= upstream(commit, key)
    return cut


def upstream(commit: Commit, key: str) -> Cut:
    """The cut that a delivery names: its sources, and the delivered asset by the offset of its publication."""
    extra = commit.extra or {}
    return {key: extra.get(OFFSET, commit.seq), **extra.get(CUT, {})}


def address_of(said: DomainDelivered) -> dict[str, Any]:
    """What a commit keeps of a delivery."""
    return {
        "uri": said.uri,
        "format": said.format,
        "metadata": said.metadata,
        CUT: said.cut,
        CONSISTENT: said.consistent,
        OFFSET: said.offset,
    }


def is_repeat(root: Root, said: DomainDelivered) -> bool:
    """The delivery was taken in before. A producer's journal that was begun anew counts from its start."""
    return root.incarnation == said.incarnation and said.offset <= root.delivered


def agrees(domain: Domain, node: Node, at: int) -> bool:
    """What other domains delivered by the journal's offset `at` fits together: each source is at one commit in all."""
    seen: Cut = {}
    for key in domain.graph.abroad(node.asset):
        commit = last_by(domain.state.roots[key], at)
        if commit is None:
            continue
        if (commit.extra or {}).get(CONSISTENT) is False:
            return False
        for source, seq in upstream(commit, key).items():
            if seen.setdefault(source, seq) != seq:
                return False
    return True
