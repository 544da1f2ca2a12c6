"""What the trace is made of. Every item has the journal's offset at which it stands, or that caused it."""

from dataclasses import dataclass
from typing import ClassVar

from tests.checker.commits import Version
from tests.checker.export import Json
from tests.checker.graph import Graph, Node

Cut = dict[str, int]
Covers = dict[str, tuple[int, int]]
RESULTS = ("materialized", "verified", "quarantined")
"""What an accepted result of a run can be."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One input's version as a run read it, and the cut it is right at."""

    version: Version
    cut: Cut


@dataclass(frozen=True, slots=True)
class Deploy:
    """A manifest took effect."""

    RANK: ClassVar[int] = 0
    offset: int
    graph: Graph


@dataclass(frozen=True, slots=True)
class Grant:
    """An accepted grant: a fact of the journal that was also sent to its worker."""

    RANK: ClassVar[int] = 1
    offset: int
    node: Node
    run: str
    number: int
    attempt: int
    worker: str
    basis: int
    cut_at: int
    inputs: dict[str, Pin]
    cut: Cut
    covers: Covers
    code_version: str
    consistent: bool


@dataclass(frozen=True, slots=True)
class Committed:
    """A source has a version more, in one of its partitions or as a whole."""

    RANK: ClassVar[int] = 0
    offset: int
    source: str
    partition: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A `materialize` command, or a backfill's for one of its partitions; a backfill may leave alone what is right."""

    RANK: ClassVar[int] = 1
    offset: int
    node: Node
    forced: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody spoke of a node: a command, or the reactor, which tells of each that comes to be."""

    RANK: ClassVar[int] = 1
    offset: int
    node: Node


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a version: `materialized`, `verified`, `quarantined` or `released`."""

    RANK: ClassVar[int] = 2
    offset: int
    node: Node
    kind: str
    version: Version
    run: str | None
    attempt: int | None
    inputs: dict[str, Pin]
    cut: Cut
    covers: Covers
    consistent: bool
    """Otherwise what it was made from didn't agree, and it is right at no cut: `cut` is that of the one before."""

    @property
    def is_result(self) -> bool:
        """Whether it is how a run ended; a release and a move without a run aren't."""
        return self.kind in RESULTS and (self.kind != "verified" or self.run is not None)


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended, by its number in its run."""

    offset: int
    node: Node
    run: str
    attempt: int
    outcome: str


class Told(End):
    """A worker's report that an attempt ended: `succeeded`, `failed` or `rejected`."""

    __slots__ = ()
    RANK: ClassVar[int] = 1


class Ended(End):
    """An attempt ended that published nothing: `failed`, `lost`, `cancelled` or `rejected`."""

    __slots__ = ()
    RANK: ClassVar[int] = 2


Item = Deploy | Committed | Grant | Told | Asked | Named | Publication | Ended


def node_of(body: Json) -> Node:
    return body["asset"], body.get("partition", "")


def text_of(key: Node) -> str:
    """How events name an input: `asset[partition]`, or an asset's name alone."""
    asset, partition = key
    return f"{asset}[{partition}]" if partition else asset


def grant(offset: int, body: Json) -> Grant:
    return Grant(
        offset=offset,
        node=node_of(body),
        run=body["run"],
        number=body["number"],
        attempt=body["attempt"],
        worker=body["worker"],
        basis=body["basis"],
        cut_at=body["cut_at"],
        inputs=pins(body),
        cut=body["cut"],
        covers=ranges(body),
        code_version=body["code_version"],
        consistent=body.get("consistent", True),
    )


def publication(offset: int, kind: str, body: Json) -> Publication:
    return Publication(
        offset=offset,
        node=node_of(body),
        kind=kind,
        version=Version(body["version"], body.get("fingerprint")),
        run=body.get("run"),
        attempt=body.get("attempt"),
        inputs=pins(body),
        cut=body["cut"],
        covers=ranges(body),
        consistent=body.get("consistent", True),
    )


def pins(body: Json) -> dict[str, Pin]:
    return {
        name: Pin(Version(pin.get("version"), pin.get("fingerprint")), pin.get("cut", {}))
        for name, pin in body.get("inputs", {}).items()
    }


def ranges(body: Json) -> Covers:
    """What is covered, without empty ranges."""
    listed = body.get("covers", {}).items()
    return {source: (first, last) for source, (first, last) in listed if first <= last}
