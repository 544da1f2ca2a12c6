"""What the tests of `everfresh run` have in common."""

from typing import Any

import orjson

from tests.cli.shop import Shop

RUN = ("run", "--asset", "shop/orders")
CHANGED, REPORTED = "everfresh.asset.changed.v1", "everfresh.run.reported.v1"


def sh(script: str) -> tuple[str, ...]:
    return ("--", "sh", "-c", script)


def spooled(shop: Shop) -> list[dict[str, Any]]:
    """The events that wait, oldest first."""
    files = sorted((shop.folder / ".everfresh/spool").glob("*"))
    return [orjson.loads(line) for file in files for line in file.read_bytes().splitlines()]


def journal(shop: Shop, **environment: str) -> list[dict[str, Any]]:
    """What publishers said, once it was taken in."""
    shop.run("dev", "shop.py", "--until-idle", **environment)
    found: list[dict[str, Any]] = shop.ok("events", CHANGED, REPORTED, "--journal", "--json", **environment).jsonl()
    return found


def source_row(shop: Shop, **environment: str) -> dict[str, Any]:
    row: dict[str, Any] = shop.ok("status", "orders", "--json", **environment).json()[0]
    return row
