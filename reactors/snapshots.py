"""A domain from its dump: the state is loaded, what can be derived from it is derived again."""

import orjson

from reactors.domain import STATE, Domain
from reactors.requests import make_ready
from reactors.state import SCHEMA
from reactors.timers import next_look, other_look, others


def restore(dumped: bytes) -> Domain | None:
    """The domain as it was; None where another schema wrote the dump, so that the journal is folded from its start."""
    if orjson.loads(dumped).get("schema") != SCHEMA:
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
