"""What is wrong outside the app (a disk, a broker, its topics, an old worker): the sentence, and the way out taken."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from everfresh.config import settings
from everfresh.loading import load_app
from everfresh.site import opened
from streams.manifests import in_parts
from tests.cli.shop import Ran, Running, Shop, eventually, surroundings
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

APP = """
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
orders = app.source("orders")


@app.asset(deps=[orders], freshness=ef.Eager(), retry=ef.Retry(0), code_version="{version}")
async def revenue(orders: ef.Input):
    return {value}
"""
ROLES = ("start", "reactor", "ingress", "worker", "--app", "shop.py")
IDLE = "idle: 1 asset, 1 change taken in"
MAY_MOUNT = subprocess.run(["unshare", "--map-root-user", "--mount", "true"], check=False).returncode == 0
on_a_disk_of_its_own = pytest.mark.skipif(not MAY_MOUNT, reason="this user may not mount")


def app(version: int = 1, value: str = "42") -> str:
    return APP.format(version=version, value=value)


@pytest.fixture
def disk(tmp_path: Path) -> Callable[..., list[Ran]]:
    """Types lines in a folder on a disk of 2 MB that only they see; what each `everfresh` answered."""

    def typed(*lines: str, value: str = "42") -> list[Ran]:
        (tmp_path / "shop.py").write_text(app(value=value))
        (tmp_path / "disk").mkdir()
        script = ["set -e", "mount -t tmpfs -o size=2m disk disk", "cp shop.py disk", "cd disk"]
        answers = []
        for number, line in enumerate(lines):
            if not line.startswith("everfresh"):
                script.append(line)
                continue
            answers.append(number)
            script.append(
                f"{line} >../{number}.out 2>../{number}.err && code=0 || code=$?; echo $code >../{number}.code"
            )
        command = f'everfresh() {{ {sys.executable} -m everfresh "$@"; }}\n' + "\n".join(script)
        subprocess.run(
            ["unshare", "--map-root-user", "--mount", "bash", "-c", command],
            cwd=tmp_path,
            env=surroundings(),
            check=True,
            timeout=PATIENCE_SECONDS,
        )
        read = [[(tmp_path / f"{one}.{kind}").read_text() for kind in ("out", "err", "code")] for one in answers]
        return [Ran(out, err, int(code)) for out, err, code in read]

    return typed


FILL = "dd if=/dev/zero of=ballast bs=1k 2>/dev/null || true"
FULL = "could not be written, its disk or quota is full; free some space and try again: nothing was kept"


@on_a_disk_of_its_own
def test_a_change_that_finds_the_disk_full_is_refused_and_taken_once_there_is_room(
    disk: Callable[..., list[Ran]], tmp_path: Path
) -> None:
    _, refused, told, again, done = disk(
        "everfresh deploy shop.py", FILL, "everfresh publish orders", "everfresh doctor", "rm ballast",
        "everfresh publish orders", "everfresh dev shop.py --until-idle",
    )  # fmt: skip
    log = tmp_path / "disk/.everfresh/log.db"
    assert (refused.code, refused.err) == (1, f"the log {log} {FULL}\n")
    assert (told.code, told.lines[-1]) == (1, f"problem  log       the log {log} {FULL}")
    assert (again.code, again.err) == (0, "")
    assert (done.code, done.err.splitlines()[-1]) == (0, IDLE), "one change: the refused one was not kept"


@on_a_disk_of_its_own
def test_a_result_that_finds_the_disk_full_fails_its_run_which_is_tried_again(disk: Callable[..., list[Ran]]) -> None:
    _, _, failed, done = disk(
        "everfresh deploy shop.py",
        "everfresh publish orders",
        "dd if=/dev/zero of=ballast bs=1k count=1000 2>/dev/null",
        "everfresh dev shop.py --until-idle",
        "rm ballast",
        "everfresh dev shop.py --until-idle",
        value='"x" * 1_500_000',
    )
    assert failed.code == 1
    assert "OSError: [Errno 28] No space left on device" in failed.err
    assert "tries it again; `everfresh dev` does it by itself" in failed.err
    assert "Traceback" not in failed.out + failed.err
    assert (done.code, done.err.splitlines()[-1]) == (0, IDLE)


@on_a_disk_of_its_own
def test_on_a_read_only_disk_it_is_said_which_folder_must_be_written(
    disk: Callable[..., list[Ran]], tmp_path: Path
) -> None:
    read_only = "mount -o remount,ro disk ."
    none, _, refused, again = disk(
        read_only, "everfresh deploy shop.py", "mount -o remount,rw disk .", "everfresh deploy shop.py",
        read_only, "everfresh publish orders", "mount -o remount,rw disk .", "everfresh publish orders",
    )  # fmt: skip
    folder = tmp_path / "disk/.everfresh"
    way_out = f"; check that {folder} is a folder this user may write to\n"
    for ran in (none, refused):
        assert ran.code == 1
        assert re.fullmatch(rf"the log {folder}/log.db can't be opened \(.*\){way_out}", ran.err)
    assert (again.code, again.err) == (0, "")


def declare_late(folder: Path, deploy: int) -> None:
    """A deployer that was slow: the shop's app as it was then goes into the journal under the number it had then."""

    async def done() -> None:
        log = settings(log=f"sqlite:{folder}/.everfresh/log.db")
        async with opened(log) as site:
            (manifest,) = in_parts(load_app(str(folder / "shop.py")).manifest(deploy))
            await site.append("shop", manifest, "shop", f"late-{deploy}")

    asyncio.run(done())


