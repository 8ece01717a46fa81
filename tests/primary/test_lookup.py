from collections.abc import Callable

import dns.asyncresolver
import dns.rcode
import pytest

from mxtui.model.route import Ourselves
from mxtui.primary.lookup import Lookup, Server, is_own_address
from mxtui.primary.words import UnresolvedError
from tests.primary.servers import OURSELVES, Zone, name_server

ZONE: Zone = {
    ("example.org", "MX"): ["20 mx2.example.net.", "10 mx1.example.org.", "30 mx3.example.com.", "20 mx9.example.com."],
    ("mx1.example.org", "A"): ["192.0.2.1"],
    ("mx1.example.org", "AAAA"): ["2001:db8::1"],
    ("mx2.example.net", "A"): ["192.0.2.2"],
    ("mx3.example.com", "A"): ["192.0.2.3"],
    ("mx9.example.com", "A"): ["192.0.2.9"],
    ("only-us.example", "MX"): ["10 mx2.example.net.", "20 mx3.example.com."],
    ("by-address.example", "MX"): ["10 mx1.example.org.", "20 alias.example."],
    ("alias.example", "A"): ["198.51.100.25"],
    ("null.example", "MX"): ["0 ."],
    ("plain.example", "A"): ["192.0.2.7"],
    ("dangling.example", "MX"): ["10 nowhere.example."],
    ("empty.example", "TXT"): ["x"],
    ("half.example", "MX"): ["10 nowhere.example.", "20 mx3.example.com."],
}

Resolver = Callable[[], dns.asyncresolver.Resolver]


def lookup(resolver: Resolver, *, own: frozenset[str] = frozenset(), lifetime: float = 5.0) -> Lookup:
    return Lookup(resolver, own_address=own.__contains__, lifetime=lifetime)


async def exchangers(domain: str, ourselves: Ourselves = OURSELVES, own: frozenset[str] = frozenset()) -> list[str]:
    async with name_server(ZONE) as (_, resolver):
        return [server.host for server in await lookup(resolver, own=own).exchangers(domain, ourselves)]


async def test_an_mx_no_better_than_ourselves_is_no_primary() -> None:
    assert await exchangers("example.org") == ["mx1.example.org"]


async def test_a_host_that_is_no_mx_sees_them_all_best_first() -> None:
    hosts = await exchangers("example.org", Ourselves("client.example.com"))
    assert hosts == ["mx1.example.org", "mx2.example.net", "mx9.example.com", "mx3.example.com"]


async def test_an_mx_is_us_by_the_address_of_an_interface_or_of_a_nat() -> None:
    assert await exchangers("by-address.example", own=frozenset({"198.51.100.25"})) == ["mx1.example.org"]
    behind = Ourselves("mx2.example.net", addresses=frozenset({"198.51.100.25"}))
    assert await exchangers("by-address.example", behind) == ["mx1.example.org"]


async def test_a_domain_without_mx_is_its_own_exchanger() -> None:
    async with name_server(ZONE) as (_, resolver):
        found = await lookup(resolver).exchangers("plain.example", OURSELVES)
    assert found == (Server("plain.example", 0, ("192.0.2.7",)),)


async def test_addresses_are_ipv4_first_and_need_no_dns_when_written_out() -> None:
    async with name_server(ZONE) as (_, resolver):
        assert (await lookup(resolver).host("mx1.example.org")).addresses == ("192.0.2.1", "2001:db8::1")
        assert (await lookup(resolver).host("2001:DB8::7")).addresses == ("2001:db8::7",)
        assert (await lookup(resolver).host("localhost")).addresses == ("127.0.0.1", "::1")


async def test_an_exchanger_without_address_is_passed_over() -> None:
    assert await exchangers("half.example") == ["mx3.example.com"]


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        ("only-us.example", "this host is the best MX of only-us.example itself"),
        ("null.example", "null.example takes no mail at all (null MX)"),
        ("gone.example", "gone.example does not exist in DNS"),
        ("dangling.example", "no MX of dangling.example has an address: nowhere.example"),
        ("empty.example", "empty.example has no address"),
        ("a..b", "DNS cannot be asked for a..b"),
        ("x" * 70 + ".example", "DNS cannot be asked for"),
    ],
)
async def test_a_domain_that_leads_nowhere_says_why(domain: str, words: str) -> None:
    with pytest.raises(UnresolvedError) as caught:
        await exchangers(domain)
    assert words in str(caught.value)


async def test_a_name_server_that_fails_or_is_silent_is_told_apart() -> None:
    async with name_server(ZONE) as (server, resolver):
        server.rcode = dns.rcode.SERVFAIL
        with pytest.raises(UnresolvedError, match=r"the DNS servers fail for example\.org"):
            await lookup(resolver).exchangers("example.org", OURSELVES)
        server.silent = True
        with pytest.raises(UnresolvedError, match=r"DNS does not answer for example\.org"):
            await lookup(resolver, lifetime=0.1).exchangers("example.org", OURSELVES)


def test_an_address_is_ours_when_an_interface_has_it() -> None:
    assert is_own_address("127.0.0.1")
    assert not is_own_address("192.0.2.1")
    assert not is_own_address("not an address")
