"""`schema export`: the contract as files or as one object, for anybody, with or without a log."""

from pathlib import Path

import pytest

from tests.cli.shop import Shop
from tools.contract import FOLDER


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_what_stands_in_docs_and_needs_no_log(bare: Shop) -> None:
    ran = bare.typed("schema", "export")
    assert (ran.code, ran.err) == (0, "")
    written = files_in(bare.folder / "contract")
    assert ran.out.startswith(f"{len(written)} files in contract: ")
    assert written == {name: content for name, content in files_in(FOLDER).items() if name != "README.md"}
    assert not (bare.folder / ".everfresh").exists()


def test_a_folder_and_types_can_be_named(bare: Shop) -> None:
    ran = bare.typed("schema", "export", "out/of", "--type", "alert.opened", "--type", "asset.changed")
    assert ran.out == "5 files in out/of: 2 schemas, 2 examples, asyncapi.json\n"
    kinds = ("everfresh.alert.opened.v1", "everfresh.asset.changed.v1")
    files = {f"{folder}/{kind}.json" for folder in ("schemas", "examples") for kind in kinds}
    assert files_in(bare.folder / "out/of").keys() == files | {"asyncapi.json"}


def test_json_is_the_bundle_and_writes_nothing(bare: Shop) -> None:
    told = bare.typed("schema", "export", "--type", "check", "--json", EVERFRESH_PREFIX="acme.").json()
    kind = "everfresh.check.evaluated.v1"
    assert told["schemas"][kind]["properties"]["type"] == {"const": kind}
    assert told["examples"][kind]["type"] == kind
    assert [one["address"] for one in told["asyncapi"]["channels"].values()] == ["acme.checks.v1"]
    assert not (bare.folder / "contract").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--type", "alert.open"), 2, "no event is of type 'alert.open'; did you mean 'alert.opened'?"),
        (("shop.py",), 1, "shop.py/schemas can't be written: Not a directory; name another folder"),
    ],
)
def test_what_cant_be_meant_is_answered_with_a_sentence(
    bare: Shop, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    ran = bare.typed("schema", "export", *arguments)
    assert (ran.code, ran.out, ran.err) == (code, "", sentence + "\n")
