"""From an address to a session: TCP, greeting, EHLO and STARTTLS, through aiosmtplib."""

import asyncio
import socket
import ssl
from typing import Final

import aiosmtplib

from mxtui.delivery.conversation import Conversation, transport_of
from mxtui.delivery.policy import Policy, Timeouts, TlsPolicy
from mxtui.delivery.replies import TEXT_LIMIT, Reply
from mxtui.message.sanitize import one_line
from mxtui.model.offers import Offers, read_offers
from mxtui.primary import tls
from mxtui.primary.words import explain

BUSY: Final = 421


class TroubleError(ConnectionError):
    """A host with which no mail can be exchanged now; in words fit for screens."""

    def __init__(self, text: str, dsn: str, code: int | None = None) -> None:
        self.text = one_line(text, TEXT_LIMIT)
        super().__init__(self.text)
        self.dsn = dsn
        self.code = code


class _TlsError(Exception):
    """STARTTLS failed in a way that leaves the connection of no use."""


class Connected:
    """A connection after EHLO, and what was learned on the way."""

    def __init__(self, conversation: Conversation, lines: tuple[str, ...], tls_version: str) -> None:
        self.conversation = conversation
        self.offers: Offers = read_offers(lines[1:])
        self.xclient = xclient_attributes(lines)
        self.tls = tls_version
        """`TLSv1.3`; empty in the clear."""


def xclient_attributes(lines: tuple[str, ...]) -> frozenset[str]:
    """What XCLIENT may tell, by an EHLO reply; nothing where it is not offered."""
    for line in lines[1:]:
        keyword, _, attributes = line.upper().partition(" ")
        if keyword == "XCLIENT":
            return frozenset(attributes.split())
    return frozenset()


async def connect(address: str, port: int, *, host: str, hello: str, policy: Policy) -> Connected:
    """Connect to one address of `host`, greeted as `hello`. Raises TroubleError."""
    try:
        return await _connect(address, port, host, hello, policy.tls, policy.timeouts)
    except _TlsError as error:
        if policy.tls != "may":
            raise TroubleError(str(error), "4.7.5") from error
        # Encryption that does not work is no reason to keep the mail, where none was asked for (RFC 7435 3).
        return await _connect(address, port, host, hello, None, policy.timeouts)


async def _connect(
    address: str, port: int, host: str, hello: str, tls_policy: TlsPolicy | None, timeouts: Timeouts
) -> Connected:
    client = aiosmtplib.SMTP(
        sock=await _socket(address, port, timeouts.connect),
        local_hostname=hello,
        start_tls=False,
        timeout=timeouts.reply,
    )
    try:
        return await _greet(client, host, hello, tls_policy, timeouts)
    except BaseException as error:
        if client.transport is not None:
            transport_of(client.transport).abort()
        client.close()
        match error:
            case TroubleError() | _TlsError():
                raise
            case aiosmtplib.SMTPResponseException():
                raise _refused(error) from error
            case aiosmtplib.SMTPTimeoutError():
                raise TroubleError("no answer in time", "4.4.2") from error
            case aiosmtplib.SMTPException():
                raise TroubleError("connection closed by the server", "4.4.2") from error
            case OSError() | EOFError():
                raise TroubleError(explain(error), "4.4.2") from error
            case _:
                raise


async def _socket(address: str, port: int, seconds: float) -> socket.socket:
    """Connected. Raises TroubleError."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        # A command must not wait for the acknowledgement of the one before.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(made, (address, port))
    except OSError as error:
        made.close()
        raise TroubleError(f"connect to {address} port {port}: {explain(error)}", "4.4.1") from error
    except BaseException:
        made.close()
        raise
    return made


async def _greet(
    client: aiosmtplib.SMTP, host: str, hello: str, tls_policy: TlsPolicy | None, timeouts: Timeouts
) -> Connected:
    async with asyncio.timeout(timeouts.reply):
        await client.connect()
    lines = await _hello(client, hello)
    secured = ""
    if tls_policy is not None and client.supports_extension("starttls"):
        secured = await _start_tls(client, host, tls_policy)
        if secured:
            lines = await _hello(client, hello)
    if not secured and tls_policy in ("require", "verify"):
        raise TroubleError("the host offers no STARTTLS, and TLS is required", "4.7.4")
    conversation = Conversation.take_over(transport_of(client.transport))
    return Connected(conversation, lines, secured)


async def _hello(client: aiosmtplib.SMTP, hello: str) -> tuple[str, ...]:
    """The lines of the reply. Raises TroubleError: we talk to ourselves."""
    try:
        reply = await client.ehlo()
    except aiosmtplib.SMTPHeloError as error:
        if error.code == BUSY:
            raise
        reply = await client.helo()
    lines = tuple(reply.message.split("\n"))
    if lines[0].split(" ")[0].lower().rstrip(".") == hello.lower().rstrip("."):
        raise TroubleError("mail loops back: the host answers with our own name", "4.4.6")
    return lines


async def _start_tls(client: aiosmtplib.SMTP, host: str, tls_policy: TlsPolicy) -> str:
    """The version of TLS; empty where the host took its offer back and that is acceptable."""
    try:
        await client.starttls(server_hostname=host, tls_context=tls.context(verify=tls_policy == "verify"))
    except aiosmtplib.SMTPResponseException as error:
        if tls_policy == "may" and error.code != BUSY:
            return ""
        raise
    except aiosmtplib.SMTPException as error:
        raise _TlsError("TLS failed: connection closed by the server") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no certificate could carry
        raise _TlsError(explain(error)) from error
    secured = client.get_transport_info("ssl_object")
    return (secured.version() or "TLS") if isinstance(secured, ssl.SSLObject) else "TLS"


def _refused(error: aiosmtplib.SMTPResponseException) -> TroubleError:
    """A greeting or EHLO answered with no; aiosmtplib reports garbage as a reply with a code below zero."""
    if not 200 <= error.code <= 599:
        said = error.message.removeprefix("Malformed SMTP response line: ")[:40].strip()
        return TroubleError(f"not an SMTP reply: {said}", "4.5.0")
    reply = Reply(error.code, tuple(error.message.split("\n")))
    found = reply.enhanced
    # 554 in a greeting is no verdict on any message (RFC 5321 3.1): it is kept.
    return TroubleError(reply.text, f"4{found[1:]}" if found[0] in "25" else found, error.code)
