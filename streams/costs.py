"""Costs as they are named everywhere: what is measured here, what is nobody's, and the tag that queries carry."""

import re
from decimal import Decimal
from typing import NamedTuple

MEASURED = frozenset(("wall", "cpu", "memory.peak", "written"))
"""resources that executors measure; no bill from outside is about them"""

IDLE = "_idle"
"""the name, in a domain, under which the part of a bill is kept that no asset used"""

PLACES = 9
"""digits behind the point of an amount of money"""

DIGITS = 15
"""significant digits of an amount: so many survive any reader that takes a number for a double"""

_AMOUNT = re.compile(rf"-?\d{{1,{DIGITS}}}(\.\d{{1,{PLACES}}})?", re.ASCII)
_TAG = re.compile(r"everfresh:(?P<asset>[\w.-]+/[\w.-]+):(?P<run>[\w.-]+)", re.ASCII)


class Tagged(NamedTuple):
    """Whose a query is."""

    asset: str
    run: str


def query_tag(asset: str, run: str) -> str:
    """What a query carries, so that a bill can be told by it.

    >>> query_tag("shop/revenue", "3-944befd85a")
    'everfresh:shop/revenue:3-944befd85a'
    """
    return f"everfresh:{asset}:{run}"


def tagged(text: str | None) -> Tagged | None:
    """Whose a query is, by a tag or a comment in it; None where nothing in the text says so.

    >>> tagged("/* everfresh:shop/revenue:3-944befd85a */ SELECT 1")
    Tagged(asset='shop/revenue', run='3-944befd85a')
    >>> tagged("SELECT 1")
    """
    found = _TAG.search(text) if text else None
    return None if found is None else Tagged(found["asset"], found["run"])


def idle_of(domain: str) -> str:
    """The key under which a domain's idle part is kept.

    >>> idle_of("shop")
    'shop/_idle'
    """
    return f"{domain}/{IDLE}"


def amount_of(text: str) -> Decimal:
    """An amount of money as decimal text. Raises ValueError for what is none, or has more digits than readers keep.

    >>> amount_of("-12.340")
    Decimal('-12.340')
    """
    if not _AMOUNT.fullmatch(text) or len(text.strip("-0").replace(".", "").lstrip("0")) > DIGITS:
        raise ValueError(
            f"{text!r} is no amount like '12.34': at most {DIGITS} digits, {PLACES} of them behind the point"
        )
    return Decimal(text)
