"""What counts for a table's fingerprint, and what doesn't."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reactors.io.stores.fingerprints import table_fingerprint

ROOT = Path(__file__).resolve().parents[2]

COLUMN_TYPES = [
    pa.int8(), pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.binary(),
    pa.date32(), pa.timestamp("us", "UTC"), pa.time64("us"), pa.duration("ms"), pa.decimal128(12, 3), pa.binary(3),
    pa.list_(pa.int32()), pa.list_(pa.list_(pa.string())), pa.list_(pa.int16(), 2), pa.map_(pa.string(), pa.int8()),
    pa.struct([("x", pa.string()), ("y", pa.list_(pa.float64()))]), pa.dictionary(pa.int32(), pa.string()), pa.null(),
    pa.list_(pa.string_view()), pa.float16(),
]  # fmt: skip


def value_of(kind: Any) -> st.SearchStrategy[Any]:
    types = pa.types
    if types.is_dictionary(kind):
        return value_of(kind.value_type)
    if types.is_struct(kind):
        return st.fixed_dictionaries({field.name: value_of(field.type) for field in kind})
    if types.is_map(kind):
        return st.none() | st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=3).map(
            lambda d: list(d.items())
        )
    if types.is_fixed_size_list(kind):
        return st.none() | st.lists(value_of(kind.value_type), min_size=kind.list_size, max_size=kind.list_size)
    if types.is_list(kind):
        return st.none() | st.lists(value_of(kind.value_type), max_size=3)
    if types.is_fixed_size_binary(kind):
        return st.none() | st.binary(min_size=kind.byte_width, max_size=kind.byte_width)
    plain = {
        "bool": st.booleans(), "string": st.text(max_size=4), "binary": st.binary(max_size=4), "null": st.none(),
        "float": st.floats(width=32), "double": st.floats(), "date32[day]": st.dates(), "decimal128(12, 3)":
        st.decimals(-999, 999, places=3), "time64[us]": st.times(), "duration[ms]": st.integers(0, 10**9),
        "string_view": st.text(max_size=4), "halffloat": st.floats(width=16),
    }  # fmt: skip
    return st.none() | plain.get(str(kind), st.integers(0, 100))


@st.composite
def columns(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    kind = draw(st.sampled_from(COLUMN_TYPES))
    return kind, draw(st.lists(value_of(kind), max_size=8))


def table_of(kind: Any, values: list[Any]) -> Any:
    return pa.table({"a": pa.array(values, kind)})


def garbled(kind: Any, values: list[Any], cut: int) -> Any:
    """The same rows, otherwise chunked, sliced out of a longer table, and with metadata."""
    padded = pa.array([*values, *values, *values], kind)
    start = len(values)
    chunks = [padded.slice(start, cut), padded.slice(start + cut, len(values) - cut)]
    return pa.table({"a": pa.chunked_array(chunks, kind)}).replace_schema_metadata({"made": "by somebody else"})


@settings(deadline=None, max_examples=300)
@given(column=columns(), data=st.data())
def test_chunks_slices_and_metadata_do_not_count(column: tuple[Any, list[Any]], data: st.DataObject) -> None:
    kind, values = column
    cut = data.draw(st.integers(0, len(values)))
    assert table_fingerprint(garbled(kind, values, cut)) == table_fingerprint(table_of(kind, values))


@settings(deadline=None, max_examples=300)
@given(one=columns(), data=st.data())
def test_different_rows_have_different_fingerprints(one: tuple[Any, list[Any]], data: st.DataObject) -> None:
    kind, values = one
    others = data.draw(st.lists(value_of(kind), max_size=8))
    ours, theirs = table_of(kind, values), table_of(kind, others)
    same = repr(ours.to_pylist()) == repr(theirs.to_pylist())  # repr: NaN is NaN, and 0.0 isn't -0.0
    assert (table_fingerprint(ours) == table_fingerprint(theirs)) is same


def test_what_lies_under_a_null_does_not_count() -> None:
    mask = pa.array([False, True]).buffers()[1]
    valid = pa.py_buffer(bytes([0b01]))
    assert mask is not None
    one, other = (
        pa.Array.from_buffers(pa.int32(), 2, [valid, pa.array([7, under], pa.int32()).buffers()[1]]) for under in (0, 9)
    )
    assert table_fingerprint(pa.table({"a": one})) == table_fingerprint(pa.table({"a": other}))


def test_encodings_of_text_do_not_count() -> None:
    kinds = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
    tables = [pa.table({"a": pa.array(["x", None, "yy" * 20], pa.string()).cast(kind)}) for kind in kinds]
    assert len({table_fingerprint(table) for table in tables}) == 1


@pytest.mark.parametrize(
    "other",
    [
        pa.table({"b": pa.array([1, 2])}),
        pa.table({"a": pa.array([2, 1])}),
        pa.table({"a": pa.array([1, 2], pa.int32())}),
        pa.table({"a": pa.array(["1", "2"])}),
        pa.table({"a": pa.array([1, 2]), "b": pa.array([None, None])}),
        pa.table({"a": pa.array([1, 2, None])}),
        pa.table({"a": pa.array([[1], [2]])}),
    ],
)
def test_names_types_order_and_length_count(other: Any) -> None:
    assert table_fingerprint(pa.table({"a": pa.array([1, 2])})) != table_fingerprint(other)


def test_values_do_not_run_into_each_other() -> None:
    pairs = [
        (["ab", "c"], ["a", "bc"]),
        ([[1], [2, 3]], [[1, 2], [3]]),
        ([None, "a"], ["a", None]),
        (["", None], [None, ""]),
    ]
    for one, other in pairs:
        assert table_fingerprint(pa.table({"a": one})) != table_fingerprint(pa.table({"a": other}))


def test_a_table_longer_than_one_slice_is_hashed_to_its_end() -> None:
    numbers = list(range(70_000))
    one, other = pa.table({"a": numbers}), pa.table({"a": [*numbers[:-1], 0]})
    assert table_fingerprint(one) != table_fingerprint(other)
    assert table_fingerprint(pa.concat_tables([one.slice(0, 9), one.slice(9)])) == table_fingerprint(one)


def test_a_fingerprint_is_the_same_in_another_process_with_another_hash_seed() -> None:
    program = (
        "import pyarrow as pa; from reactors.io.stores.fingerprints import table_fingerprint as f; "
        "print(f(pa.table({'a': ['x', None], 'b': [[1.5], []], 'c': [{'k': 1}, None]})))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
            text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
    assert found != {""}
