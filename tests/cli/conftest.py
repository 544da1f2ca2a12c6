"""One shop for all who only look at it: deployed, changed, and run until it is idle."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shop import Ran, Shop, typist


@pytest.fixture(scope="session", autouse=True)
def the_typist_goes_home() -> Iterator[None]:
    yield
    if typist.cache_info().currsize:
        typist().close()


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Ran]:
    """The shop, and what `dev --until-idle` printed."""
    shop = Shop(tmp_path_factory.mktemp("settled"))
    shop.ok("deploy", "shop.py")
    changes = "".join(f'{{"asset": "shop/orders", "version": "{version}"}}\n' for version in ("a", "b"))
    shop.ok("publish", "--from-jsonl", "-", stdin=changes)
    return shop, shop.run("dev", "shop.py", "--until-idle")


@pytest.fixture(scope="session")
def shop(settled: tuple[Shop, Ran]) -> Shop:
    """To look at, not to change."""
    return settled[0]


@pytest.fixture
def own(shop: Shop, tmp_path: Path) -> Shop:
    """A copy of it, to change."""
    shutil.copytree(shop.folder, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)


@pytest.fixture
def bare(tmp_path: Path) -> Shop:
    """A folder with an app and no log."""
    return Shop(tmp_path)
