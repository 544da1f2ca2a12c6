"""The same commands on a real broker, under a prefix of their own."""

import orjson
import pytest

from tests.checker.check import check, read
from tests.cli.shop import APP, Shop
from tools.kafka.broker import Broker


@pytest.mark.kafka
def test_from_deploy_to_doctor_on_kafka(bare: Shop, kafka_broker: Broker) -> None:
    bare.app.write_text(APP.replace('"1s"', '"3s"'))  # on a busy machine a run may take longer than the shop's promise
    log = {"EVERFRESH_LOG": kafka_broker.url, "EVERFRESH_PREFIX": "cli-test."}
    nothing = bare.run("status", **log)
    assert (nothing.code, nothing.err) == (
        1,
        f"nothing is deployed on {kafka_broker.url}; do it with `everfresh deploy APP`\n",
    )
    assert bare.ok("topics", "create", **log).lines[0] == "created cli-test.changes.v1"
    bare.ok("deploy", "shop.py", **log)
    bare.ok("publish", "--from-jsonl", "-", stdin='{"asset": "orders"}\n{"asset": "orders"}\n', **log)
    done = bare.run("dev", "shop.py", "--until-idle", **log)
    assert (done.code, done.err.splitlines()[-1]) == (1, "idle: 6 assets, 2 changes taken in")
    rows = {row["asset"]: row.get("verdict") for row in bare.ok("status", "--json", **log).json()}
    assert (rows["shop/report"], rows["shop/broken"]) == ("fresh", "failing")
    report = check(read(orjson.loads(line) for line in bare.ok("events", "--export", **log).lines), quiet=True)
    assert (report.violations, report.counts["commits"]) == ([], 2)
    kinds = [one["kind"] for one in bare.ok("replay", "--asset", "revenue", "--json", **log).jsonl()]
    assert kinds[-2:] == ["granted", "materialized"]
    assert bare.ok("topics", "check", **log).code == 0
    assert all(one["ok"] for one in bare.ok("doctor", "--json", **log).json())
