"""Deps across domains: who subscribes to what, what is delivered, and whether what was delivered agrees.

A delivery is a commit of the asset for its readers here. It carries the cut at which the version is right, in terms of
the sources that it comes from, whatever domains these are in, the reader's too; inputs agree if they name each source
alike. Looks are named by the one that found what stands: further ones that find nothing new say nothing to others.
"""

from typing import Any

from reactors.domain import Domain
from reactors.looks import as_named
from reactors.marking import last_by
from reactors.state import Commit, Node, Root, Subscriber
from streams.definitions import LOOK
from streams.events import Cut, DomainDelivered, DomainSubscribed
from streams.keys import asset_of, partition_of

CUT = "cut"
CONSISTENT = "consistent"
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
        if key not in already:
            deliver(domain, key, to=said.subscriber)


def deliver(domain: Domain, key: str, to: str = "") -> None:
    """Something new of a source or a node: hand that to the domains that read it, or to one of them.

    As it stands once the entry is folded: by the entry's offset a reader tells a repeat, so each has one of an asset.
    """
    for subscriber in (to,) if to else domain.subscribers.get(asset_of(key), ()):
        domain.leaving[subscriber, key] = None


def deliver_version(domain: Domain, node: Node) -> None:
    """A node's version or cut is new. A Manual asset is a source to who reads it, there as here: its commits count."""
    if domain.subscribers and node.asset not in domain.graph.roots:
        deliver(domain, node.key)


def hand_over(domain: Domain) -> None:
    """The entry is folded: say what is to be handed to other domains."""
    state, leaving = domain.state, domain.leaving
    domain.leaving = {}
    for to, key in leaving:
        fields = _delivery(domain, key)
        if fields is not None:
            fields |= {"to": to, "asset": asset_of(key), "partition": partition_of(key)}
            fields |= {"incarnation": state.incarnation, "offset": state.offset}
            domain.say(DomainDelivered, key, fields)


def _delivery(domain: Domain, key: str) -> dict[str, Any] | None:
    """What is said of a source, or of what is one to who reads it; or of a node."""
    if key in domain.graph.roots:
        root = domain.state.roots[key]
        return _commit_of(key, root.commits[-1]) if root.commits and key not in domain.graph.foreign else None
    node = domain.state.nodes.get(key)
    return _version_of(domain, node) if node is not None and node.version is not None else None


def _version_of(domain: Domain, node: Node) -> dict[str, Any]:
    # After a deploy that put other sources above it, nobody can say what its version is right at.
    is_known = node.cut.keys() == {asset_of(root.key) for root in domain.roots_above(node)}
    return {
        "version": node.version,
        "fingerprint": node.fingerprint,
        "uri": node.uri,
        "format": node.format,
        "metadata": node.metadata or None,
        "cut": _whole_cut(domain, node),
        "consistent": node.consistent and is_known,
    }


def _commit_of(key: str, commit: Commit) -> dict[str, Any]:
    address = {name: (commit.extra or {}).get(name) for name in ("uri", "format", "metadata")}
    return {"version": commit.version, "fingerprint": commit.fingerprint, "cut": {key: commit.seq}, **address}


def _whole_cut(domain: Domain, node: Node) -> Cut:
    """The node's cut; in place of what other domains delivered, the cuts that were delivered with it."""
    foreign = domain.graph.foreign
    cut = {key: as_named(domain, key, seq) for key, seq in node.cut.items() if key not in foreign}
    for key in domain.graph.abroad(node.asset):
        commit = last_by(domain.state.roots[key], node.cut_at)
        if commit is not None:
            cut |= upstream(commit)
    return cut


def upstream(commit: Commit) -> Cut:
    """The cut that a delivery names: the sources that it comes from, and their readers' code."""
    cut: Cut = (commit.extra or {}).get(CUT, {})
    return cut


def address_of(said: DomainDelivered) -> dict[str, Any]:
    """What a commit keeps of a delivery."""
    return {
        "uri": said.uri,
        "format": said.format,
        "metadata": said.metadata,
        CUT: said.cut,
        CONSISTENT: said.consistent,
    }


def is_the_same(root: Root, said: DomainDelivered) -> bool:
    """What was delivered last, made of the same: a look found nothing new."""
    last = root.commits[-1] if root.commits else None
    return last is not None and (last.version, last.fingerprint, last.extra) == (
        said.version,
        said.fingerprint,
        address_of(said),
    )


def is_repeat(root: Root, said: DomainDelivered) -> bool:
    """The delivery was taken in before. A producer's journal that was begun anew counts from its start."""
    return root.incarnation == said.incarnation and said.offset <= root.delivered


def agrees(domain: Domain, node: Node, at: int) -> bool:
    """What other domains delivered by the journal's offset `at` fits together: each source is at one commit in all.

    So it is with this domain's own: one that the node reads, too, is where the deliveries have it.
    """
    return disagreement(domain, node, at) is None


def disagreement(domain: Domain, node: Node, at: int) -> str | None:
    """What doesn't, as a clause; None where all of it does."""
    abroad = domain.graph.abroad(node.asset)
    if not abroad:
        return None
    seen: dict[str, tuple[int, str]] = {}  # source → its commit, and what names that
    for key in abroad:
        commit = last_by(domain.state.roots[key], at)
        if commit is None:
            continue
        if (commit.extra or {}).get(CONSISTENT) is False:
            return f"{key!r} was made from inputs that don't agree"
        for source, seq in upstream(commit).items():
            known, by = seen.setdefault(source, (seq, key))
            if known != seq:
                return f"{source!r} is at {known} in {by!r} and at {seq} in {key!r}"
    for root in domain.roots_above(node, at):
        named = seen.get(asset_of(root.key)) if root.key not in domain.graph.foreign else None
        if named is not None and not _stands_at(domain, root, at, named[0]):
            return f"{root.key!r} is at {_number_at(domain, root, at)} here and at {named[0]} in {named[1]!r}"
    return None


def _number_at(domain: Domain, root: Root, at: int) -> int:
    """By which number others know what the root was at, at the journal's offset `at`; 0 where it had nothing."""
    newest = last_by(root, at)
    return as_named(domain, root.key, newest.seq) if newest is not None else 0


def _stands_at(domain: Domain, root: Root, at: int, seq: int) -> bool:
    """At the journal's offset `at` nothing had come to the root, or to that partition of it, since its commit `seq`.

    That a look which has yet to be made by then finds something isn't known.
    """
    if root.key.startswith(LOOK):
        return _number_at(domain, root, at) == seq
    return all((one.seq <= seq) is (one.offset <= at) for one in root.commits)