def test_a_deploy_with_an_old_number_changes_nothing_and_deploying_again_does(bare: Shop) -> None:
    bare.app.write_text(app(1))
    bare.run("deploy", "shop.py")
    bare.app.write_text(app(2, "420"))  # another size: Python takes a file of this second for the one it compiled
    bare.run("deploy", "shop.py")
    bare.app.write_text(app(3, "4200"))
    declare_late(bare.folder, 2)
    planned = bare.run("deploy", "shop.py", "--plan")
    assert planned.lines[:2] == [
        "deploy 3 of 'shop' would be: 2 assets (1 changed)",
        "~ shop/revenue: code_version",
    ]
    assert bare.run("deploy", "shop.py").out == "deploy 3 of 'shop': 2 assets (1 changed)\n"


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """One that is stopped, and whose topics are spoiled."""
    with Broker() as own:
        yield own


class Cluster:
    """A shop on a broker, under a prefix of its own."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        folder.mkdir(exist_ok=True)
        self.shop, self.broker, self.prefix = Shop(folder, app()), broker, f"{os.urandom(4).hex()}."
        self.surroundings = {
            "EVERFRESH_LOG": broker.url,
            "EVERFRESH_PREFIX": self.prefix,
            "EVERFRESH_METRICS_PORT": "0",
            "EVERFRESH_SESSION_MS": "3s",
        }

    def typed(self, *arguments: str, **more: str) -> Ran:
        return self.shop.run(*arguments, **self.surroundings | more)

    def running(self, *arguments: str) -> AbstractContextManager[Running]:
        return self.shop.running(*arguments, **self.surroundings)

    def administered(self, work: Callable[[AIOKafkaAdminClient], Awaitable[object]]) -> None:
        async def done() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.address)
            await admin.start()
            await work(admin)
            await admin.close()

        asyncio.run(done())

    def sent(self, value: bytes) -> None:
        async def done() -> None:
            async with AIOKafkaProducer(bootstrap_servers=self.broker.address) as producer:
                await producer.send_and_wait(f"{self.prefix}changes.v1", value)

        asyncio.run(done())


@pytest.fixture
def cluster(tmp_path: Path, broker: Broker) -> Cluster:
    return Cluster(tmp_path, broker)


@pytest.mark.kafka
def test_a_topic_that_is_missing_is_named_and_made(cluster: Cluster) -> None:
    cluster.typed("deploy", "shop.py")
    checks = f"{cluster.prefix}checks.v1"
    cluster.administered(lambda admin: admin.delete_topics([checks]))
    ran = cluster.typed("topics", "check")
    assert (ran.code, ran.out) == (1, f"topic {checks} is missing; create it with `everfresh topics create`\n")
    assert cluster.typed("topics", "create").out == f"created {checks}\n"
    assert cluster.typed("topics", "check").code == 0


@pytest.mark.kafka
def test_a_topic_with_other_partitions_is_refused_and_another_prefix_helps(cluster: Cluster) -> None:
    cluster.typed("deploy", "shop.py")
    changes = f"{cluster.prefix}changes.v1"
    cluster.administered(lambda admin: admin.create_partitions({changes: NewPartitions(7)}))
    for typed in (("topics", "check"), ("start", "reactor", "--app", "shop.py"), ("dev", "shop.py", "--until-idle")):
        ran = cluster.typed(*typed)
        assert ran.out + ran.err == (
            f"topic {changes} has 7 partitions, declared are 4; a key would change its partition and lose its order: "
            "make it anew, or set another EVERFRESH_PREFIX, under which all topics are new\n"
        )
        assert ran.code == 1
    other = {"EVERFRESH_PREFIX": f"{cluster.prefix}new."}
    assert cluster.typed("deploy", "shop.py", **other).code == 0
    assert cluster.typed("topics", "check", **other).code == 0


@pytest.mark.kafka
def test_bytes_that_nobody_can_read_become_a_dead_letter_and_stop_nothing(cluster: Cluster) -> None:
    cluster.typed("deploy", "shop.py")
    cluster.sent(b"\xff\xfe what is this")
    cluster.typed("publish", "orders")
    done = cluster.typed("dev", "shop.py", "--until-idle")
    assert (done.code, done.err.splitlines()[-1]) == (0, IDLE)
    (letter,) = cluster.typed("dead-letters", "list", "--json").json()
    assert letter["origin"].startswith(f"{cluster.prefix}changes.v1/")
    again = cluster.typed("dead-letters", "replay", letter["origin"])
    assert again.code == 1
    assert again.err.startswith(f"{letter['origin']}: it would be refused again: ")
    assert again.err.endswith("; its sender has to publish it anew\n")


@pytest.mark.kafka
def test_a_worker_with_old_code_is_given_nothing_and_the_run_waits_for_one_with_the_new(cluster: Cluster) -> None:
    cluster.typed("deploy", "shop.py")
    with cluster.running(*ROLES) as old:
        old.says("ready")
        cluster.shop.app.write_text(app(2, "43"))
        cluster.typed("deploy", "shop.py")
        cluster.typed("publish", "orders")
        way_out = (
            "No worker has its code version '2', they have '1' only; `everfresh start worker --app APP` starts one "
            "with the code as it is now."
        )
        assert eventually(lambda: way_out in cluster.typed("explain", "revenue").lines)
        assert cluster.typed("runs", "revenue").out == ""
        with cluster.running("start", "worker", "--app", "shop.py") as new:
            new.says("ready")
            assert cluster.typed("materialize", "revenue", "--wait").code == 0
    assert (cluster.shop.folder / "store").is_dir()


@pytest.mark.kafka
def test_a_broker_that_goes_is_named_and_whatever_runs_goes_on_once_it_is_back(tmp_path: Path, broker: Broker) -> None:
    early, roles, dev = (Cluster(tmp_path / name, broker) for name in ("early", "roles", "dev"))
    roles.typed("deploy", "shop.py")
    with early.running(*ROLES) as at_first, roles.running(*ROLES) as on_duty, dev.running("dev", "shop.py") as at_work:
        at_first.says("worker will begin with `everfresh deploy APP`")
        on_duty.says("worker ready")
        at_work.says("deploy 1")
        dev.typed("publish", "orders")
        at_work.says("materialized")
        broker.stop()
        refused = roles.typed("publish", "orders")
        for running in (at_first, on_duty, at_work):
            running.says("it can't be reached; start it, or check the address, then try again; trying again")
        broker.start()
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == (
            f"Kafka at {broker.address}: connecting failed, it can't be reached; start it, or check the address, then "
            "try again\n"
        )
        early.typed("deploy", "shop.py")
        for cluster, running in ((early, at_first), (roles, on_duty), (dev, at_work)):
            assert cluster.typed("publish", "orders").code == 0
            assert cluster.typed("materialize", "revenue", "--wait").code == 0
            assert running.ended() == 0
            assert "Traceback" not in running.err.read_text()
