"""One function or program that makes several assets: what is declared of it, and of each of its outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from everfresh import options as said
from streams import definitions
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.policies import Manual, OnDemand, Policy

Outputs = Sequence[str] | Mapping[str, Policy]
"""names of the assets that are made; or each with its own freshness"""

_TOGETHER = {
    "every_ms": "at_most_every",
    "hours": "only_between",
    "ignored": "ignore",
    "on_code": "on_code_change",
}
"""fields of a policy that say of a run what holds for all that it makes → how users write them"""


def computation(
    key: str, outputs: Outputs, deps: Sequence[definitions.Dep], options: Mapping[str, Any]
) -> tuple[AssetDef, dict[str, AssetDef]]:
    """The definition of what runs, and of each output by its short name. Raises DefinitionError."""
    policies = _policies(key, outputs, options)
    about = {name: value for name, value in options.items() if name != "freshness"}
    runs = said.derived(key, deps, about | {"freshness": _of_the_run(key, list(policies.values()))})
    domain = key.partition("/")[0]
    keys = {name: f"{domain}/{said.well_named(name, 'an asset')}" for name in policies}
    made = {
        name: said.definition(
            keys[name],
            kind="derived",
            deps=(definitions.Dep(asset=key, argument=said.argument_of(key)),),
            policy=policy.model_copy(update={"every_ms": None, "ignored": (), "on_code": _left(policy)}),
            owner=options.get("owner"),
            description=options.get("description"),
            partitions=options.get("partitions"),
            made_by=key,
        )
        for name, policy in policies.items()
    }
    return runs.model_copy(update={"outputs": tuple(keys.values())}), made


def _policies(key: str, outputs: Any, options: Mapping[str, Any]) -> dict[str, Policy]:
    subject = f"computation {key!r}"
    if isinstance(outputs, str) or not isinstance(outputs, Mapping | Sequence):
        raise DefinitionError(f"{subject}: outputs is a list of names, or a dict from name to policy, not {outputs!r}")
    names = list(outputs)
    if not names or len(set(names)) < len(names):
        raise DefinitionError(f"{subject}: outputs names {'no asset' if not names else 'an asset twice'}")
    if isinstance(outputs, Mapping) and "freshness" in options:
        raise DefinitionError(f"{subject}: say freshness= once for all of its outputs, or for each in outputs=")
    found = {}
    for name in names:
        policy = outputs[name] if isinstance(outputs, Mapping) else options.get("freshness", OnDemand())
        if isinstance(policy, Manual):
            raise DefinitionError(f"{subject}: its output {name!r} can't be Manual, it is made with the others")
        found[name] = said.policy_of(f"{key.partition('/')[0]}/{name}", policy)
    return found


def _of_the_run(key: str, policies: Sequence[Policy]) -> Policy:
    """What the run goes by: what its outputs' policies say of all runs, nothing of its own. Raises DefinitionError."""
    told = [policy for policy in policies if policy != OnDemand()]
    shared: dict[str, Any] = {}
    for field, written in _TOGETHER.items():
        values = [getattr(policy, field) for policy in told]
        if any(value != values[0] for value in values):
            raise DefinitionError(
                f"computation {key!r}: its outputs are made in one run, so .{written}(…) has to be the same for each "
                "that promises something"
            )
        if values:
            shared[field] = values[0]
    on_code = "ignore" if shared.get("on_code") == "ignore" else "later"
    return OnDemand().model_copy(update=shared | {"on_code": on_code})


def _left(policy: Policy) -> str:
    return "later" if policy.on_code == "ignore" else policy.on_code
