"""The domain that bench/idle watches: 200 assets, 199 of them as soon as the one source changes."""

import everfresh as ef

ASSETS = 200

app = ef.App("fan")
start = app.source("start")


def declare(number: int) -> None:
    @app.asset(deps=[start], freshness=ef.Eager(), name=f"part{number:03}")
    async def part(start: ef.Input) -> None:
        """Do nothing."""


for number in range(1, ASSETS):
    declare(number)
