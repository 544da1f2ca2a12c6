"""The checks of one attempt: each asked about a value, in time, and whatever it raises an answer too."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from reactors.compute import CheckOutcome, Context, Output, outcomes_of
from reactors.expectations import Expectation
from reactors.io.checks import Seen, evaluate
from reactors.io.checks.samples import keep_sample
from reactors.io.executors.limits import in_time, in_time_on_loop
from reactors.io.executors.telling import log_traceback, said, short
from reactors.io.loading import converted
from reactors.ports import Address, Task
from reactors.recipes import Question, Recipe
from streams.events import CheckResult


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks an attempt's checks. `beside` reads the input that a check compares with."""

    task: Task
    context: Context
    beside: Callable[[str], Any]

    def asked(self, recipe: Recipe, question: Question, output: Output) -> list[CheckResult]:
        """Ask about the output, here and now."""
        begun = monotonic()
        try:
            answer = in_time(lambda: self._answered(recipe, question, output), question.check.timeout_ms)
            return self._results(recipe, question, outcomes_of(answer), monotonic() - begun)
        except (Exception, SystemExit) as error:  # noqa: BLE001,RUF100  a check's failure is an outcome
            return [self._errored(question, error, monotonic() - begun)]

    async def asked_on_loop(self, recipe: Recipe, question: Question, output: Output) -> list[CheckResult]:
        """The same on the event loop: an async check is awaited, another one keeps a thread busy."""
        asks, limit_ms = question.asks, question.check.timeout_ms
        if isinstance(asks, Expectation) or not inspect.iscoroutinefunction(asks):
            return await asyncio.to_thread(self.asked, recipe, question, output)
        begun = monotonic()
        try:
            answer = await in_time_on_loop(asks(**self._about(question, output)), limit_ms)
            outcomes, seconds = outcomes_of(answer), monotonic() - begun
            return await asyncio.to_thread(self._results, recipe, question, outcomes, seconds)
        except (Exception, SystemExit) as error:  # noqa: BLE001,RUF100  the same
            return [self._errored(question, error, monotonic() - begun)]

    def _answered(self, recipe: Recipe, question: Question, output: Output) -> Any:
        if isinstance(question.asks, Expectation):
            reads, sample = question.asks.reads, question.sample
            points = self.task.learned.get(recipe.asset.key, {}).get(question.check.name, ())
            shown, rows = (sample.columns, sample.rows) if sample else ((), 0)
            seen = Seen(points, self.task.at_ms, shown, rows)
            return evaluate(question.asks, output.value, None if reads is None else self.beside(reads), seen)
        answer = question.asks(**self._about(question, output))
        return asyncio.run(answer) if inspect.iscoroutine(answer) else answer

    def _about(self, question: Question, output: Output) -> dict[str, Any]:
        wants = question.takes.wants
        value = output if wants is Output else converted(output.value, wants)
        return {question.takes.name: value, **({question.context: self.context} if question.context else {})}

    def _results(
        self, recipe: Recipe, question: Question, outcomes: Sequence[CheckOutcome], seconds: float
    ) -> list[CheckResult]:
        found = []
        for outcome in outcomes:
            how = "skip" if outcome.skipped else "error" if outcome.errored else "pass" if outcome.passed else "fail"
            result = _result(question, how, outcome, seconds)
            found.append(result.model_copy(update={"sample_ref": self._sample(recipe, question, result, outcome)}))
        return found

    def _sample(self, recipe: Recipe, question: Question, result: CheckResult, outcome: CheckOutcome) -> str | None:
        """Where the rows lie that were kept; a sample that can't be kept is no reason to lose the answer."""
        if question.sample is None or not outcome.sample or result.outcome != "fail":
            return None
        name = f"{self.task.run}.{self.task.attempt}.{result.check}"
        address = Address(recipe.asset.asks or recipe.asset.key, self.task.partition, name)
        try:
            return keep_sample(recipe.store, address, question.sample, outcome.sample)
        except Exception as error:  # noqa: BLE001,RUF100  stores raise kinds of their own
            log_traceback(self.task, error, f"the sample of check {result.check!r}")
            return None

    def _errored(self, question: Question, error: BaseException, seconds: float) -> CheckResult:
        log_traceback(self.task, error, f"check {question.check.name!r}")
        return _result(question, "error", CheckOutcome(False, observed=said(error)), seconds)


def _result(question: Question, outcome: Any, told: CheckOutcome, seconds: float) -> CheckResult:
    check = question.check
    severity = told.severity or check.severity
    is_minor = told.severity in {"info", "warn"}  # the answer's own word: no reason to hold a version back
    return CheckResult(
        check=check.name if told.name is None else f"{check.name}/{short(told.name)}",
        outcome=outcome,
        severity=severity,
        blocking=check.blocking and not is_minor,
        on_error=check.on_error,
        metric=told.metric,
        n_tested=told.n_tested,
        n_failed=told.n_failed,
        engine=told.engine or "python",
        observed=None if told.observed is None else short(str(told.observed)),
        expected=None if told.expected is None else short(str(told.expected)),
        duration_seconds=seconds,
        measure=told.measure,
    )
