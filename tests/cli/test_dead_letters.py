"""What couldn't be taken in, as one looks at it, and published once more."""

import pytest

from tests.cli.shop import APP, Shop


@pytest.fixture
def refused(bare: Shop) -> Shop:
    """A shop that was told of what it doesn't know, and of what is of no domain."""
    bare.typed("deploy", "shop.py")
    bare.typed("publish", "shop/returns", "--version", "7", "--no-check")
    bare.typed("publish", "bank/loans", "--no-check")
    bare.typed("dev", "shop.py", "--until-idle")
    return bare


def test_a_dead_letter_is_published_again_once_its_cause_is_mended(refused: Shop) -> None:
    by_key = {one["key"]: one["origin"] for one in refused.typed("dead-letters", "list", "--json").json()}
    assert by_key.keys() == {"shop/returns", "bank/loans"}
    refused.app.write_text(APP + "returns = app.source('returns')\n")
    refused.typed("deploy", "shop.py")
    again = refused.typed("dead-letters", "replay", by_key["shop/returns"])
    assert (again.code, again.err) == (0, "")
    refused.typed("dead-letters", "replay", by_key["shop/returns"])
    refused.typed("dev", "shop.py", "--until-idle")
    (row,) = refused.typed("status", "returns", "--json").json()
    assert (row["version"], row["changes"]) == ("7", 1), "however often it is published again"


def test_what_is_to_be_published_again_has_to_be_said(refused: Shop) -> None:
    ran = refused.typed("dead-letters", "replay")
    assert (ran.code, ran.err) == (2, "say which: everfresh dead-letters replay ORIGIN…, or --all\n")
    ran = refused.typed("dead-letters", "replay", "journal/shop/2")
    assert ran.code == 2
    assert ran.err.startswith("no dead letter came from 'journal/shop/2'; did you mean 'journal/shop/1'?")


def test_without_dead_letters_one_is_told_so(shop: Shop) -> None:
    ran = shop.look("dead-letters", "list")
    assert (ran.out, ran.err) == ("", "there is no dead letter\n")
