"""MX records with their hosts, and our own name with its addresses. Whoever owns a zone writes what comes back."""

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mxtui.doctor.facts import Address, Exchanger, Exchangers, Fact, Named, OurName, Unknown
from mxtui.doctor.gather.limited import aside
from mxtui.doctor.gather.means import Means
from mxtui.doctor.tlsa import Tlsa
from mxtui.model.route import Ourselves
from mxtui.primary.words import LIMIT, NoSuchNameError, UnresolvedError

if TYPE_CHECKING:
    from dns.resolver import Answer

LOOKED_AT: Final = 16
"""MX records whose hosts are looked up; senders try fewer."""

MOST: Final = 16
"""Records of any other kind that are kept."""


async def exchangers(domain: str, ourselves: Ourselves, means: Means) -> Exchangers:
    """A domain's MX records: the best ones and ours. Raises UnresolvedError."""
    answer = await means.lookup.ask(domain, "MX")
    if answer is None:
        return Exchangers()
    records = sorted((int(record.preference), text(record.exchange)) for record in answer)
    null = any(not host for _, host in records)
    named = [record for record in records if record[1]]
    best = named[:LOOKED_AT] + [record for record in named[LOOKED_AT:] if ourselves.named(record[1])][:1]
    hosts = await asyncio.gather(*(_exchanger(host, preference, means) for preference, host in best))
    return Exchangers(tuple(hosts), len(records), ttl(answer), null)


async def _exchanger(host: str, preference: int, means: Means) -> Exchanger:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return Exchanger(host, preference)
    try:
        addresses, alias = await _addresses(host, means)
    except UnresolvedError as error:
        return Exchanger(host, preference, problem=str(error)[:LIMIT])
    problem = "" if addresses else f"{host} has no address"
    return Exchanger(host, preference, addresses, alias if alias != host else "", problem)


async def _addresses(host: str, means: Means) -> tuple[tuple[Address, ...], str]:
    """Addresses, IPv4 first, and the name that the host turned out to be. Raises UnresolvedError."""
    found = await asyncio.gather(means.lookup.ask(host, "A"), means.lookup.ask(host, "AAAA"), return_exceptions=True)
    addresses: list[Address] = []
    alias = host
    for answer in found:
        # What exists with an address of one kind exists, whatever is said of the other.
        if isinstance(answer, BaseException):
            continue
        if answer is not None:
            alias = text(answer.canonical_name)
            kept = [str(record.address) for record in answer][:MOST]
            addresses += [Address(each, ttl(answer), means.public(each)) for each in kept]
    problem = next((each for each in found if isinstance(each, BaseException)), None)
    if not addresses and problem is not None:
        raise problem
    return tuple(addresses), alias


async def our_name(hostname: str, means: Means) -> OurName:
    """Our name. Raises UnresolvedError."""
    (addresses, _), (tlsa, secure) = await asyncio.gather(_addresses(hostname, means), _tlsa(hostname, means))
    if not addresses:
        raise NoSuchNameError(f"{hostname} has no address")
    names = await asyncio.gather(*(_reverse(address.text, means) for address in addresses))
    here = await aside(lambda: [means.own(address.text) for address in addresses])
    named = tuple(Named(*each) for each in zip(addresses, names, here, strict=True))
    return OurName(hostname, named, tlsa, secure)


async def _reverse(address: str, means: Means) -> Fact[tuple[str, ...]]:
    try:
        answer = await means.lookup.ask(ipaddress.ip_address(address).reverse_pointer, "PTR")
    except NoSuchNameError:
        return ()
    except UnresolvedError as error:
        return Unknown(str(error)[:LIMIT])
    return tuple(text(record.target) for record in answer or ())[:MOST]


async def _tlsa(hostname: str, means: Means) -> tuple[Fact[tuple[Tlsa, ...]], bool]:
    from dns.flags import AD

    try:
        answer = await means.lookup.ask(f"_25._tcp.{hostname}", "TLSA")
    except NoSuchNameError:
        return (), False
    except UnresolvedError as error:
        return Unknown(str(error)[:LIMIT]), False
    if answer is None:
        return (), False
    records = [Tlsa(each.usage, each.selector, each.mtype, bytes(each.cert)) for each in answer]
    return tuple(records[:MOST]), bool(answer.response.flags & AD)


async def texts(name: str, start: str, means: Means) -> Sequence[str]:
    """TXT records that begin so; none where there is no such name. Raises UnresolvedError."""
    try:
        answer = await means.lookup.ask(name, "TXT")
    except NoSuchNameError:
        return ()
    # A record is one or more strings of 255 octets, joined without anything between (RFC 7208 3.3).
    joined = (b"".join(record.strings).decode("ascii", "backslashreplace") for record in answer or ())
    return [each for each in joined if each.lower().startswith(start.lower())][:MOST]


def text(name: object) -> str:
    """A name as text: lower case, without the last dot; octets that are no text stay escaped."""
    return str(name).rstrip(".").lower()


def ttl(answer: "Answer") -> int:
    """Seconds that the answer may be cached."""
    return int(answer.rrset.ttl) if answer.rrset is not None else 0
