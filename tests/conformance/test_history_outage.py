"""A real PostgreSQL that goes away in the middle, and comes back."""

import asyncio
from pathlib import Path

import pytest

from everfresh.config import settings
from everfresh.recorders import recorders
from sinks.io.history import History
from sinks.io.history_postgres import PostgresHistory
from sinks.ports import Refused, Retry
from streams.errors import SettingError
from tests.conformance.history_stage import books
from tests.core.sinks_samples import event
from tools.postgres import Postgres


async def test_a_server_that_was_away_gets_what_it_missed_once(
    tmp_path: Path, request: pytest.FixtureRequest, postgres: Postgres
) -> None:
    kept = books("postgresql", tmp_path, request)
    history = History(kept.open())
    await history.deliver(event("check.evaluated", 1))
    postgres.stop()
    try:
        with pytest.raises(Retry, match="PostgreSQL can't be written"):
            await history.deliver(event("check.evaluated", 2))
        with pytest.raises(Retry, match="PostgreSQL can't be written"):
            await history.deliver(event("check.evaluated", 2))
    finally:
        postgres.start()
    await asyncio.gather(*(history.deliver(event("check.evaluated", n)) for n in (1, 2, 3)))
    await history.close()
    assert kept.count("everfresh_checks") == 3


async def test_text_that_postgresql_cant_hold_is_refused_without_being_quoted(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kept = books("postgresql", tmp_path, request)
    history = History(kept.open())
    with pytest.raises(Refused) as raised:
        await history.deliver(event("asset.materialized", metadata={"note": "s3cret \x00"}))
    await history.close()
    assert "s3cret" not in str(raised.value)


async def test_a_url_with_its_password_is_never_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOOKS", "postgresql://me:s3cret@127.0.0.1:1/nowhere")
    said = settings(history={"books": {"url_env": "BOOKS"}})
    [(route, sink)] = recorders(said)
    with pytest.raises(Retry) as raised:
        await sink.deliver(event("check.evaluated"))
    await sink.close()
    assert route.sink == "history-books"
    assert "s3cret" not in f"{said!r} {raised.value} {route!r}"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, r"'history\.books\.url' is missing; set `url` or `url_env`"),
        ({"url_env": "NOWHERE"}, r"'history\.books\.url' is missing; set NOWHERE in the environment"),
        ({"url": "mysql://here"}, r"'history\.books\.url' is wrong: it begins with sqlite: or postgresql://"),
        ({"url": "sqlite:"}, r"'history\.books\.url' is wrong: it names no file"),
        ({"url": "sqlite:.everfresh/log.db"}, r"'history\.books\.url' names the log's own file; name another"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    said: dict[str, str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=sentence):
        list(recorders(settings(history={"books": said})))


async def test_a_schema_of_its_own_is_said_in_the_url(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kept = books("postgresql", tmp_path, request)
    kept.ask("CREATE SCHEMA everfresh")
    kept.url += "?options=-csearch_path%3Deverfresh"
    history = History(kept.open())
    await history.deliver(event("check.evaluated"))
    await history.close()
    assert kept.ask("SELECT check_name FROM everfresh.everfresh_checks") == [("no_negative_days",)]


async def test_a_user_who_may_not_make_tables_is_told_so_and_nothing_is_lost(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kept = books("postgresql", tmp_path, request)
    name = kept.url.rpartition("/")[2]
    kept.ask(f"CREATE ROLE reader_{name} LOGIN")
    kept.ask("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    mine = kept.url.replace("postgres@", f"reader_{name}@")
    history = History(PostgresHistory(mine))
    with pytest.raises(Retry, match="permission denied for schema public"):
        await history.deliver(event("check.evaluated"))
    kept.ask(f"GRANT CREATE ON SCHEMA public TO reader_{name}")
    await history.deliver(event("check.evaluated"))
    await history.close()
    assert kept.count("everfresh_checks") == 1
