"""`everfresh monitoring export`, as somebody types it."""

from everfresh.monitoring import DASHBOARD, RULES, shipped
from tests.cli.shop import Shop


def test_it_writes_the_files_and_says_which(bare: Shop) -> None:
    ran = bare.run("monitoring", "export", "deep/er")
    assert ran.code == 0
    assert ran.lines == [f"2 files in deep/er: {RULES}, {DASHBOARD}"]
    assert {name: (bare.folder / "deep" / "er" / name).read_text() for name in shipped()} == shipped()


def test_for_machines_they_are_one_object(bare: Shop) -> None:
    assert bare.run("monitoring", "export", "--json").json() == shipped()


def test_a_folder_that_cant_be_is_one_sentence(bare: Shop) -> None:
    ran = bare.run("monitoring", "export", "shop.py")
    assert ran.code == 1
    assert ran.err.splitlines() == ["shop.py can't be written: File exists; name another folder"]
