"""What the checker says when something is wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Invariant(StrEnum):
    """The rule that is broken; the numbers are those of semantics.md."""

    ACCOUNTING = "0 accounting"
    VALUES = "1 values"
    INPUTS = "2 inputs agree"
    CUTS = "3 cuts never go back"
    COVERAGE = "4 each commit covered once"
    NEED = "6 no needless run"
    ATTEMPTS = "7 one attempt, one result"
    VARIANTS = "8 same publications"
    REPLAY = "11 same journal, same outputs"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. `offset` is the journal's: where the wrong event stands, or what caused a wrong output."""

    invariant: Invariant
    asset: str | None
    run: str | None
    offset: int | None
    text: str

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at offset {self.offset}"
        who = "".join(f" {one}" for one in (self.asset, self.run) if one)
        return f"[{self.invariant}]{who}{where}: {self.text}"
