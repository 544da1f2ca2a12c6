"""Sources that should have been heard of by now."""

from reactors.alerts import close_alert, open_alert
from reactors.causes import SILENT, Cause, Trouble
from reactors.domain import Domain
from reactors.state import Root
from streams.units import readable


def heard(domain: Domain, root: Root) -> None:
    """A change of the source came, be it a commit or not."""
    root.heard_at = domain.state.now
    expected = domain.graph.expected.get(root.key)
    if expected is not None:
        domain.arm_other(root.key, root.heard_at + expected)
        close_alert(domain, Cause(SILENT, root.key), f"{root.key} was heard of again")


def expect(domain: Domain, root: Root) -> None:
    """The source was declared: from now on it is waited for, or no longer."""
    if root.heard_at < 0:
        root.heard_at = domain.state.now
    expected = domain.graph.expected.get(root.key)
    if expected is None:
        close_alert(domain, Cause(SILENT, root.key), f"{root.key} is no longer waited for")
    else:
        domain.arm_other(root.key, root.heard_at + expected)


def listen(domain: Domain, root: Root) -> None:
    """Time passed: was it heard of?"""
    expected = domain.graph.expected.get(root.key)
    if expected is None or domain.state.now < root.heard_at + expected:
        return
    summary = f"{root.key} was not heard of for {readable(expected)}"
    since = root.heard_at + expected
    open_alert(domain, Cause(SILENT, root.key), Trouble("warn", summary, since, f"a change each {readable(expected)}"))
