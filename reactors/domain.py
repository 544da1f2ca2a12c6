"""A domain while it is being folded: its state, the compiled graph, and what can be rebuilt from both."""

from collections.abc import Iterable
from hashlib import blake2b
from heapq import heappush
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from reactors.graph import Graph, compile_graph
from reactors.links import Links
from reactors.spending import Limit, limits_of
from reactors.state import Node, Root, State
from streams.budgets import Budget
from streams.cloudevents import Envelope, envelope, event_id
from streams.definitions import AssetDef, Manifest
from streams.events import Event
from streams.keys import node_key

STATE: TypeAdapter[State] = TypeAdapter(State)
"""dumps and loads a whole state"""

_EMPTY = compile_graph(Manifest(domain="_", deploy=0, assets=()))


class Output(NamedTuple):
    """What follows from one journal entry. Equal cause, equal id, whatever the batch."""

    model: type[Event]
    subject: str
    offset: int  # of the entry that caused it
    at: int  # the domain's now, in ms
    number: int  # the n-th output of that entry
    fields: dict[str, Any] | Event

    def event(self) -> Event:
        """The output as its model; validates what the fold said."""
        return self.fields if isinstance(self.fields, Event) else self.model(**self.fields)

    def envelope(self, domain: str, incarnation: str) -> Envelope:
        """The output as a CloudEvent."""
        name = event_id(incarnation, self.offset, self.model.TYPE, self.subject, self.number)
        return envelope(self.event(), name, f"everfresh/{domain}", self.subject, self.at) | {
            "partitionkey": self.subject,
            "sequence": f"{self.offset:012d}.{self.number:06d}",
            "journaloffset": str(self.offset),
        }


