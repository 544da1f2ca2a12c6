"""Checks that stand alone: with a promise of their own, about a source or about what is published already."""

from typing import Any

from everfresh import options as said
from everfresh.options import CheckOptions
from reactors.ports import Store
from reactors.recipes import Asks, Question, Recipe
from streams import definitions
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.policies import Cron, OnDemand


def standing(domain: str, subject: tuple[str, AssetDef | None], question: Question, options: CheckOptions) -> AssetDef:
    """What runs: named after what it asks about, reading that and what it is compared with. Raises DefinitionError.

    `subject` is that asset's key, and its definition where this app has it. A Cron asks at each tick, whether anything
    changed or not; the others ask about what is new.
    """
    key, asset = subject
    about = f"check {question.check.name!r} of asset {key!r}"
    policy = options.get("freshness")
    if isinstance(policy, OnDemand):
        raise DefinitionError(f"{about}: nobody reads a check, so ef.OnDemand() would never ask; say ef.Within('1h')")
    if question.check.blocking:
        raise DefinitionError(
            f"{about}: with freshness= it comes after the version is published, and can't block; leave one of them out"
        )
    own = named(domain, key, question.check.name)
    deps = [definitions.Dep(asset=key, argument=question.takes.name)]
    reads = getattr(question.asks, "reads", None)
    if reads is not None:
        deps.append(definitions.Dep(asset=reads, argument="beside"))
    about_it: dict[str, Any] = {"freshness": policy}
    if asset is not None:
        about_it |= {"partitions": asset.partitions, "owner": asset.owner}
    found = said.derived(own, deps, {name: value for name, value in about_it.items() if value is not None})
    is_asked_anyway = isinstance(policy, Cron)
    return found.model_copy(update={"asks": key, "checks": (question.check,), "observed": is_asked_anyway})


def named(domain: str, key: str, check: str) -> str:
    """The key of a check that stands alone, of the app's domain.

    >>> named("shop", "shop/orders", "not_null(id)"), named("shop", "finance/rates", "recent")
    ('shop/orders.not_null-id', 'shop/finance.rates.recent')
    """
    of, _, name = key.partition("/")
    plain = "".join(one if one.isalnum() or one in "_.-" else "-" for one in check.replace(", ", "-")).strip("-")
    return f"{domain}/{'' if of == domain else f'{of}.'}{name}.{plain}"


def asking(asset: AssetDef, question: Question, store: Store | None) -> Recipe:
    """How it is run."""
    return Recipe(asset=asset, made_by=Asks(), place="process", store=store, questions=(question,))
