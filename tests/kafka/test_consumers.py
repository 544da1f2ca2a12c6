"""Programs in Go and Node that know docs/contract only publish a change and follow the alert it leads to."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import everfresh as ef
from everfresh.config import Settings
from tests.consumers.toolchains import HERE, built, node_modules
from tests.kafka.stage import ALL, Stage, installation, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = pytest.mark.kafka

LANGUAGES = ("go", "node")


@dataclass(frozen=True)
class Program:
    """A consumer that is ready to run."""

    language: str
    command: tuple[str, ...]
    environment: dict[str, str]

    @asynccontextmanager
    async def following(
        self, broker: Broker, settings: Settings, asset: str, seconds: int
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """It publishes a change of `shop/orders`, then waits for the asset's alert so many seconds."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *(broker.address, settings.prefix, f"shop/{self.language}_orders", asset, str(seconds)),
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture(scope="module", params=LANGUAGES)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    if request.param == "go":
        binary = built(HERE / "go", tmp_path_factory.mktemp("go") / "consumer")
        return Program("go", (str(binary),), {})
    return Program("node", ("node", str(HERE / "node" / "consumer.js")), {"NODE_PATH": str(node_modules())})


@pytest.fixture
def settings(kafka_broker: Broker) -> Settings:
    return installation(kafka_broker.url)


def shop(is_mended: Callable[[], bool]) -> ef.App:
    """For each language an asset that fails until it is mended, and one that never does."""
    app = ef.App("shop")

    def declare(language: str) -> None:
        orders = app.source(f"{language}_orders")

        @app.asset(
            deps={"orders": orders},
            freshness=ef.Eager(),
            retry=ef.Retry(0, cool_down="3s"),
            name=f"{language}_revenue",
        )
        async def revenue(orders: ef.Input) -> ef.Output:
            if not is_mended():
                raise ValueError("no such warehouse")
            return ef.Output(version=orders.version)

        @app.asset(deps={"orders": orders}, freshness=ef.Eager(), name=f"{language}_report")
        async def report(orders: ef.Input) -> ef.Output:
            return ef.Output(version=orders.version)

    for language in LANGUAGES:
        declare(language)
    return app


async def line(process: asyncio.subprocess.Process, stage: Stage) -> str:
    """The next line that it prints; what it had to say against it where it ends without one."""
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        said = await process.stdout.readline()
        if not said:
            for role in stage.roles:
                role.fail()
            raise AssertionError((await process.stderr.read()).decode())
    return said.decode().strip()


async def test_it_follows_an_alert_from_its_change_to_its_end(
    program: Program, kafka_broker: Broker, settings: Settings, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    asset = f"shop/{program.language}_revenue"
    async with (
        staged(settings, shop(mended.exists), *ALL) as stage,
        program.following(kafka_broker, settings, asset, 90) as process,
    ):
        opened = await line(process, stage)
        mended.touch()
        resolved = await line(process, stage)
        assert await process.wait() == 0
        story = await stage.told(quiet=False)
    assert [opened.split()[0], resolved.split()[0]] == ["opened", "resolved"]
    for step, said in (("opened", opened), ("resolved", resolved)):
        [alert] = story.outputs(f"alert.{step}", asset)
        assert said.split()[1] == alert["data"]["fingerprint"]


async def test_it_ends_with_a_sentence_where_no_alert_comes(
    program: Program, kafka_broker: Broker, settings: Settings
) -> None:
    asset = f"shop/{program.language}_report"
    async with (
        staged(settings, shop(bool), *ALL) as stage,
        program.following(kafka_broker, settings, asset, 8) as process,
    ):
        await stage.until(lambda: stage.domain.state.nodes[asset].version == "1", "its change was taken in")
        _, wrong = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 1
    assert f"no everfresh.alert.opened.v1 about {asset} came" in wrong.decode()
