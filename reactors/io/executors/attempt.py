"""One attempt, step by step: load, compute, check, store. The same steps wherever it runs."""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import orjson

from reactors.binding import is_data_type, of_each
from reactors.compute import CheckOutcome, Context, Input, Output, outcome_of, output_of
from reactors.expectations import Expectation
from reactors.io.checks import evaluate
from reactors.io.executors.limits import in_time, in_time_on_loop
from reactors.io.executors.meter import Meter
from reactors.io.executors.program import run_program
from reactors.io.executors.telling import log_traceback, run_log, said, short
from reactors.io.loading import CodeLoader, converted
from reactors.ports import Address, Done, Failed, FailureKind, Stored, Task
from reactors.recipes import Code, Program, Question
from streams.definitions import Dep
from streams.errors import BadResult
from streams.events import CheckResult, CostItem, Pin
from streams.grids import parts_of, takes_several
from streams.keys import asset_of, partition_of
from streams.partitions import All


class Trouble(Exception):
    """What ends an attempt: the kind of it, and a sentence about it."""

    def __init__(self, kind: FailureKind, error: str) -> None:
        super().__init__(error)
        self.kind, self.error = kind, error


class Attempt:
    """The steps of one attempt. Each raises Trouble; `perform` and the loop executor call them in order."""

    def __init__(self, code: Code, task: Task) -> None:
        self.recipe = code.recipes[task.asset]
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
                return self._loader.input(key, pin)
            return self._loader.load(key, pin, wants if is_data_type(wants) else None)

    def _only(self, asset: str, read: dict[str, Any]) -> Any:
        if not read:
            raise Trouble("raised", f"the grant names no version of input {asset!r}")
        return next(iter(read.values()))

    def computed(self) -> Output:
        """Load, and run the function or the program, here and now."""
        made_by = self.recipe.made_by
        if isinstance(made_by, Program):
            self._folder = TemporaryDirectory(prefix="everfresh-")
            with self.step("raised"):
                ended = run_program(made_by, self.task, Path(self._folder.name), self.log)
                self.peak_bytes = ended.peak_bytes
                return self.output(ended.output())
        arguments = self.arguments()
        with self.step("raised"):
            returned = made_by(**arguments)
        return self.output(returned)

    def output(self, returned: Any) -> Output:
        """What the function returned, as an Output."""
        with self.step("bad_result"):
            if inspect.iscoroutine(returned):
                returned.close()
                raise BadResult("it returned a coroutine: declare the function with async def")
            output = output_of(returned, keeps_values=self.recipe.store is not None)
            metadata = orjson.loads(orjson.dumps(dict(output.metadata)))
            return Output(output.value, output.version, output.fingerprint, metadata)

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

    def stored(self, output: Output) -> Stored | None:
        """Keep the output's value, if it has one; under a name of this attempt alone."""
        store = self.recipe.store
        if output.value is None or store is None:
            return None
        address = Address(self.task.asset, self.task.partition, f"{self.task.run}.{self.task.attempt}")
        with self.step("store"):
            return store.write(address, output.value)

    def done(self, output: Output, checks: list[CheckResult], stored: Stored | None, meter: Meter) -> Done:
        """The attempt's end, when all went well."""
        return Done(
            version=output.version,
            fingerprint=output.fingerprint or (stored.fingerprint if stored else None),
            uri=stored.uri if stored else None,
            format=stored.format if stored else None,
            metadata=dict(output.metadata),
            checks=tuple(checks),
            costs=self.costs(meter, stored),
        )

    def costs(self, meter: Meter, stored: Stored | None = None) -> tuple[CostItem, ...]:
        """What was measured, what was written, and what the function reported itself."""
        size = stored.size_bytes if stored else 0
        written = (CostItem(resource="written", quantity=size, unit="bytes"),) if stored else ()
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
        output = attempt.computed()
        checks = [attempt.asked(question, output) for question in attempt.recipe.questions]
        return attempt.done(output, checks, attempt.stored(output), meter)
    except Trouble as trouble:
        return Failed(kind=trouble.kind, error=trouble.error, costs=attempt.costs(meter))
    finally:
        attempt.close()


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
