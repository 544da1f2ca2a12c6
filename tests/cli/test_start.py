"""`everfresh start`: roles as processes of their own, on one log."""

import signal

from tests.cli.shop import Shop, eventually


def test_roles_say_when_they_are_ready_do_their_work_and_drain(bare: Shop) -> None:
    bare.ok("deploy", "shop.py")
    with bare.running("start", "--app", "shop.py") as roles:
        for role in ("ingress", "reactor", "worker"):
            roles.says(f"{role} ready")
        bare.ok("publish", "orders", "--version", "a")
        assert eventually(lambda: bare.ok("status", "report", "--json").json()[0]["version"])
        assert roles.ended() == 0
    assert all(one["ok"] for one in bare.ok("doctor", "--json").json())


def test_roles_begin_once_something_is_deployed(bare: Shop) -> None:
    with bare.running("start", "ingress", "reactor", "worker", "--app", "shop.py", "--json") as roles:
        roles.says("nothing is deployed yet: ingress will begin with `everfresh deploy APP`")
        roles.says("nothing is deployed yet: reactor will begin with `everfresh deploy APP`")
        roles.says("domain 'shop' isn't deployed yet: worker will begin with `everfresh deploy APP`")
        bare.ok("deploy", "shop.py")
        roles.says('{"ready":"reactor"}')
        assert roles.ended(signal.SIGINT) == 0


def test_a_second_domain_is_taken_up_when_it_is_deployed(bare: Shop) -> None:
    bare.ok("deploy", "shop.py")
    (bare.folder / "bank.py").write_text(
        "import everfresh as ef\napp = ef.App('bank')\nrates = app.source('rates')\n"
        "@app.asset(deps=[rates], freshness=ef.Eager())\nasync def loans(rates: ef.Input): ...\n"
    )
    with bare.running("start", "ingress", "reactor") as roles:
        roles.says("reactor ready")
        bare.ok("deploy", "bank.py")
        assert bare.ok("publish", "bank/rates").lines
        assert eventually(lambda: "waits for a free slot" in bare.ok("explain", "bank/loans").out)
        short = bare.run("publish", "rates")
        assert short.err == "'rates' may be of bank or shop; write it with its domain, like 'bank/rates'\n"
        assert roles.ended() == 0
