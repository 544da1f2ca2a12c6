"""Looks whether what is expected of a table is so, where the table is: one engine a file, one answer."""

from reactors.io.checks.asking import Seen, evaluate

__all__ = ["Seen", "evaluate"]
