"""One attempt, step by step: load, compute, check, store. The same steps wherever it runs."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from reactors.binding import is_data_type, of_each
from reactors.compute import (
    Context,
    Input,
    Output,
    each_of,
    fingerprint_of,
    observation_of,
    output_of,
)
from reactors.io.executors.meter import Meter
from reactors.io.executors.program import run_program
from reactors.io.executors.questions import Asking
from reactors.io.executors.telling import log_traceback, run_log, said
from reactors.io.loading import CodeLoader
from reactors.io.stores.databases import DatabaseStore
from reactors.ports import Address, Done, Failed, FailureKind, Stored, Task
from reactors.recipes import Asks, Code, MadeBy, Program, Recipe
from streams.definitions import Dep
from streams.errors import BadResult
from streams.events import CheckResult, CostItem, MadeOutput, Pin
from streams.grids import parts_of, takes_several
from streams.keys import asset_of, partition_of
from streams.partitions import All


class Trouble(Exception):
    """What ends an attempt: the kind of it, and a sentence about it."""

    def __init__(self, kind: FailureKind, error: str) -> None:
        super().__init__(error)
        self.kind, self.error = kind, error


@dataclass(slots=True)
class Product:
    """What an attempt made of one asset."""

    recipe: Recipe
    output: Output
    checks: list[CheckResult] = field(default_factory=list)
    stored: Stored | None = None

    @property
    def size_bytes(self) -> int:
        """How much was written for it."""
        return self.stored.size_bytes if self.stored else 0

    def result(self) -> MadeOutput:
        """The same, as the report says it."""
        stored = self.stored
        return MadeOutput(
            version=self.output.version,
            fingerprint=self.output.fingerprint or (stored.fingerprint if stored else None),
            uri=stored.uri if stored else None,
            format=stored.format if stored else None,
            metadata=dict(self.output.metadata),
            checks=tuple(self.checks),
        )


class Attempt:
    """The steps of one attempt. Each raises Trouble; `perform` and the loop executor call them in order."""

    def __init__(self, code: Code, task: Task) -> None:
        self.recipe = code.recipes[task.asset]
        self.outputs = {key.rpartition("/")[2]: code.recipes[key] for key in self.recipe.asset.outputs}
        self.task = task
        self.log = run_log(task)
        parts = parts_of(self.recipe.asset.partitions, task.partition)
        self.context = Context(task.run, task.attempt, task.asset, task.partition, parts, log=self.log)
        self.peak_bytes: int | None = None  # where a program did the work
        self._loader = CodeLoader(code)
        self._several = {dep.asset for dep in self.recipe.asset.deps if self._reads_several(dep)}
        self._asking = Asking(task, self.context, self._beside)
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def must_load(self) -> bool:
        """Some argument asks for a value, so that something is read before the function runs."""
        return any(one.wants is not Input for one in self.recipe.takes.values())

    def arguments(self) -> dict[str, Any]:
        """Every argument of the function, with the values loaded that are asked for."""
        found: dict[str, Any] = {self.recipe.context: self.context} if self.recipe.context else {}
        for asset, argument in self.recipe.takes.items():
            wants = of_each(argument.wants) if asset in self._several else argument.wants
            read = {
                partition_of(key): self._value(key, pin, wants)
                for key, pin in sorted(self.task.inputs.items())
                if asset_of(key) == asset
            }
            found[argument.name] = read if asset in self._several else self._only(asset, read)
        return found

    def _value(self, key: str, pin: Pin, wants: Any) -> Any:
        with self.step("raised", f"loading {key!r}"):
            if wants is Input:
                return self._loader.input(key, pin, self.task.news.get(key))
            return self._loader.load(key, pin, wants if is_data_type(wants) else None)

    def _only(self, asset: str, read: dict[str, Any]) -> Any:
        if not read:
            raise Trouble("raised", f"the grant names no version of input {asset!r}")
        return next(iter(read.values()))

    def computed(self) -> list[Product]:
        """Load, and run the function or the program, here and now."""
        made_by = self.recipe.made_by
        if isinstance(made_by, Program):
            self._folder = TemporaryDirectory(prefix="everfresh-")
            with self.step("raised"):
                ended = run_program(made_by, self.task, Path(self._folder.name), self.log)
                self.peak_bytes = ended.peak_bytes
                return self.products(ended.output(several=bool(self.outputs)))
        if isinstance(made_by, MadeBy):
            raise Trouble("raised", f"it has no function of its own: {made_by.computation!r} makes it")
        if isinstance(made_by, Asks):
            return [self._subject()]
        arguments = self.arguments()
        with self.step("raised"):
            returned = made_by(**arguments)
        return self.products(returned)

    def _subject(self) -> Product:
        """What a check that stands alone asks about: the version that the grant names, which is also how it is called.

        A source that was there before any change has no version; each look at it is another one.
        """
        asset, wants = self.recipe.asset.asks or "", self.recipe.questions[0].takes.wants
        key, pin = self._pin(asset)
        with self.step("raised", f"loading {key!r}"):
            value = self._loader.load(key, pin, wants if is_data_type(wants) else None)
        return Product(self.recipe, Output(value, pin.version))

    def products(self, returned: Any) -> list[Product]:
        """What the function returned, asset by asset."""
        with self.step("bad_result"):
            if inspect.iscoroutine(returned):
                returned.close()
                raise BadResult("it returned a coroutine: declare the function with async def")
            if not self.outputs:
                return [_product(self.recipe, returned)]
            each = each_of(returned, list(self.outputs))
        found = []
        for name, value in each.items():
            with self.step("bad_result", f"output {name!r}"):
                found.append(_product(self.outputs[name], value))
        return found

    def checked(self, product: Product) -> None:
        """Ask the product's checks, here and now."""
        for question in product.recipe.questions:
            product.checks += self._asking.asked(product.recipe, question, product.output)

    async def checked_on_loop(self, product: Product) -> None:
        """The same on the event loop."""
        for question in product.recipe.questions:
            product.checks += await self._asking.asked_on_loop(product.recipe, question, product.output)

    def store(self, product: Product) -> None:
        """Keep the product's value, if it has one; under a name of this attempt alone."""
        store = product.recipe.store
        if product.output.value is None or store is None or product.recipe.asset.asks is not None:
            return  # what a check asks about is kept already; its store is for samples
        key = product.recipe.asset.key
        address = Address(key, self.task.partition, f"{self.task.run}.{self.task.attempt}")
        with self.step("store", f"output {key!r}" if self.outputs else ""):
            product.stored = store.write(address, product.output.value)

    def done(self, products: list[Product], meter: Meter) -> Done:
        """The attempt's end, when all went well."""
        costs = self.costs(meter, products)
        if not self.outputs:
            return Done(**dict(products[0].result()), costs=costs)
        made = {one.recipe.asset.key: one.result() for one in products}
        return Done(fingerprint=fingerprint_of(made), outputs=made, costs=costs)

    def costs(self, meter: Meter, products: Sequence[Product] = ()) -> tuple[CostItem, ...]:
        """What was measured, what was written, and what the function reported itself."""
        size, is_stored = sum(one.size_bytes for one in products), any(one.stored for one in products)
        written = (CostItem(resource="written", quantity=size, unit="bytes"),) if is_stored else ()
        return (*meter.costs(self.peak_bytes), *written, *self.context.costs)

    def close(self) -> None:
        """Remove what a program left in its folder."""
        if self._folder is not None:
            self._folder.cleanup()

    @contextmanager
    def step(self, kind: FailureKind, doing: str = "") -> Iterator[None]:
        """Turn whatever is raised inside into Trouble; the traceback goes to the log."""
        try:
            yield
        except Trouble:
            raise
        except BadResult as error:
            raise Trouble("bad_result", said(error, doing)) from error
        except (Exception, SystemExit) as error:
            log_traceback(self.task, error, doing)
            raise Trouble(kind, said(error, doing)) from error

    def _beside(self, asset: str) -> Any:
        """The one version of an input that a check compares with."""
        return self._loader.load(*self._pin(asset), None)

    def _pin(self, asset: str) -> tuple[str, Pin]:
        pins = [(key, pin) for key, pin in self.task.inputs.items() if asset_of(key) == asset]
        if len(pins) != 1:
            raise BadResult(f"it asks about {len(pins)} partitions of {asset!r}; it can ask about one")
        return pins[0]

    def _reads_several(self, dep: Dep) -> bool:
        """What it takes of this dep is a dict from partition to value."""
        if isinstance(dep.mapping, All):
            return all(partition_of(key) for key in self.task.inputs if asset_of(key) == dep.asset)
        return dep.mapping is not None and takes_several(dep.mapping)


def perform(code: Code, task: Task, meter: Meter) -> Done | Failed:
    """All steps of an attempt, in the thread that calls."""
    attempt = Attempt(code, task)
    try:
        products = attempt.computed()
        for one in products:
            attempt.checked(one)
        for one in products:
            attempt.store(one)
        return attempt.done(products, meter)
    except Trouble as trouble:
        return Failed(kind=trouble.kind, error=trouble.error, costs=attempt.costs(meter))
    finally:
        attempt.close()


def _product(recipe: Recipe, returned: Any) -> Product:
    """What was returned of one asset. Raises BadResult."""
    keeps_values = recipe.store is not None
    output = observation_of(returned) if recipe.asset.observed else output_of(returned, keeps_values)
    metadata = orjson.loads(orjson.dumps(dict(output.metadata)))
    value = output.value
    if isinstance(recipe.store, DatabaseStore) and value is not None:
        value = recipe.store.table(value)  # checks ask the database
    return Product(recipe, Output(value, output.version, output.fingerprint, metadata))
