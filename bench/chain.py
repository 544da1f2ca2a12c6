"""The chain that bench/hop runs: three assets, as soon as their inputs change; the compute does nothing."""

import everfresh as ef

app = ef.App("chain")
start = app.source("start")


@app.asset(deps=[start], freshness=ef.Eager())
async def first(start: ef.Input) -> None:
    """Do nothing."""


@app.asset(deps=[first], freshness=ef.Eager())
async def second(first: ef.Input) -> None:
    """Do nothing."""


@app.asset(deps=[second], freshness=ef.Eager())
async def third(second: ef.Input) -> None:
    """Do nothing."""
