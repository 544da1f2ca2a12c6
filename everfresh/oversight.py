"""What an app says of its alerts and its budgets."""

from collections.abc import Collection
from typing import Any, TypedDict, Unpack

from everfresh import options as said
from everfresh.alert_rules import AlertOptions, alert_rule, check_assets
from everfresh.assets import Declared
from everfresh.options import Named
from everfresh.policies import in_one_sentence
from streams.budgets import Budget, OnBreach
from streams.definitions import AlertRule
from streams.errors import DefinitionError


class BudgetOptions(TypedDict, total=False):
    """What may be said about a budget."""

    name: str
    owner: str
    tz: str
    thresholds: tuple[int, ...]
    forecast: bool
    on_breach: OnBreach
    stretch: int


class Overseen:
    """The part of an app that watches over the others."""

    domain: str
    _alerts: list[AlertRule]
    _budgets: dict[str, Budget]

    def alert(self, rule: str, *assets: Named, **options: Unpack[AlertOptions]) -> None:
        """Say how the alerts of a rule behave: of these assets, or of all, and of the domain itself.

        `rule` is a name like "freshness.overdue", or a pattern like "check.*". Options, all by name:

        - `after="5m"`: how long it has to last before the alert opens; if it passes before that, nobody hears of it
        - `keep="10m"`: how long the alert fires on once it is over, so that one which comes back isn't told twice
        - `severity`: "info", "warn", "error" or "critical", instead of its own
        - `labels={"team": "growth"}`: said in each event, for routes to go by
        - `damped=False`: one that opens again and again is told each time, instead of firing on until it was calm

        What one call leaves unsaid, those before it say. Raises DefinitionError for a rule that there isn't.
        """
        said.refuse_unknown(options, "alert")
        self._alerts.append(alert_rule(rule, tuple(self._key(one) for one in assets), options))

    def budget(self, text: str, *assets: Named, **options: Unpack[BudgetOptions]) -> None:
        """Say how much may be used in a period: "20 USD/day", "2h cpu/day", "100 snowflake.credits/month".

        Of these assets together, of all that `owner=` owns, or else of the whole domain. Counted are amounts in that
        currency, or quantities of that resource, as attempts report them. Options, all by name:

        - `thresholds=(50, 80, 100)`: percents that are told, an alert `budget.threshold` each, once a period
        - `forecast=False`: don't tell when the period would end above the limit (`budget.forecast`)
        - `on_breach`: "notify"; "throttle", promises are `stretch=4` times as long and what is promised no age runs at
          most 24 times in a period; or "pause", nothing begins; until the period ends, or the budget is raised
        - `tz="Europe/Berlin"`: whose days they are; periods are hour, day, week, month
        - `name`: instead of the text

        Raises DefinitionError for what makes no sense.
        """
        said.refuse_unknown(options, "budget")
        keys = tuple(self._key(one) for one in assets)
        subject = f"app.budget({text!r})"
        fields: dict[str, Any] = {"name": _named(text, keys, options.get("owner")), **options, "assets": keys}
        try:
            with in_one_sentence(subject):
                found = Budget.said(text, **fields)
        except ValueError as error:
            raise DefinitionError(f"{subject}: {error}") from None
        if found.name in self._budgets:
            raise DefinitionError(f"two budgets are called {found.name!r}; give one a name=")
        self._budgets[found.name] = found

    def _overseen(self, known: Collection[str]) -> tuple[tuple[AlertRule, ...], tuple[Budget, ...]]:
        """Both, if they name nothing but what is known. Raises DefinitionError."""
        check_assets([(f"app.alert({one.rule!r})", one.assets) for one in self._alerts], self.domain, known)
        check_assets([(f"app.budget({one.name!r})", one.assets) for one in self._budgets.values()], self.domain, known)
        return tuple(self._alerts), tuple(self._budgets[name] for name in sorted(self._budgets))

    def _key(self, named: Any) -> str:
        if isinstance(named, Declared):
            return named.key
        if not isinstance(named, str):
            raise DefinitionError(f"{named!r} is no asset: name one by its key, or by what declared it")
        return named if "/" in named else f"{self.domain}/{named}"


def _named(text: str, keys: tuple[str, ...], owner: str | None) -> str:
    """What a budget is called where nobody says."""
    of = ", ".join(key.partition("/")[2] for key in keys) or owner
    return f"{text.strip()} of {of}" if of else text.strip()
