"""What a domain's SPF record says of one address (RFC 7208), as far as that can be told without a message.

Bounded as the RFC demands: ten terms that ask DNS. A term with macros, `exists` and `ptr` are not followed: what comes
after a match of theirs is unclear, and said to be.
"""

import asyncio
import ipaddress
import re
from typing import Final, NamedTuple

from mxtui.doctor.facts import Spf, SpfResult
from mxtui.doctor.gather.dns import texts
from mxtui.doctor.gather.means import Means
from mxtui.doctor.macros import expanded, letters
from mxtui.primary.words import NoSuchNameError, UnresolvedError

LOOKUPS: Final = 10
MX_HOSTS: Final = 10

_TERM: Final = re.compile(
    r"(?P<sign>[-+?~]?)(?P<name>[a-z0-9]+)(?::(?P<of>[^/]+))?(?P<bits>(?:/{1,2}\d{1,3}){0,2})", re.I
)
_RESULTS: Final[dict[str, SpfResult]] = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_ORDER: Final[tuple[SpfResult, ...]] = ("fail", "unclear", "softfail", "neutral", "none", "pass")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Host = ipaddress.IPv4Address | ipaddress.IPv6Address


class _UnclearError(Exception):
    """It cannot be told."""


class _Said(NamedTuple):
    result: SpfResult
    record: str


async def judge_sender(domain: str, addresses: tuple[str, ...], means: Means, helo: str = "unknown") -> Spf:
    """The result of the address that fares worst; `helo` is our name. Raises UnresolvedError: none could be had."""
    if not addresses:
        return Spf(domain, "", "unclear", "", "no address of ours is known")
    found = [await _judged(domain, address, means, helo) for address in addresses]
    return min(found, key=lambda spf: _ORDER.index(spf.result))


async def _judged(domain: str, address: str, means: Means, helo: str) -> Spf:
    check = _Check(domain, ipaddress.ip_address(address), means, helo)
    try:
        said = await check.domain(domain)
    except _UnclearError as error:
        return Spf(domain, check.first, "unclear", address, str(error))
    return Spf(domain, said.record, said.result, address)


class _Check:
    def __init__(self, sender: str, address: Host, means: Means, helo: str) -> None:
        self.first = ""
        """The record of the domain itself."""
        self._sender = sender
        self._helo = helo
        self._address = address
        self._means = means
        self._left = LOOKUPS

    async def domain(self, domain: str) -> _Said:
        records = [
            each for each in await texts(domain, "v=spf1", self._means) if re.fullmatch(r"(?i)v=spf1(\s.*)?", each)
        ]
        if not records:
            return _Said("none", "")
        self.first = self.first or records[0]
        if len(records) > 1:
            raise _UnclearError(f"{domain} has {len(records)} SPF records, which is an error")
        redirect = ""
        for word in records[0].split()[1:]:
            if word.lower().startswith("redirect="):
                redirect = word.partition("=")[2]
            elif "=" in word and not word.lower().startswith(("ip6:", "include:")):
                continue  # a modifier that is not for us
            elif await self._matches(word, domain):
                term = _TERM.fullmatch(word)
                assert term is not None
                return _Said(_RESULTS[term["sign"]], records[0])
        if redirect:
            redirect = self._take(redirect, domain)
            said = await self.domain(redirect)
            if said.result == "none":
                raise _UnclearError(f"redirect={redirect} leads to no record")
            return _Said(said.result, records[0])
        return _Said("neutral", records[0])

    async def _matches(self, word: str, domain: str) -> bool:
        term = _TERM.fullmatch(word)
        if term is None:
            raise _UnclearError(f"{word} is not a term of SPF")
        name, of = term["name"].lower(), term["of"] or domain
        match name:
            case "all":
                return True
            case "ip4" | "ip6":
                return self._in_network(word.partition(":")[2])
            case "a":
                of = self._take(of, domain)
                return await self._among(of, term["bits"])
            case "mx":
                of = self._take(of, domain)
                return await self._among_mx(of, term["bits"])
            case "include":
                of = self._take(of, domain)
                said = await self.domain(of)
                if said.result == "none":
                    raise _UnclearError(f"include:{of} leads to no record")
                return said.result == "pass"
            case "ptr":
                raise _UnclearError("ptr is not followed")
            case "exists":
                return await self._exists(self._take(of, domain))
            case _:
                raise _UnclearError(f"{word} is not a term of SPF")

    def _take(self, of: str, domain: str) -> str:
        """The name that a term of a domain's record means; one question less is left."""
        self._left -= 1
        if self._left < 0:
            raise _UnclearError(f"more than {LOOKUPS} terms ask DNS, which is an error")
        try:
            return expanded(of, letters(self._sender, domain, str(self._address), self._helo))
        except ValueError as error:
            raise _UnclearError(str(error)) from None

    async def _exists(self, host: str) -> bool:
        """Whether it has an address, of IPv4 whatever ours is (RFC 7208 5.7)."""
        try:
            return bool(await self._means.lookup.ask(host, "A"))
        except NoSuchNameError:
            return False

    def _in_network(self, written: str) -> bool:
        try:
            network = ipaddress.ip_network(written, strict=False)
        except ValueError:
            raise _UnclearError(f"{written} is not a network") from None
        return self._address.version == network.version and self._address in network

    async def _among(self, host: str, bits: str) -> bool:
        kind = "A" if self._address.version == 4 else "AAAA"
        try:
            answer = await self._means.lookup.ask(host, kind)
        except NoSuchNameError:
            return False
        length = self._length(bits)
        return any(self._in_network(f"{record.address}/{length}") for record in answer or ())

    async def _among_mx(self, domain: str, bits: str) -> bool:
        try:
            answer = await self._means.lookup.ask(domain, "MX")
        except NoSuchNameError:
            return False
        hosts = [str(record.exchange) for record in answer or ()][:MX_HOSTS]
        found = await asyncio.gather(
            *(self._among(host, bits) for host in hosts if host != "."), return_exceptions=True
        )
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, UnresolvedError):
                raise each
        return any(each is True for each in found)

    def _length(self, bits: str) -> str:
        """Of `/24`, `//64`, `/24//64`; the whole address where none is written."""
        four, _, six = bits.partition("//")
        written = four.strip("/") if self._address.version == 4 else six
        return written or str(self._address.max_prefixlen)
