"""App: where a domain's assets are declared. Functions stay what they are; the app only remembers them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, Unpack

import orjson

from everfresh import options as said
from everfresh.assets import Asset, Command, Computation, Declared, Source
from everfresh.computations import Outputs, computation
from everfresh.options import AssetOptions, CheckOptions, Deps, Named, ProgramOptions, SourceOptions
from everfresh.oversight import Overseen
from everfresh.partitions import Dep
from everfresh.policies import in_one_sentence
from everfresh.standing import asking, standing
from reactors.binding import Argument, Function, asked, bound, signature_of
from reactors.expectations import Expectation
from reactors.ports import Store
from reactors.recipes import Code, MadeBy, Program, Question, Recipe
from streams import definitions
from streams.budgets import Budget
from streams.definitions import AlertRule, AssetDef, Manifest
from streams.errors import DefinitionError
from streams.grids import meant

P = ParamSpec("P")
R = TypeVar("R")


class App(Overseen):
    """A domain: what one team deploys.

    >>> from everfresh import Within
    >>> app = App("shop")
    >>> orders = app.source("orders", exists=True)
    >>> @app.asset(deps=[orders], freshness=Within("5m"))
    ... def revenue(orders):
    ...     return sum(orders)
    >>> revenue([1, 2, 3]), revenue.key
    (6, 'shop/revenue')

    `store` keeps the values of all assets that name no other one. Raises DefinitionError for a bad name.
    """

    def __init__(self, domain: str, store: Store | None = None) -> None:
        self.domain = said.well_named(domain, "an app")
        self.store = store
        self.reference: str | None = None
        """how another process finds this app: set by `everfresh.loading`, None for an app made in a test"""
        self._sources: dict[str, AssetDef] = {}
        self._reads: dict[str, Function] = {}
        self._recipes: dict[str, Recipe] = {}
        self._pools: dict[str, int] = {}
        self._alerts: list[AlertRule] = []
        self._budgets: dict[str, Budget] = {}
        self._asked: dict[tuple[str, str], None] = {}  # (asset, check)

    def __repr__(self) -> str:
        return f"<app {self.domain}: {len(self._sources)} sources, {len(self._recipes)} assets>"

    def source(self, key: str, **options: Unpack[SourceOptions]) -> Source:
        """Declare an asset that nobody here computes.

        Options, all by name:

        - `exists=True`: it can be read before its first change
        - `load`: reads it, a function that takes nothing, or the `ef.Input` that says which version is wanted; without
          it, what a change event's `uri` names is read
        - `expect_every="1h"`: an alert opens when no change of it is heard of for so long
        - `partitions=ef.Daily("2013-01-01")`: each change names the partition it is of
        - `owner`, `description`
        - `observe`: a function that looks at a source which can't publish, as often as promises ask. It returns what
          tells one state from another (a version, a time of change, a count), or an `ef.Output(version=…)`; where that
          is as before, nothing runs. With it, as for `asset`: `freshness`, `retry`, `timeout`, `takes`, `pool`,
          `code_version`, `executor`
        """
        said.refuse_unknown(options, "source")
        load, key = options.get("load"), self._own(key)
        if options.get("observe") is not None:
            asset = self._observed(key, options)
        else:
            said.refuse_looks(key, options)
            asset = said.source(key, options)
        subject = f"load= of source {asset.key if asset.observed else self._new(asset.key)!r}"
        if load is not None:
            wanted = signature_of(load, subject).required
            if len(wanted) > 1:
                raise DefinitionError(f"{subject} takes an ef.Input or nothing, not {len(wanted)} arguments")
            if iscoroutinefunction(load):
                raise DefinitionError(f"{subject} is async; it has to be an ordinary function, which runs off the loop")
            self._reads[asset.key] = load
        if not asset.observed:
            self._sources[asset.key] = asset
        return Source(asset.key)

    def _observed(self, key: str, options: SourceOptions) -> AssetDef:
        look, subject = options.get("observe"), f"observe= of source {key!r}"
        if not callable(look):
            raise DefinitionError(f"{subject} is a function that looks, not {look!r}")
        signature = signature_of(look, subject)
        bound(signature, {}, subject)
        asset, place = said.observed(key, options), said.place_of(look, options.get("executor"), subject)
        context = signature.context.name if signature.context else None
        self._recipes[self._new(key)] = Recipe(asset=asset, made_by=look, place=place, context=context)
        return asset

    def asset(self, *, deps: Deps = (), **options: Unpack[AssetOptions]) -> Callable[[Callable[P, R]], Asset[P, R]]:
        """Declare the asset that a function computes, under the function's name.

        `deps` names what it reads: a list, each passed as the argument of the asset's short name, or a dict from
        argument to asset. Options, all by name:

        - `freshness`: `ef.Within("5m")`, `ef.Eager()`, `ef.Manual()`; by default only when a promise downstream asks
        - `retry=ef.Retry(3)`, `timeout="10m"` (loading, computing, checking and storing together; an hour if not said)
        - `takes="30s"`: how long a run is expected to take, until that is learned
        - `pool="warehouse"`: of `app.pool`; `owner`; `description`; `name` instead of the function's
        - `code_version="2"`: change it, and the asset is stale
        - `store`: instead of the app's; `None` for an asset that keeps its own data
        - `partitions=ef.Daily("2013-01-01")`, or `ef.Hourly`, `ef.Weekly`, `ef.Monthly`, `ef.Quarterly`, `ef.Yearly`,
          `ef.Static`, `ef.Dynamic`, `ef.Grid`: each partition is fresh, or stale, by itself; `ef.Dep(asset, mapping=…)`
          in deps says which are read
        - `executor`: a function that isn't async runs in a process of its own unless this is "thread"

        Raises DefinitionError, in one sentence, for what makes no sense.
        """
        said.refuse_unknown(options, "asset")

        def declare(function: Callable[P, R]) -> Asset[P, R]:
            key = self._own(options.get("name", getattr(function, "__name__", "")))
            asset = said.derived(key, self._read(deps), options)
            self._add(self._by(function, asset, f"asset {key!r}", options), {})
            return Asset(key, function)

        return declare

    def assets(
        self, *, outputs: Outputs, deps: Deps = (), **options: Unpack[AssetOptions]
    ) -> Callable[[Callable[P, R]], Computation[P, R]]:
        """Declare several assets that one function computes in one run.

        It returns a dict from each output's name to its value, or to an `ef.Output`. `outputs` lists the names, or is a
        dict from name to policy; `freshness=` is all of theirs. What isn't new stops there: each output has a version,
        checks and readers of its own, and a promise of one brings the others along.

        >>> app = App("shop")
        >>> orders = app.source("orders")
        >>> @app.assets(outputs=["kept", "refused"], deps=[orders])
        ... def sifted(orders):
        ...     return {"kept": [one for one in orders if one > 0], "refused": [one for one in orders if one <= 0]}
        >>> sifted([3, -1]), sifted["kept"].key
        ({'kept': [3], 'refused': [-1]}, 'shop/kept')

        Options as for `asset`. Raises DefinitionError, in one sentence, for what makes no sense.
        """
        said.refuse_unknown(options, "assets")

        def declare(function: Callable[P, R]) -> Computation[P, R]:
            key = self._own(options.get("name", getattr(function, "__name__", "")))
            runs, made = computation(key, outputs, self._read(deps), options)
            recipe = self._by(function, runs, f"computation {key!r}", options)
            return Computation(key, self._add(recipe, made), function)

        return declare

    def command(self, name: str, argv: Sequence[str], *, deps: Deps = (), **options: Unpack[ProgramOptions]) -> Command:
        """Declare the asset that a program makes: `app.command("docs", ["dbt", "build"], deps=[revenue])`.

        It never goes through a shell. In its environment: EVERFRESH_RUN is the run's id; EVERFRESH_INPUTS is the path
        of a JSON file `{"asset", "partition", "run", "attempt", "cut", "inputs": {asset: {"version", "uri", …}}}`;
        EVERFRESH_OUTPUT is a path where it may leave `{"version", "fingerprint", "metadata", "path"}`, all optional:
        `path` names a file that the asset's store is to keep. Exit code 0 is success.

        With `outputs=["orders_clean", "daily"]`, or a dict from name to policy, it makes several assets in one run, and
        leaves `{"outputs": {"daily": {"version", …}, …}}`.
        """
        said.refuse_unknown(options, "command")
        key, read = self._own(name), self._read(deps)
        several = options.get("outputs")
        asset, made = (
            (said.derived(key, read, options), {}) if several is None else computation(key, several, read, options)
        )
        program, store = Program(said.program(argv, key)), options.get("store", self.store)
        return Command(key, self._add(Recipe(asset=asset, made_by=program, place="process", store=store), made))

    def _by(self, function: Function, asset: AssetDef, subject: str, options: AssetOptions) -> Recipe:
        """How a function makes what is declared; `subject` begins each refusal."""
        signature = signature_of(function, subject)
        return Recipe(
            asset=asset,
            made_by=function,
            place=said.place_of(function, options.get("executor"), subject),
            store=options.get("store", self.store),
            takes=bound(signature, {dep.argument: dep.asset for dep in asset.deps}, subject),
            context=signature.context.name if signature.context else None,
        )

    def _add(self, recipe: Recipe, made: Mapping[str, AssetDef]) -> dict[str, str]:
        """Remember how something is made, and what it makes; output → its key."""
        key = recipe.asset.key
        self._recipes[self._new(key)] = recipe
        for asset in made.values():
            self._recipes[self._new(asset.key)] = replace(
                recipe, asset=asset, made_by=MadeBy(key), takes={}, context=None
            )
        return {name: asset.key for name, asset in made.items()}

    def check(self, asset: Named, **options: Unpack[CheckOptions]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Ask a question about each new version of an asset, before anyone sees it.

        The function takes the value (or an `ef.Output`, if it is annotated so) and returns a bool, an
        `ef.CheckOutcome`, or a list of these, each with a name. Options, all by name:

        - `severity="error"`: or "info", "warn", "critical"
        - `blocking=True`: a version that fails is quarantined
        - `on_error="pass"`: a version that a blocking check can't judge is let through; "block" if not said
        - `timeout="10s"`: what takes longer is no answer, which is an error
        - `sample=ef.Sample(["id"])`: some of the rows that fail are kept in the asset's store, these columns shown
        - `freshness=ef.Within("1h")`: the check stands alone, with a promise of its own: about a source or any asset,
          after it is published. `ef.Cron` asks at each tick, the others once something is new

        Raises DefinitionError for an asset that this app doesn't compute, unless the check stands alone.
        """
        said.refuse_unknown(options, "check")
        key = self._key(asset)

        def declare(function: Callable[P, R]) -> Callable[P, R]:
            name = getattr(function, "__name__", "")
            subject = f"check {name!r} of asset {key!r}"
            signature = signature_of(function, subject)
            context = signature.context.name if signature.context else None
            check = said.check(name, subject, options)
            self._ask(key, subject, Question(check, function, asked(signature, subject), context), options)
            return function

        return declare

    def expect(self, asset: Named, *expectations: Expectation, **options: Unpack[CheckOptions]) -> None:
        """Ask checks that come with everfresh: `app.expect(revenue, ef.checks.not_null("day"), severity="warn")`.

        Options as for `check`. Raises DefinitionError for an asset that this app doesn't compute, unless they stand
        alone, and for one compared with an asset that it doesn't read.
        """
        said.refuse_unknown(options, "check")
        key = self._key(asset)
        for one in expectations:
            subject = f"check {one.name!r} of asset {key!r}"
            placed = one
            if one.reads is not None:
                placed = replace(one, said={**one.said, "to": self._compared(key, subject, one.reads, options)})
            check = said.check(one.name, subject, options, one.learning)
            self._ask(key, subject, Question(check, placed, Argument("value")), options)

    def _compared(self, key: str, subject: str, reads: str, options: CheckOptions) -> str:
        """The key of the asset that a check compares with: whatever makes what is checked has to read it."""
        other = self._key(reads)
        if "freshness" in options:
            return other
        recipe = self._checked(key, subject)
        run = self._recipes[recipe.made_by.computation] if isinstance(recipe.made_by, MadeBy) else recipe
        read = [dep.asset for dep in run.asset.deps]
        if other not in read:
            raise DefinitionError(
                f"{subject} compares with {other!r}, which the asset doesn't read{said.near(other, read)}; add it "
                "to its deps, so that the version of the same run is compared with"
            )
        return other

    def _checked(self, key: str, subject: str) -> Recipe:
        recipe = self._recipes.get(key)
        if recipe is None:
            hint = "; say freshness=, and the check of a source stands alone" if key in self._sources else ""
            raise DefinitionError(f"{subject}: this app computes no such asset{said.near(key, self._recipes)}{hint}")
        if recipe.asset.outputs:
            makes = ", ".join(map(repr, recipe.asset.outputs))
            raise DefinitionError(f"{subject}: that makes several assets; ask about one of them: {makes}")
        return recipe

    def _ask(self, key: str, subject: str, question: Question, options: CheckOptions) -> None:
        name, stands = question.check.name, "freshness" in options
        if (key, name) in self._asked:
            raise DefinitionError(f"{subject}: there are two of that name; rename one")
        recipe = None if stands else self._checked(key, subject)
        store = recipe.store if recipe is not None else self.store
        question = replace(question, sample=said.sample(subject, options, store))
        if recipe is None:
            known = self._recipes[key].asset if key in self._recipes else self._sources.get(key)
            asset = standing(self.domain, (key, known), question, options)
            self._recipes[self._new(asset.key)] = asking(asset, question, store)
        else:
            asset = recipe.asset.model_copy(update={"checks": (*recipe.asset.checks, question.check)})
            self._recipes[key] = replace(recipe, asset=asset, questions=(*recipe.questions, question))
        self._asked[key, name] = None

    def pool(self, name: str, *, slots: int) -> str:
        """Let at most `slots` runs of the assets that name this pool be in flight at once; returns the name."""
        said.well_named(name, "a pool")
        if type(slots) is not int or slots < 1:
            raise DefinitionError(f"pool {name!r}: slots is a whole number from 1, not {slots!r}")
        if name in self._pools:
            raise DefinitionError(f"pool {name!r} is declared twice; rename one")
        self._pools[name] = slots
        return name

    def manifest(self, deploy: int) -> Manifest:
        """All that this app declares, as data; equal declarations have an equal hash, whatever the deploy.

        Raises DefinitionError for a pool that nobody declared. Unknown deps and cycles are the graph's to find.
        """
        for key, recipe in self._recipes.items():
            pool = recipe.asset.pool
            if pool is not None and pool not in self._pools:
                close = said.near(pool, self._pools)
                raise DefinitionError(
                    f"asset {key!r} names the pool {pool!r}, which nobody declares{close}: app.pool({pool!r}, slots=…)"
                )
        declared = (*self._sources.values(), *(self._resolved(one).asset for one in self._recipes.values()))
        assets = tuple(sorted(declared, key=lambda asset: asset.key))
        alerts, budgets = self._overseen([asset.key for asset in assets])
        pools = dict(sorted(self._pools.items()))
        with in_one_sentence(f"deploy {deploy!r} of {self.domain!r}"):
            said_of: dict[str, Any] = {"assets": assets, "pools": pools, "alerts": alerts, "budgets": budgets}
            manifest = Manifest(domain=self.domain, deploy=deploy, **said_of)
        return manifest.model_copy(update={"hash": content_hash(manifest)})

    def code(self) -> Code:
        """The functions behind the manifest, for a worker."""
        recipes = {key: self._resolved(recipe) for key, recipe in self._recipes.items()}
        return Code(self.domain, recipes, dict(self._reads), self.reference)

    def _own(self, name: str) -> str:
        """The key of a name in this domain; a full key must be of this domain."""
        key = self._key(name)
        if key.partition("/")[0] != self.domain:
            raise DefinitionError(f"{name!r} is of another domain; app {self.domain!r} declares its own assets only")
        return key

    def _new(self, key: str) -> str:
        if key in self._sources or key in self._recipes:
            raise DefinitionError(f"two assets are called {key!r}; rename one")
        return key

    def _read(self, deps: Any) -> list[definitions.Dep]:
        """What is read; in a list the argument is the asset's short name, as Python can write it."""
        if isinstance(deps, str | Declared | Dep):
            raise DefinitionError(f"deps is a list or a dict of assets, not {deps!r} alone; write deps=[…]")
        if isinstance(deps, Mapping):
            return [self._one_read(named, argument) for argument, named in deps.items()]
        found = [self._one_read(named) for named in deps]
        if len({dep.argument for dep in found}) < len(found):
            keys = [dep.asset for dep in found]
            raise DefinitionError(f"deps {keys} would share an argument; name the arguments: deps={{argument: asset}}")
        return found

    def _one_read(self, said_of: Any, argument: str | None = None) -> definitions.Dep:
        dep = said_of if isinstance(said_of, Dep) else Dep(said_of)
        key = self._key(dep.asset)
        with in_one_sentence(f"ef.Dep({key!r}, mapping={dep.mapping!r})"):
            return definitions.Dep(asset=key, argument=argument or said.argument_of(key), mapping=dep.mapping)

    def _resolved(self, recipe: Recipe) -> Recipe:
        """The same, each dep on partitions with the mapping that it means: the worker goes by it, as the graph does."""
        deps = []
        for dep in recipe.asset.deps:
            read = self._recipes[dep.asset].asset if dep.asset in self._recipes else self._sources.get(dep.asset)
            mapping = dep.mapping
            if read is not None and read.partitions is not None:
                with suppress(ValueError):  # the graph says what is wrong with it
                    mapping = meant(mapping, recipe.asset.partitions, read.partitions)
            deps.append(dep.model_copy(update={"mapping": mapping}))
        return replace(recipe, asset=recipe.asset.model_copy(update={"deps": tuple(deps)}))


def content_hash(manifest: Manifest) -> str:
    """A hash of what is declared: not of the deploy's number, nor of the order in which it was written."""
    content = manifest.model_dump(mode="json", exclude={"deploy", "hash"})
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
