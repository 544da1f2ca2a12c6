"""One attempt, step by step: load, compute, check, store. The same steps wherever it runs."""

import asyncio
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import orjson

from reactors.binding import is_data_type, of_each
from reactors.compute import (
    CheckOutcome,
    Context,
    Input,
    Output,
    each_of,
    fingerprint_of,
    observation_of,
    outcome_of,
    output_of,
)
from reactors.expectations import Expectation
from reactors.io.checks import evaluate
from reactors.io.executors.limits import in_time, in_time_on_loop
from reactors.io.executors.meter import Meter
from reactors.io.executors.program import run_program
from reactors.io.executors.telling import log_traceback, run_log, said, short
from reactors.io.loading import CodeLoader, converted
from reactors.ports import Address, Done, Failed, FailureKind, Stored, Task
from reactors.recipes import Code, MadeBy, Program, Question, Recipe
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
        arguments = self.arguments()
        with self.step("raised"):
            returned = made_by(**arguments)
        return self.products(returned)

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

    def asked(self, question: Question, output: Output) -> CheckResult:
        """Ask a check about the output, here and now."""
        begun = monotonic()
        try:
            answer = in_time(lambda: self._answered(question, output), question.check.timeout_ms)
            return _result(question, outcome_of(answer), monotonic() - begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001,RUF100  a check's failure is an outcome
            return self._errored(question, error, monotonic() - begun)

    async def asked_on_loop(self, question: Question, output: Output) -> CheckResult:
        """The same on the event loop: an async check is awaited, another one keeps a thread busy."""
        asks, limit_ms = question.asks, question.check.timeout_ms
        if isinstance(asks, Expectation) or not inspect.iscoroutinefunction(asks):
            return await asyncio.to_thread(self.asked, question, output)
        begun = monotonic()
        try:
            answer = await in_time_on_loop(asks(**self._about(question, output)), limit_ms)
            return _result(question, outcome_of(answer), monotonic() - begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001,RUF100  the same
            return self._errored(question, error, monotonic() - begun)

    def store(self, product: Product) -> None:
        """Keep the product's value, if it has one; under a name of this attempt alone."""
        store = product.recipe.store
        if product.output.value is None or store is None:
            return
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

    def _answered(self, question: Question, output: Output) -> Any:
        if isinstance(question.asks, Expectation):
            reads = question.asks.reads
            beside = None if reads is None else self._beside(reads)
            return evaluate(question.asks, output.value, beside)
        answer = question.asks(**self._about(question, output))
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    def _beside(self, asset: str) -> Any:
        """The one version of an input that a check compares with."""
        pins = [(key, pin) for key, pin in self.task.inputs.items() if asset_of(key) == asset]
        if len(pins) != 1:
            raise BadResult(f"it compares with {len(pins)} partitions of {asset!r}; it can compare with one")
        return self._loader.load(*pins[0], None)

    def _reads_several(self, dep: Dep) -> bool:
        """What it takes of this dep is a dict from partition to value."""
        if isinstance(dep.mapping, All):
            return all(partition_of(key) for key in self.task.inputs if asset_of(key) == dep.asset)
        return dep.mapping is not None and takes_several(dep.mapping)

    def _about(self, question: Question, output: Output) -> dict[str, Any]:
        wants = question.takes.wants
        value = output if wants is Output else converted(output.value, wants)
        return {question.takes.name: value, **({question.context: self.context} if question.context else {})}

    def _errored(self, question: Question, error: BaseException, seconds: float) -> CheckResult:
        log_traceback(self.task, error, f"check {question.check.name!r}")
        return _answer(question, "error", CheckOutcome(False, observed=said(error)), seconds)


def perform(code: Code, task: Task, meter: Meter) -> Done | Failed:
    """All steps of an attempt, in the thread that calls."""
    attempt = Attempt(code, task)
    try:
        products = attempt.computed()
        for one in products:
            one.checks = [attempt.asked(question, one.output) for question in one.recipe.questions]
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
    return Product(recipe, Output(output.value, output.version, output.fingerprint, metadata))


def _result(question: Question, outcome: CheckOutcome, seconds: float) -> CheckResult:
    how = "skip" if outcome.skipped else "pass" if outcome.passed else "fail"
    return _answer(question, how, outcome, seconds)


def _answer(question: Question, outcome: Any, told: CheckOutcome, seconds: float) -> CheckResult:
    return CheckResult(
        check=question.check.name,
        outcome=outcome,
        severity=question.check.severity,
        blocking=question.check.blocking,
        on_error=question.check.on_error,
        metric=told.metric,
        n_tested=told.n_tested,
        n_failed=told.n_failed,
        engine="everfresh" if isinstance(question.asks, Expectation) else "python",
        observed=None if told.observed is None else short(str(told.observed)),
        expected=None if told.expected is None else short(str(told.expected)),
        duration_seconds=seconds,
    )
