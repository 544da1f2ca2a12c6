"""docs/parity.md tells no more than is shown: a test for each supported row, a reason for each other one."""

import re

from tests.docs.pages import ROOT
from tests.parity import test_operators

PAGE = (ROOT / "docs" / "parity.md").read_text()
TABLES = {package: PAGE.split(f"\n## {package} ")[1].split("\n## ")[0] for package in ("Dagster", "Airflow")}


def rows(package: str) -> list[list[str]]:
    """The cells of each row: operator, ours, shown by."""
    lines = [line for line in TABLES[package].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_what_is_there_names_a_test_that_there_is_and_what_is_not_says_why() -> None:
    for package in TABLES:
        for operator, ours, shown in rows(package):
            if ours == "none":
                assert len(shown) > 8 or shown == "The same", operator
                assert not shown.startswith("`test_"), operator
            else:
                assert hasattr(test_operators, shown.strip("`")), operator


def test_each_operator_has_one_row_and_the_counts_are_the_rows() -> None:
    for package, text in TABLES.items():
        found = rows(package)
        assert len({operator for operator, _, _ in found}) == len(found)
        there = sum(ours != "none" for _, ours, _ in found)
        assert f"{there} of {len(found)} are there." in text


def test_each_test_here_is_some_rows() -> None:
    named = {shown.strip("`") for package in TABLES for _, _, shown in rows(package)}
    tests = {name for name in vars(test_operators) if name.startswith("test_")}
    assert tests - named <= {
        "test_quiet_waits_until_a_burst_is_over_but_not_for_ever",  # neither of the two has anything like it
        "test_a_command_runs_what_nothing_else_would",
    }
