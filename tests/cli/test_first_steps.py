"""What is answered before all is in place: nothing deployed yet, nothing running yet, nothing that happened yet."""

import pytest

from tests.cli.shop import APP, Shop


@pytest.fixture
def deployed(bare: Shop) -> Shop:
    bare.ok("deploy", "shop.py")
    return bare


def test_topics_without_a_deploy_are_no_table_but_the_sentence_how_to_deploy(bare: Shop) -> None:
    bare.ok("topics", "create", "--domain", "shop")
    for asked in (["status"], ["status", "--json"], ["status", "revenue"]):
        ran = bare.typed(*asked)
        assert (ran.code, ran.out) == (1, "")
        assert "nothing is deployed on sqlite:.everfresh/log.db; do it with `everfresh deploy APP`" in ran.err


def test_status_says_that_changes_wait_where_nobody_takes_them_in(deployed: Shop) -> None:
    assert deployed.typed("status").err == ""
    deployed.ok("publish", "orders", "--version", "1")
    wait = "to be taken in; is `everfresh start` or `everfresh dev` running?\n"
    assert deployed.typed("status", "orders").err == f"1 change waits {wait}"
    deployed.ok("publish", "orders", "--version", "2")
    ran = deployed.typed("status")
    assert (ran.code, ran.err) == (0, f"2 changes wait {wait}")
    assert ran.lines[0].startswith("asset")
    assert deployed.typed("status", "--json").err == ""


def test_status_says_nothing_of_changes_that_were_taken_in(shop: Shop) -> None:
    assert shop.look("status").err == ""


def test_a_source_says_where_its_newest_version_lies(deployed: Shop) -> None:
    deployed.ok("publish", "orders", "--version", "1", "--uri", "s3://orders/1.parquet")
    deployed.run("dev", "shop.py", "--until-idle")
    (row,) = deployed.typed("status", "orders", "--json").json()
    assert row["uri"] == "s3://orders/1.parquet"
    assert "Its version 1 lies at s3://orders/1.parquet." in deployed.typed("explain", "orders").lines


def test_no_event_of_a_type_is_said_beside_the_answer(deployed: Shop) -> None:
    for form in ([], ["--json"]):
        ran = deployed.typed("events", "alert", *form)
        assert (ran.code, ran.out, ran.err) == (0, "", "no such event yet\n")


def test_where_there_are_events_nothing_is_said_beside_them(shop: Shop) -> None:
    assert shop.look("events", "alert").err == ""
    assert shop.look("events", "alert").out


def test_until_idle_says_what_it_waits_for_that_is_far_off_and_ends_once_that_ran(bare: Shop) -> None:
    bare.app.write_text(APP.replace('ef.Within("1s")', 'ef.Cron("0 0 1 1 *")'))
    bare.ok("deploy", "shop.py")
    bare.ok("publish", "orders", "--version", "a")
    with bare.running("dev", "shop.py", "--until-idle") as dev:
        said = dev.says("shop/report is due at ")
        assert said.endswith("; `everfresh materialize shop/report` runs it now, Ctrl-C ends this")
        bare.ok("materialize", "report")
        dev.says("idle: ")
        assert dev.err.read_text().count("is due at") == 1


LOOKED_AT = """

app.source("prices", observe=lambda: "etag", freshness=ef.Within("3s"))
"""


def test_until_idle_waits_for_no_look_and_hides_nothing_behind_one(bare: Shop) -> None:
    bare.app.write_text(APP.replace('ef.Within("1s")', 'ef.Cron("0 0 1 1 *")') + LOOKED_AT)
    bare.ok("deploy", "shop.py")
    bare.ok("publish", "orders", "--version", "a")
    with bare.running("dev", "shop.py", "--until-idle") as dev:
        dev.says("shop/report is due at ")
        bare.ok("materialize", "report")
        dev.says("idle: ")
        assert "prices is due at" not in dev.err.read_text()
