"""A domain from its dump: the state is loaded, what can be derived from it is derived again."""

from typing import Any

import orjson

from reactors.domain import STATE, Domain
from reactors.requests import make_ready
from reactors.state import SCHEMA
from reactors.timers import next_look, other_look, others
from streams.keys import asset_of


def restore(dumped: bytes) -> Domain | None:
    """The domain as it was; None where an older schema wrote the dump, so that the journal is folded from its start."""
    state = orjson.loads(dumped)
    if state.get("schema") == SCHEMA - 1:
        dumped = _upgraded(state)
    elif state.get("schema") != SCHEMA:
        return None
    domain = Domain(STATE.validate_json(dumped))
    for key, node in domain.state.nodes.items():
        look = next_look(domain, node)
        if look is not None:
            domain.armed[key] = look
            domain.timers.append((look, key))
        make_ready(domain, node)
    for key in others(domain):
        look = other_look(domain, key)
        if look is not None:
            domain.arm_other(key, look)
    domain.timers.sort()
    return domain


def _upgraded(state: dict[str, Any]) -> bytes:
    """A dump of the schema before counted an asset's publications by node, and those of a Manual one at its root."""
    published: dict[str, int] = state.setdefault("published", {})
    counted = [*state["nodes"].items(), *state["retired"].items()]
    for key in dict.fromkeys(asset_of(key) for key, _ in counted):
        published[key] = state["roots"].get(key, {"seq": 0})["seq"]
    for key, one in counted:
        more = one.pop("uncounted")
        published[asset_of(key)] += more
        if more and key in state["nodes"]:
            one["numbered"] = published[asset_of(key)]
    state["schema"] = SCHEMA
    return orjson.dumps(state)
