"""A webhook reaches nobody inside unless that is allowed: not by address, name, spelling, or by a name that turns."""

import socket
from dataclasses import replace

import pytest
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from sinks.choosing import Choice, types_of
from sinks.io.calling import Checked
from sinks.io.webhook import Hook, Webhook
from sinks.ports import Refused
from streams.errors import SettingError
from tests.conformance.webhook_receiver import Receiver, hook, says
from tests.core.sinks_samples import event


class Turning(AbstractResolver):
    """Gives another address each time, as whoever rebinds a name does."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        one = self.addresses.pop(0)
        kind = socket.AF_INET6 if ":" in one else socket.AF_INET
        return [ResolveResult(hostname=host, host=one, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "169.254.169.254", "10.0.0.1"]
)
def test_an_address_inside_isnt_taken_as_a_url(host: str) -> None:
    meant = Hook("pager", f"http://{host}:1/", (), Choice(types_of(["alert.*"])))
    with pytest.raises(SettingError, match=r"setting 'webhooks\.pager\.url' is wrong: .* say allow_private = true"):
        Webhook(meant)
    Webhook(replace(meant, allow_private=True))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"])
async def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(receiver: Receiver, address: str) -> None:
    meant = replace(hook(receiver, allow_private=False), url=receiver.url.replace("127.0.0.1", "pager.example"))
    sink = Webhook(meant, lambda: Turning(address))
    with pytest.raises(Refused, match=f"'pager.example' is {address}, which is "):
        await sink.deliver(event("alert.opened"))
    await sink.close()
    assert receiver.got == []


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1", "0x7f000001"])
async def test_no_spelling_of_this_machine_leads_to_it(receiver: Receiver, host: str) -> None:
    sink = Webhook(replace(hook(receiver, allow_private=False), url=receiver.url.replace("127.0.0.1", host)))
    with pytest.raises(Exception, match=r"allow_private|canonical"):
        await sink.deliver(event("alert.opened"))
    await sink.close()
    assert receiver.got == []


async def test_it_connects_to_the_very_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No address out on the internet answers here, so this machine's plays one; 127.0.0.2 is still inside.
    monkeypatch.setattr("sinks.io.calling.why_inside", lambda one: None if one == "127.0.0.1" else "loopback")
    turning = Turning("127.0.0.1", "127.0.0.2")
    meant = replace(hook(receiver, allow_private=False), url=receiver.url.replace("127.0.0.1", "pager.example"))
    sink = Webhook(meant, lambda: turning)
    await sink.deliver(event("alert.opened"))
    assert (len(receiver.got), turning.asked) == (1, 1)
    receiver.answers.append(says(204, Connection="close"))
    await sink.deliver(event("alert.opened"))  # over the connection that is still open, to the same address
    with pytest.raises(Refused, match=r"127\.0\.0\.2, which is loopback"):
        await sink.deliver(event("alert.opened"))
    await sink.close()
    assert (len(receiver.got), turning.asked) == (2, 2)


async def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    class Both(Turning):
        async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
            return [*await super().resolve(host, port), *await super().resolve(host, port)]

    assert await Checked(Both("8.8.8.8", "8.8.4.4"), "webhooks.pager").resolve("pager.example")
    with pytest.raises(Refused, match="private"):
        await Checked(Both("8.8.8.8", "10.0.0.1"), "webhooks.pager").resolve("pager.example")


async def test_names_of_this_machine_are_resolved_where_that_is_allowed(receiver: Receiver) -> None:
    sink = Webhook(replace(hook(receiver), url=receiver.url.replace("127.0.0.1", "localhost")), ThreadedResolver)
    await sink.deliver(event("alert.opened"))
    await sink.close()
    assert len(receiver.got) == 1
