"""The health ladder: DNS, TCP, banner, EHLO, STARTTLS; each rung timed, each climb on a fresh connection.

Nothing is sent that could count as an attempt to deliver, and every climb says QUIT, so that a primary's own defences
have no reason to shut out its backup. Before a drain one rung more is climbed, where a recipient for it is configured:
that one has to be accepted, and one that cannot exist refused. A primary with half its users accepts neither.
"""

import asyncio
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from mxtui.model.health import Climb, Primary, Rung
from mxtui.model.offers import Offers, read_offers
from mxtui.model.route import Ourselves
from mxtui.primary import tls
from mxtui.primary.lookup import MAX_ADDRESSES, Lookup, Server
from mxtui.primary.session import Reply, Session
from mxtui.primary.words import LIMIT, explain

BUSY = 421
"""Closing the channel (RFC 5321 4.2.3): the server is there and has too much to do."""

TAKEN = (250, 251)
"""A recipient is accepted, here or to be forwarded."""

SHORTEST = 0.1
"""Seconds that a rung gets even when the climb's time is used up, so that it fails for its own reason."""

Outcome = Literal["passed", "failed", "busy", "warning", "skipped"]

Step = Callable[[], Awaitable[tuple[Outcome, str]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that parts of a climb may take."""

    rung: float = 10.0
    """Any one rung: servers that keep strangers waiting for a greeting (postscreen) take six."""
    connect: float = 10.0
    """The TCP rung, if that is less."""
    total: float = 25.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a climb found."""

    climb: Climb
    host: str | None
    """The host that answered, or that was tried first; None where no name led to one."""
    distrust: str = ""
    """Why the certificate could not be verified. A later climb that is told so does not ask again: a broken-off
    handshake every 30 s would fill the primary's log."""
    offers: Offers | None = None
    """What its EHLO offered; None where it did not come to that."""


async def climb(
    primary: Primary,
    ourselves: Ourselves,
    lookup: Lookup,
    limits: Limits = LIMITS,
    *,
    distrust: str = "",
    recipient: str = "",
    clock: Callable[[], float] = time.time,
) -> Finding:
    """Climb once; `recipient` is one that the primary is known to have, for the rung on top.

    Always ends within `limits.total`, a second for QUIT and a tenth for each rung left; never raises.
    """
    ladder = _Ladder(primary, ourselves, lookup, limits, distrust, recipient)
    taken_at = clock()
    try:
        rungs = await ladder.climb()
    finally:
        await ladder.leave()
    return Finding(Climb(taken_at, rungs, ladder.expires), ladder.host, ladder.distrust, ladder.offers)


class _Ladder:
    def __init__(
        self,
        primary: Primary,
        ourselves: Ourselves,
        lookup: Lookup,
        limits: Limits,
        distrust: str,
        recipient: str,
    ) -> None:
        self.host: str | None = None
        self.distrust = distrust
        self._primary = primary
        self._ourselves = ourselves
        self._lookup = lookup
        self._limits = limits
        self._deadline = time.monotonic() + limits.total
        self._servers: tuple[Server, ...] = ()
        self._connected: Session | None = None
        self._recipient = recipient
        self._secured = False
        self._lost = False
        """The handshake was broken off over the certificate."""
        self.offers: Offers | None = None
        self.expires: float | None = None

    async def climb(self) -> tuple[Rung, ...]:
        steps: tuple[tuple[str, Step], ...] = (
            ("dns", self._dns),
            ("tcp", self._tcp),
            ("banner", self._banner),
            ("ehlo", self._ehlo),
            ("starttls", self._starttls),
        )
        rungs: list[Rung] = []
        for name, step in steps:
            if rungs and rungs[-1].outcome in ("failed", "busy", "skipped"):
                rungs.append(Rung(name, "skipped", None, ""))
            else:
                rungs.append(await self._take(name, step))
        # A handshake that failed leaves no connection to ask over.
        if (
            self._recipient
            and self.offers is not None
            and rungs[-1].outcome in ("passed", "skipped")
            and not self._lost
        ):
            rungs.append(await self._take("rcpt", self._rcpt))
        return tuple(rungs)

    async def _take(self, name: str, step: "Step") -> Rung:
        started = time.perf_counter()
        limit = min(self._limits.rung, self._limits.connect) if name == "tcp" else self._limits.rung
        seconds = max(SHORTEST, min(limit, self._deadline - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                outcome, detail = await step()
        except TimeoutError as error:
            # The kernel's own ETIMEDOUT is a TimeoutError too.
            outcome = "failed"
            detail = explain(error) if error.errno is not None else f"no answer within {seconds:.2g} s"
        except (OSError, EOFError, ValueError) as error:
            # ValueError: a host name from DNS that no certificate could carry, refused by the ssl module.
            outcome, detail = "failed", explain(error)
        if name == "starttls" and outcome == "failed":
            outcome = "warning"  # mail can still be taken in the clear, if the sender is willing
        return Rung(name, outcome, (time.perf_counter() - started) * 1000, detail[:LIMIT])

    async def leave(self) -> None:
        if self._connected is not None:
            await self._connected.leave()

    @property
    def _session(self) -> Session:
        assert self._connected is not None
        return self._connected

    async def _dns(self) -> tuple[Outcome, str]:
        primary = self._primary
        if primary.lookup_mx:
            self._servers = await self._lookup.exchangers(primary.host, self._ourselves)
        else:
            self._servers = (await self._lookup.host(primary.host),)
        best = self._servers[0]
        self.host = best.host
        found = ", ".join(best.addresses[:2])
        return "passed", f"MX {best.preference} {best.host}: {found}" if primary.lookup_mx else found

    async def _tcp(self) -> tuple[Outcome, str]:
        """The first address that answers, best exchanger first, as Postfix would try them."""
        tried = [(server, address) for server in self._servers for address in server.addresses][:MAX_ADDRESSES]
        first_failure = ""
        share = min(self._limits.rung, self._limits.connect) / max(1, len(tried))
        for number, (server, address) in enumerate(tried):
            try:
                # One silent address must leave time for the next.
                async with asyncio.timeout(share if number + 1 < len(tried) else None):
                    self._connected = await Session.connect(address, self._primary.port)
            except OSError as error:
                first_failure = first_failure or f"{address}: {explain(error)}"
                if number + 1 == len(tried):
                    return "failed", explain(error) if len(tried) == 1 else first_failure
                continue
            self.host = server.host
            if server != self._servers[0]:
                return "warning", f"{server.host} answers, but {self._servers[0].host} ({first_failure}) does not"
            return "passed", f"{address} port {self._primary.port}"
        return "failed", "no address to connect to"

    async def _banner(self) -> tuple[Outcome, str]:
        return _judge(await self._session.reply(), 220)

    async def _ehlo(self) -> tuple[Outcome, str]:
        reply = await self._session.command(f"EHLO {self._ourselves.hostname}")
        if 500 <= reply.code <= 504:
            # RFC 5321 4.1.4: a server that does not know EHLO still has to know HELO.
            outcome, words = _judge(await self._session.command(f"HELO {self._ourselves.hostname}"), 250)
            self.offers = Offers() if outcome == "passed" else None
            return outcome, words
        outcome, words = _judge(reply, 250)
        if outcome == "passed":
            self.offers = read_offers(reply.lines[1:])
        # Of a good answer the name is news, the extensions are not.
        return outcome, f"250 {reply.lines[0]}" if outcome == "passed" else words

    async def _starttls(self) -> tuple[Outcome, str]:
        if self.offers is None or "STARTTLS" not in self.offers.extensions:
            return "skipped", "not offered"
        outcome, words = _judge(await self._session.command("STARTTLS"), 220)
        if outcome != "passed":
            return outcome, words
        try:
            secured = await self._session.start_tls(
                tls.context(verify=not self.distrust), self.host or self._primary.host, self._limits.rung
            )
        except ssl.SSLCertVerificationError as error:
            # Reached only when TLS itself works.
            self.distrust = error.verify_message[:LIMIT]
            self._lost = True
            return "passed", tls.not_verified(self.distrust)
        self._secured = True
        self.expires = tls.expiry(secured)
        return "passed", tls.describe(secured, self.distrust)

    async def _rcpt(self) -> tuple[Outcome, str]:
        """Two-sided: the known recipient has to be accepted, one that cannot exist refused (RFC 5321 4.1.1.3)."""
        session = self._session
        if self._secured:  # RFC 3207 4.2: what was said before the handshake is forgotten
            await session.command(f"EHLO {self._ourselves.hostname}")
        outcome, words = _judge(await session.command("MAIL FROM:<>"), 250)
        if outcome != "passed":
            return outcome, words
        reply = await session.command(f"RCPT TO:<{self._recipient}>")
        if reply.code not in TAKEN:
            return ("busy" if reply.code == BUSY else "failed"), f"{self._recipient} is refused: {reply.text}"
        domain = self._recipient.rpartition("@")[2]
        made_up = await session.command(f"RCPT TO:<{secrets.token_hex(10)}@{domain}>")
        await session.command("RSET")
        if made_up.code in TAKEN:
            return "warning", f"{self._recipient} is accepted, and so is anybody else"
        return "passed", f"{self._recipient} is accepted, a made-up one refused"


def _judge(reply: Reply, wanted: int) -> tuple[Outcome, str]:
    if reply.code == wanted:
        return "passed", reply.text
    return ("busy" if reply.code == BUSY else "failed"), reply.text
