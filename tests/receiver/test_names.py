"""Names of clients, from a real name server."""

import asyncio

from dns.asyncresolver import Resolver

from mxtui.receiver.names import KEPT_UNKNOWN, Names
from tests.primary.servers import Zone, name_server
from tests.receiver.conftest import Serve

ZONE: Zone = {
    ("1.2.0.192.in-addr.arpa", "PTR"): ["liar.example.", "Mail.Example.ORG."],
    ("liar.example", "A"): ["192.0.2.99"],
    ("mail.example.org", "A"): ["192.0.2.7", "192.0.2.1"],
    ("2.2.0.192.in-addr.arpa", "PTR"): ["mail.example.org."],
    ("3.2.0.192.in-addr.arpa", "PTR"): [r"x\)\040spoofed.example."],
    (r"x\)\040spoofed.example", "A"): ["192.0.2.3"],
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR"): ["six.example.org."],
    ("six.example.org", "AAAA"): ["2001:db8:0::1"],
}


async def name(names: Names, address: str) -> str:
    names.begin(address)
    return await names.name(address)


async def test_a_name_counts_that_has_the_address() -> None:
    async with name_server(ZONE) as (_, resolver):
        names = Names(resolver)
        assert await name(names, "192.0.2.1") == "mail.example.org"
        assert await name(names, "2001:db8::1") == "six.example.org"


async def test_a_name_that_does_not_confirm_or_is_none_is_unknown() -> None:
    async with name_server(ZONE) as (_, resolver):
        names = Names(resolver)
        for address in ("192.0.2.2", "192.0.2.3", "192.0.2.4"):
            assert await name(names, address) == ""


async def test_an_answer_is_remembered_for_a_while_and_our_own_host_asked_nobody_about() -> None:
    now, asked = 0.0, 0
    async with name_server(ZONE) as (_, resolver):

        def counted() -> Resolver:
            nonlocal asked
            asked += 1
            return resolver()

        names = Names(counted, clock=lambda: now)
        for address in ("192.0.2.4", "192.0.2.4", "127.0.0.1", "::1", "unknown"):
            assert await name(names, address) == ""
        assert asked == 1
        now = KEPT_UNKNOWN + 1
        assert await name(names, "192.0.2.4") == ""
        assert asked == 2


async def test_a_name_server_that_is_silent_keeps_nobody_waiting() -> None:
    async with name_server(ZONE) as (server, resolver):
        server.silent = True
        names = Names(resolver, patience=0.2)
        began = asyncio.get_running_loop().time()
        assert await name(names, "192.0.2.1") == ""
        assert asyncio.get_running_loop().time() - began < 2
        await names.close()


class Told(Names):
    """Says the same of everybody."""

    def begin(self, address: str) -> None:
        self.address = address

    async def name(self, address: str) -> str:
        return f"client-{self.address == address}.example"


async def test_the_envelope_and_the_received_field_have_it(serve: Serve) -> None:
    running = await serve(names=Told())
    client = await running.greeted()
    await client.mail()
    assert running.kept.envelopes[0].client.name == "client-True.example"
    assert running.kept.contents[0].startswith(b"Received: from client.example.com (client-True.example [127.0.0.1])\n")
