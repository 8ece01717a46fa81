"""Conversations with mail servers, ours and the primaries: who they say they are, what they offer, whom they believe.

Nothing is delivered: no conversation comes to DATA, and each ends with QUIT.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Sequence
from typing import Final

from mxtui.certificates import Certificate, read_certificate
from mxtui.doctor.facts import Fact, Heard, RelayProbe, Unknown
from mxtui.doctor.gather.means import Means
from mxtui.model.offers import read_offers
from mxtui.primary import tls
from mxtui.primary.session import Reply, Session
from mxtui.primary.words import GarbledError, explain

STRANGER: Final = "192.0.2.1"
"""Nobody's (RFC 5737): who XCLIENT says we are, where a server believes that."""

ELSEWHERE: Final = ("example.com", "example.net", "example.org")
"""Nobody's either (RFC 2606); one of them is not relayed here."""

HANDSHAKE: Final = 8.0

_REFUSED: Final = 400


async def hear(host: str, addresses: Sequence[str], port: int, hostname: str, asked: "Asked | None" = None) -> Heard:
    """What the first address that answers says. Raises OSError, EOFError."""
    session, address = await _connect(addresses, port)
    try:
        greeting = await _wanted(session.reply(), 220)
        reply = await _wanted(session.command(f"EHLO {hostname}"), 250)
        offers = read_offers(reply.lines[1:])
        certificate: Fact[Certificate] | None = None
        if "STARTTLS" in offers.extensions:
            certificate = await _certificate(session, host)
        if isinstance(certificate, Certificate):  # what was said before the handshake is forgotten (RFC 3207 4.2)
            offers = read_offers((await _wanted(session.command(f"EHLO {hostname}"), 250)).lines[1:])
        answers = {}
        if asked is not None and not isinstance(certificate, Unknown):
            answers = {sender: await _answer(session, sender, asked.recipient) for sender in asked.senders}
        recipient = asked.recipient if asked is not None else ""
        names = _first(greeting), _first(reply)
        return Heard(host, address, port, *names, offers, certificate, answers=answers, recipient=recipient)
    finally:
        await session.leave()


class Asked:
    """A recipient, and senders by domain that it is asked for on behalf of: `postmaster@` each, "" is the null one."""

    def __init__(self, recipient: str, domains: Sequence[str]) -> None:
        self.recipient = recipient
        self.senders = ("", *domains)


async def distrust(host: str, address: str, port: int, hostname: str, means: Means) -> str:
    """Why a sender that wants a valid certificate would not take this server's; empty where it is valid."""
    session, _ = await _connect([address], port)
    try:
        await _wanted(session.reply(), 220)
        await _wanted(session.command(f"EHLO {hostname}"), 250)
        await _wanted(session.command("STARTTLS"), 220)
        try:
            await session.start_tls(means.context(), host, HANDSHAKE)
        except ssl.SSLError as error:
            return explain(error)
        return ""
    finally:
        await session.leave()


async def relays(address: str, port: int, hostname: str, ours: Sequence[str]) -> RelayProbe:
    """Whether the server at an address relays for a stranger. Raises OSError, EOFError."""
    elsewhere = next((name for name in ELSEWHERE if not any(_within(name, domain) for domain in ours)), ELSEWHERE[0])
    user = f"mxtui-probe@{elsewhere}"
    forms = (user, f"mxtui-probe%{elsewhere}@{hostname}", f'"{user}"@{hostname}', f"@{hostname}:{user}")
    session, _ = await _connect([address], port)
    try:
        await _wanted(session.reply(), 220)
        greeted = await _wanted(session.command(f"EHLO {hostname}"), 250)
        stranger = False
        if "XCLIENT" in read_offers(greeted.lines[1:]).extensions:
            await _wanted(session.command(f"XCLIENT ADDR={STRANGER} NAME=[UNAVAILABLE]"), 220)
            await _wanted(session.command(f"EHLO {hostname}"), 250)
            stranger = True
        client = STRANGER if stranger else session.local_address
        reply = await session.command(f"MAIL FROM:<mxtui-probe@{hostname}>")
        if reply.code != 250:
            return RelayProbe((), stranger, client, f"MAIL FROM is refused: {reply.text}")
        replies = []
        for form in forms:
            said = await session.command(f"RCPT TO:<{form}>")
            replies.append((form, said.text))
            if said.code == 421:
                break
        return RelayProbe(tuple(replies), stranger, client)
    finally:
        await session.leave()


async def _connect(addresses: Sequence[str], port: int) -> tuple[Session, str]:
    problem: OSError = GarbledError("no address to connect to")
    for number, address in enumerate(addresses):
        try:
            # One silent address must leave time for the next.
            async with asyncio.timeout(4.0 if number + 1 < len(addresses) else None):
                return await Session.connect(address, port), address
        except OSError as error:
            problem = error
    raise problem


async def _wanted(question: Awaitable[Reply], code: int) -> Reply:
    reply = await question
    if reply.code != code:
        raise GarbledError(reply.text)
    return reply


async def _certificate(session: Session, host: str) -> Fact[Certificate]:
    try:
        await _wanted(session.command("STARTTLS"), 220)
        secured = await session.start_tls(tls.context(verify=False), host, HANDSHAKE)
        return read_certificate(secured.getpeercert(binary_form=True) or b"")
    except (OSError, EOFError, ValueError) as error:
        return Unknown(explain(error))


async def _answer(session: Session, domain: str, recipient: str) -> str:
    sender = f"postmaster@{domain}" if domain else ""
    reply = await session.command(f"MAIL FROM:<{sender}>")
    if reply.code < _REFUSED:
        reply = await session.command(f"RCPT TO:<{recipient}>")
    await session.command("RSET")
    return reply.text


def _first(reply: Reply) -> str:
    """The name that a greeting begins with."""
    return reply.lines[0].split(None, 1)[0] if reply.lines and reply.lines[0].split() else ""


def _within(name: str, domain: str) -> bool:
    return name == domain or domain.endswith(f".{name}") or name.endswith(f".{domain}")
