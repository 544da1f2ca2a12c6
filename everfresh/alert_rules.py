"""What an app may say of its alerts, and what is refused, each in one sentence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypedDict

from everfresh.options import near
from everfresh.policies import Span, in_one_sentence
from reactors.causes import RULES
from streams.definitions import AlertRule
from streams.errors import DefinitionError
from streams.events import Severity


class AlertOptions(TypedDict, total=False):
    """What may be said about the alerts of a rule."""

    severity: Severity
    after: Span
    keep: Span
    damped: bool
    labels: dict[str, str]


def alert_rule(rule: str, assets: tuple[str, ...], options: Mapping[str, Any]) -> AlertRule:
    """The definition. Raises DefinitionError for a rule that there isn't, and for what can't be said of one."""
    if not any(fnmatchcase(one, str(rule)) for one in RULES):
        raise DefinitionError(f"app.alert({rule!r}): there is no such rule; there are {', '.join(RULES)}")
    fields = dict(options)
    fields |= {f"{name}_ms": fields.pop(name) for name in ("after", "keep") if name in fields}
    with in_one_sentence(f"app.alert({rule!r})"):
        return AlertRule(rule=rule, assets=assets, **fields)


def check_assets(named: Iterable[tuple[str, Sequence[str]]], domain: str, known: Collection[str]) -> None:
    """Raise DefinitionError where one of (who names them, assets) names an asset that nobody here declares."""
    for by, assets in named:
        for key in assets:
            if key not in known:
                raise DefinitionError(f"{by} names {key!r}, which {domain!r} doesn't declare{near(key, known)}")
