"""A shared bill in parts that sum to the whole: by what was measured, evenly, or by fixed shares. Idle is a part too.

By the method of the largest remainder: each gets its share cut to the currency's smallest coin, and the coins that are
left go to those who lost most by that, one each. Source: https://en.wikipedia.org/wiki/Quota_method
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from streams.costs import IDLE

COIN_PLACES = 2
"""digits behind the point of most currencies"""

_NO_COINS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_PLACES = dict.fromkeys(_NO_COINS.split(), 0)
_PLACES |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4}
"""of the others; source: ISO 4217, list one"""

WHOLE = 100
"""per cent"""

Weights = dict[str, Fraction]
"""who takes part → how much of it is theirs, relative to the others; IDLE is nobody's"""


def places_of(currency: str | None) -> int:
    """Digits behind the point of a currency's smallest coin.

    >>> places_of("EUR"), places_of("JPY"), places_of("KWD")
    (2, 0, 3)
    """
    return _PLACES.get(currency or "", COIN_PLACES)


def by_use(used: Mapping[str, Decimal], capacity: Decimal | None = None) -> Weights:
    """Proportional to a measured quantity; of a capacity that was paid for, what nobody used is idle.

    Raises ValueError for a quantity below zero.
    """
    weights = _checked({name: Fraction(quantity) for name, quantity in used.items()})
    if capacity is not None:
        weights[IDLE] = max(Fraction(0), Fraction(capacity) - sum(weights.values()))
    return weights


def evenly(names: Iterable[str]) -> Weights:
    """The same to each."""
    return dict.fromkeys(names, Fraction(1))


def by_shares(percents: Mapping[str, Decimal]) -> Weights:
    """Fixed shares in per cent; what is left of a hundred is idle. Raises ValueError where they are more than that."""
    weights = _checked({name: Fraction(percent) for name, percent in percents.items()})
    rest = WHOLE - sum(weights.values())
    if rest < 0:
        raise ValueError(f"the shares are {float(WHOLE - rest):g}% together; they are at most 100%")
    return {**weights, IDLE: Fraction(rest)}


def split(whole: Decimal, weights: Mapping[str, Fraction], places: int = COIN_PLACES) -> dict[str, Decimal]:
    """The parts, in the order of the weights; they sum to the whole exactly. Idle where nobody has a weight.

    `places` are the digits behind the point of a part; a whole that has more keeps them. What is equal but for its name
    differs by one coin at most, and the name that sorts first is not worse off.

    >>> split(Decimal("10.00"), evenly(["a", "b", "c"]))
    {'a': Decimal('3.34'), 'b': Decimal('3.33'), 'c': Decimal('3.33')}
    >>> split(Decimal("9.00"), by_use({"a": Decimal(1), "b": Decimal(1)}, capacity=Decimal(3)))
    {'a': Decimal('3.00'), 'b': Decimal('3.00'), '_idle': Decimal('3.00')}
    """
    total = sum(weights.values())
    if not total:
        return {IDLE: whole}
    exponent = whole.as_tuple().exponent
    places = max(places, -exponent if isinstance(exponent, int) else 0)
    coin = Decimal(1).scaleb(-places)
    coins = abs(int(whole.scaleb(places)))
    exact = {name: coins * weight / total for name, weight in weights.items()}
    parts = {name: int(share) for name, share in exact.items()}
    left = coins - sum(parts.values())
    for name in sorted(exact, key=lambda name: (parts[name] - exact[name], name))[:left]:
        parts[name] += 1
    sign = -1 if whole < 0 else 1
    return {name: sign * part * coin for name, part in parts.items()}


def _checked(weights: Weights) -> Weights:
    for name, weight in weights.items():
        if weight < 0:
            raise ValueError(f"the weight of {name!r} is {float(weight):g}; it is at least 0")
    return weights
