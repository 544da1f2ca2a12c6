"""The contract of a Store (reactors/ports.py), asked of each store over a folder and over an fsspec URL."""

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from threading import get_ident
from typing import Any, ClassVar
from uuid import uuid4

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from reactors.io.stores import FileStore, JsonStore, ParquetStore, read
from reactors.io.stores.local import path_of
from reactors.ports import Address, Store
from streams.errors import BadResult, LoadError


@dataclass
class Kind:
    """A store, two values it keeps, how a reader tells them apart, and a value it must refuse."""

    store: Callable[[str], Store]
    one: Any
    other: Any
    refused: Any
    seen: Callable[[Any], Any] = lambda value: value


KINDS = {
    "parquet": Kind(
        ParquetStore,
        pl.DataFrame({"day": ["a", "b", None], "n": [1, None, 3]}),
        pl.DataFrame({"day": ["a", "b", None], "n": [1, None, 4]}),
        refused={"no": "table"},
        seen=lambda table: table.to_dicts(),
    ),
    "json": Kind(JsonStore, {"a": [1, 2.5, None, True, "ü"]}, {"a": []}, refused={"a": {1, 2}}),
    "file": Kind(FileStore, b"\x00one", b"\x00other", refused="a text"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(params=["folder", "file-url", "fsspec"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "fsspec":
        pytest.importorskip("fsspec")
    names = {"folder": str(tmp_path), "file-url": tmp_path.as_uri(), "fsspec": f"memory://{uuid4().hex}"}
    return names[request.param]


def at(name: str, asset: str = "shop/revenue", partition: str = "") -> Address:
    return Address(asset, partition, name)


def test_what_is_written_reads_back_by_uri_and_format_alone(kind: Kind, url: str) -> None:
    stored = kind.store(url).write(at("7-a.1"), kind.one)
    assert kind.seen(read(stored.uri, stored.format)) == kind.seen(kind.one)
    assert kind.seen(kind.store(url).load(stored.uri, stored.format)) == kind.seen(kind.one)


def test_versions_stand_side_by_side(kind: Kind, url: str) -> None:
    store = kind.store(url)
    one, other = store.write(at("1"), kind.one), store.write(at("2"), kind.other)
    assert one.uri != other.uri
    assert one.fingerprint != other.fingerprint
    assert kind.seen(store.load(one.uri, one.format)) == kind.seen(kind.one)


def test_equal_content_has_an_equal_fingerprint_whatever_its_name(kind: Kind, url: str) -> None:
    store = kind.store(url)
    assert store.write(at("1"), kind.one).fingerprint == store.write(at("2", "shop/x"), kind.one).fingerprint


def test_the_size_is_what_lies_there(kind: Kind, url: str) -> None:
    stored = kind.store(url).write(at("1"), kind.one)
    assert stored.size_bytes == len(read(stored.uri, stored.format, bytes)) > 0


def test_a_version_can_be_had_as_a_path_or_as_bytes(kind: Kind, url: str) -> None:
    stored = kind.store(url).write(at("1"), kind.one)
    path = read(stored.uri, stored.format, Path)
    assert isinstance(path, Path)
    assert path.read_bytes() == read(stored.uri, stored.format, bytes)


def test_a_value_the_store_cannot_keep_is_refused_and_leaves_nothing(kind: Kind, tmp_path: Path) -> None:
    with pytest.raises(BadResult):
        kind.store(str(tmp_path)).write(at("1"), kind.refused)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_version_that_is_gone_is_said_to_be(kind: Kind, url: str) -> None:
    store = kind.store(url)
    stored = store.write(at("1"), kind.one)
    store.prune("shop/revenue", "", named=[], last=0)
    with pytest.raises(LoadError, match="isn't there"):
        store.load(stored.uri, stored.format)


def test_pruning_keeps_the_newest_and_the_named_of_its_own_node_only(kind: Kind, url: str) -> None:
    store = kind.store(url)
    uris = [store.write(at(str(n)), kind.one).uri for n in range(5)]
    beside = store.write(at("0", partition="2013-01-01"), kind.one)
    assert store.prune("shop/revenue", "", named=[uris[1]], last=2) == [uris[0], uris[2]]
    assert store.prune("shop/revenue", "", named=[uris[1]], last=2) == []
    for uri in (uris[1], uris[3], uris[4], beside.uri):
        store.load(uri, beside.format)


def test_pruning_what_was_never_written_is_nothing(kind: Kind, url: str) -> None:
    assert kind.store(url).prune("shop/none", "", named=[]) == []


def test_a_partition_of_two_dimensions_has_a_folder_of_its_own(kind: Kind, url: str) -> None:
    store = kind.store(url)
    eu, us = (store.write(at("1", partition=f"2013-01-31|{region}"), kind.one) for region in ("eu", "us"))
    assert "|" not in eu.uri + us.uri  # no shell, URL or file system takes it for something else
    assert store.prune("shop/revenue", "2013-01-31|eu", named=[], last=0) == [eu.uri]
    assert kind.seen(read(us.uri, us.format)) == kind.seen(kind.one)


@pytest.mark.parametrize(
    "hostile", ["../../../up", "/etc/passwd", "--help", "a b;rm -rf *", "_", ".", "..", "x" * 5_000, "\n日"]
)
def test_hostile_names_are_plain_names(kind: Kind, tmp_path: Path, hostile: str) -> None:
    store, root = kind.store(str(tmp_path / "root")), tmp_path / "root"
    stored = store.write(at(hostile, partition=hostile), kind.one)
    plain = store.write(at("1"), kind.other)
    assert kind.seen(store.load(stored.uri, stored.format)) == kind.seen(kind.one)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert all(path.resolve().is_relative_to(root) and not path.name.startswith(".") for path in files)
    assert store.prune("shop/revenue", hostile, named=[], last=0) == [stored.uri]
    assert kind.seen(store.load(plain.uri, plain.format)) == kind.seen(kind.other)


def test_a_write_that_fails_half_way_shows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store = JsonStore(str(tmp_path))
    kept = store.write(at("1"), {"a": 1})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write(at("1"), {"a": 2})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["1.json"]
    assert store.load(kept.uri, kept.format) == {"a": 1}


def test_what_a_crash_left_behind_is_cleared_after_a_day(tmp_path: Path) -> None:
    store = JsonStore(str(tmp_path))
    store.write(at("1"), {"a": 1})
    folder = tmp_path / "shop" / "revenue" / "_"
    old, young = folder / ".old.tmp", folder / ".young.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    store.prune("shop/revenue", "", named=[], last=5)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = JsonStore("data")
    monkeypatch.chdir("/")
    assert store.write(at("1"), [1]).uri == (tmp_path / "data/shop/revenue/_/1.json").as_uri()


def test_another_machines_file_is_refused() -> None:
    with pytest.raises(LoadError, match="elsewhere"):
        read("file://elsewhere/srv/data.json")


def test_a_broken_file_is_said_to_be_broken(tmp_path: Path) -> None:
    for name in ("a.json", "a.parquet"):
        (tmp_path / name).write_bytes(b"\xff{")
        with pytest.raises(LoadError, match="can't be read"):
            read((tmp_path / name).as_uri())


# Tables


def frames() -> dict[str, Any]:
    arrow = pa.table({"day": ["a", "b"], "n": [1.5, None]})
    return {
        "polars": pl.from_arrow(arrow),
        "lazy": pl.from_arrow(arrow).lazy(),  # type: ignore[union-attr]
        "arrow": arrow,
        "pandas": pd.DataFrame({"day": ["a", "b"], "n": [1.5, float("nan")]}),
        "duckdb": duckdb.connect().from_arrow(arrow),
    }


class WatchedFile(FileIO):
    """A file that keeps which threads read it."""

    threads: ClassVar[set[int]] = set()

    def read(self, size: int | None = -1, /) -> bytes:
        self.threads.add(get_ident())
        return super().read(size)


def test_a_table_is_read_by_no_thread_but_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[weakref.ref[WatchedFile]] = []

    def watched(uri: str) -> WatchedFile:
        file = WatchedFile(path_of(uri))
        opened.append(weakref.ref(file))
        return file

    monkeypatch.setattr("reactors.io.stores.reading.opened", watched)
    monkeypatch.setattr(WatchedFile, "threads", set())
    written = pl.DataFrame({"id": [1, 2]})
    # A thread of Arrow's that reads or holds it still when Python ends aborts the process.
    assert written.equals(read(ParquetStore(str(tmp_path)).write(at("1"), written).uri))
    assert WatchedFile.threads == {get_ident()}
    assert [file() for file in opened] == [None]


@pytest.mark.parametrize("written", frames())
def test_any_table_goes_in_and_any_comes_out(tmp_path: Path, written: str) -> None:
    stored = ParquetStore(str(tmp_path)).write(at("1"), frames()[written])
    for wanted in frames().values():
        table = read(stored.uri, stored.format, type(wanted))
        assert type(table) is type(wanted)
        assert len(table.collect() if isinstance(table, pl.LazyFrame) else table) == 2


def test_the_same_rows_have_one_fingerprint_in_every_engine(tmp_path: Path) -> None:
    store = ParquetStore(str(tmp_path))
    found = {name: store.write(at(name), frame).fingerprint for name, frame in frames().items() if name != "pandas"}
    assert len(set(found.values())) == 1


def test_json_asked_for_as_a_table_is_refused_by_name(tmp_path: Path) -> None:
    stored = JsonStore(str(tmp_path)).write(at("1"), [1])
    with pytest.raises(LoadError, match="holds json, which can't be had as a DataFrame"):
        read(stored.uri, stored.format, pl.DataFrame)


@pytest.mark.parametrize("value", [float("nan"), {"a": {1: 2}}, {"a": (1, 2)}, "\ud800", [float("inf")]])
def test_json_refuses_what_it_would_say_back_differently(tmp_path: Path, value: Any) -> None:
    with pytest.raises(BadResult):
        JsonStore(str(tmp_path)).write(at("1"), value)


def test_a_json_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadResult):
        JsonStore(str(tmp_path)).write(at("1"), loop)


def test_the_order_of_keys_is_no_change(tmp_path: Path) -> None:
    store = JsonStore(str(tmp_path))
    assert store.write(at("1"), {"a": 1, "b": 2}).fingerprint == store.write(at("2"), {"b": 2, "a": 1}).fingerprint


def test_a_file_keeps_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "delay.png").write_bytes(b"png")
    stored = FileStore(str(tmp_path / "root")).write(at("1"), tmp_path / "delay.png")
    assert stored.uri.endswith("/1.png")
    assert read(stored.uri, stored.format) == b"png"


def test_a_folder_or_a_missing_path_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadResult, match="one file"):
            FileStore(str(tmp_path / "root")).write(at("1"), path)
