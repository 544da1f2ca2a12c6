"""Compares docs/parity.md with the operators that Dagster and Airflow, as installed, really have.

    make parity

Exit code 1, with the rows to write or to strike out. It runs in an environment of its own, and imports nothing of ours.
"""

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "parity.md"
ROW = re.compile(r"^\| `(.+?)` \|", re.MULTILINE)
MACHINERY = re.compile(r"_|get_|evaluate$|as_auto_materialize_policy$|resolves_|(count|index)$")
"""what conditions have besides operators: how they are stored and asked, and what tuples can do"""


def dagster() -> set[str]:
    """Every operator on an AutomationCondition, and on what its operators return."""
    Condition = import_module("dagster").AutomationCondition  # noqa: N806  it is a class
    one = Condition.missing()
    kinds = [type(it) for it in (one & one, one | one, Condition.any_deps_match(one), Condition.any_checks_match(one))]
    signs = {"&": "__and__", "|": "__or__", "~": "__invert__"}
    found = {sign for sign, name in signs.items() if hasattr(Condition, name)}
    for kind in (Condition, *kinds):
        for name in dir(kind):
            said = inspect.getattr_static(kind, name)
            if not MACHINERY.match(name) and (isinstance(said, staticmethod) or inspect.isfunction(said)):
                found.add(name)
    return found


def airflow() -> set[str]:
    """Every public name by which Airflow schedules on assets and their partitions."""
    return {
        name for name in import_module("airflow.sdk").__all__ if re.search("[aA]sset|[pP]artition|Mapper|Window", name)
    }


PACKAGES: Mapping[str, Callable[[], set[str]]] = {"Dagster": dagster, "Airflow": airflow}


def rows(package: str) -> set[str]:
    """The operators in the package's table."""
    section = PAGE.read_text().split(f"\n## {package} ")[1].split("\n## ")[0]
    return {name.replace("\\|", "|") for name in ROW.findall(section)}


def main() -> int:
    """Compare both; the exit code."""
    code = 0
    for package, operators in PACKAGES.items():
        there, told = operators(), rows(package)
        for name in sorted(there ^ told):
            print(
                f"{package}: {name!r} {'has no row in docs/parity.md' if name in there else 'is no operator any more'}"
            )
            code = 1
        print(f"{package}: {len(there)} operators, {len(told)} rows")
    return code


if __name__ == "__main__":
    sys.exit(main())