class Domain:
    """The single owner of a domain's state. The functions in this package change it; nothing else does.

    Besides the state it holds only what can be derived again: the graph, who is in flight, heaps of what is due.
    """

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self.use(compile_graph(self.state.manifest) if self.state.manifest else _EMPTY)
        self.outputs: list[Output] = []
        self.touched: dict[str, None] = {}  # nodes whose freshness is judged at the end of the entry
        self.flights: dict[str, str] = {}  # run in flight → node
        self.troubled: dict[str, None] = {}  # nodes on hold or paused
        self.timers: list[tuple[int, str]] = []  # (time, node, source or alert), at most one that counts of each
        self.armed: dict[str, int] = {}
        self.ready: list[tuple[int, int, str]] = []  # (deadline, asked, node): a heap, checked when read
        self.floating: dict[str, None] = {}  # waves without a cut, to be surveyed
        self.sleeping: dict[str, None] = {}  # waves without a cut that wait for a run to end
        self.arriving: dict[str, None] = {}  # outputs that were made, to be published before the entry is over
        self.leaving: dict[tuple[str, str], None] = {}  # (domain, what it is handed before the entry is over)
        self.subscribers: dict[str, list[str]] = {}  # asset → the other domains that read it
        self.works: dict[str, int] = {}  # node → expected durations of its ancestors and itself, summed up; when asked
        for key, node in self.state.nodes.items():
            if node.run is not None and node.run.live:
                self.flights[node.run.id] = key
            if node.hold is not None or node.paused is not None:
                self.troubled[key] = None
        self.floating.update((wave.id, None) for wave in self.state.waves.values() if wave.at is None)
        self.note_subscribers()

    def use(self, graph: Graph) -> None:
        """Go by this graph from now on."""
        self.graph = graph
        self.links = Links(graph, self.state)
        self.ahead: dict[str, None] | None = None  # nodes that are past what they read; when asked
        declared = self.state.manifest.budgets if self.state.manifest else ()
        self.budgets: dict[str, Budget] = {one.name: one for one in declared}
        self.limit()

    def limit(self) -> None:
        """Work out again what budgets that are used up ask of whom."""
        self.limits: dict[str, Limit] = limits_of(self.budgets, self.state.spendings, self.graph)

    @property
    def name(self) -> str:
        """The domain's name; empty before its first deploy."""
        return self.state.manifest.domain if self.state.manifest else ""

    def dump(self) -> bytes:
        """The whole state as JSON: what a snapshot holds."""
        return STATE.dump_json(self.state)

    def digest(self) -> str:
        """The state's hash: two replicas that folded the same entries have the same."""
        return digest_of(self.dump())

    def node(self, asset: str, partition: str = "") -> Node | None:
        """The node of a derived asset, if it is declared."""
        return self.state.nodes.get(node_key(asset, partition))

    def definition(self, node: Node) -> AssetDef:
        """What was declared of the node's asset."""
        return self.graph.assets[node.asset]

    def run_by(self, node: Node) -> Node:
        """The node whose run makes it: an output's computation, or itself."""
        made_by = self.graph.made_by.get(node.asset)
        return node if made_by is None else self.state.nodes[node_key(made_by, node.partition)]

    def inputs(self, node: Node, at: int | None = None) -> tuple[str, ...]:
        """Keys of the roots and nodes that the node reads now, or at the cut `at`."""
        if self.graph.partitioned:
            return self.links.inputs(node.asset, node.partition, at)
        return self.graph.inputs[node.asset]

    def is_root(self, key: str) -> bool:
        """No run here produces it for its readers."""
        return self.links.is_root(key) if self.graph.partitioned else key in self.graph.roots

    def derived_inputs(self, node: Node) -> list[Node]:
        """The nodes among its inputs: those that a wave may have to run first."""
        roots, nodes = self.graph.roots, self.state.nodes
        if self.graph.partitioned:
            return [nodes[key] for key in self.inputs(node) if not self.links.is_root(key)]
        return [nodes[key] for key in self.graph.inputs[node.asset] if key not in roots]

    def readers(self, key: str) -> list[Node]:
        """The nodes that read this root or node."""
        nodes = self.state.nodes
        keys = self.links.readers(key) if self.graph.partitioned else self.graph.readers.get(key, ())
        return [nodes[reader] for reader in keys]

    def roots_above(self, node: Node, at: int | None = None) -> list[Root]:
        """The roots that its cut goes by now, or went by at the cut `at`."""
        roots = self.state.roots
        if self.graph.partitioned:
            return [roots[key] for key in self.links.above(node.asset, node.partition, at)[0]]
        return [roots[key] for key in self.graph.above(node.asset)]

    def missing(self, node: Node) -> int:
        """How many roots above it have no version yet, or deps no partition."""
        keys, empty = (
            self.links.above(node.asset, node.partition)
            if self.graph.partitioned
            else (self.graph.above(node.asset), 0)
        )
        return empty + sum(not self.state.roots[key].exists for key in keys)

    def below(self, *keys: str) -> list[Node]:
        """Every node downstream of these, inputs before readers."""
        nodes = self.state.nodes
        return [nodes[one] for one in self.keys_below(*keys)]

    def keys_below(self, *keys: str) -> list[str]:
        """Their keys."""
        return self.links.below(keys) if self.graph.partitioned else self.graph.below(keys)

    def made_before(self, node: Node) -> Iterable[str]:
        """Keys of every node above this one, in no particular order."""
        return self.links.made_before(node) if self.graph.partitioned else self.graph.made_before(node.asset)

    def wake(self, key: str) -> None:
        """Something changed at this root or node: floating waves from there on down that slept look again."""
        if self.sleeping:
            nodes = self.state.nodes
            for one in (key, *self.keys_below(key)):
                wave = nodes[one].wave if one in nodes else None
                if wave in self.sleeping:
                    del self.sleeping[wave]
                    self.floating[wave] = None

    def work(self, node: Node) -> int:
        """All that a wave of the node may have to run, in ms."""
        if self.graph.partitioned:
            return node.takes + sum(self.state.nodes[key].takes for key in self.made_before(node))
        found = self.works.get(node.asset)
        if found is None:
            above = [self.state.nodes[key] for key in self.graph.made_before(node.asset)]
            found = self.works[node.asset] = node.takes + sum(one.takes for one in above)
        return found

    @property
    def is_scarce(self) -> bool:
        """Runs may have to wait for a slot, so margins count all the work of a wave."""
        return 0 < self.state.slots < len(self.state.nodes)

    def note_subscribers(self) -> None:
        """Who reads what of this domain may be another now."""
        self.subscribers = {}
        for name, subscriber in sorted(self.state.subscribers.items()):
            for key in subscriber.assets:
                self.subscribers.setdefault(key, []).append(name)

    def arm_other(self, key: str, at: int) -> None:
        """Have what isn't a node, a source or an alert, looked at no later than `at`."""
        armed = self.armed.get(key)
        if armed is None or at < armed:
            self.armed[key] = at
            heappush(self.timers, (at, key))

    def say(self, model: type[Event], subject: str, fields: dict[str, Any] | Event) -> None:
        """Emit an output of the entry that is being folded."""
        state = self.state
        self.outputs.append(Output(model, subject, state.offset, state.now, len(self.outputs), fields))


def digest_of(state: bytes) -> str:
    """The hash of a dumped state."""
    return blake2b(state, digest_size=16).hexdigest()
