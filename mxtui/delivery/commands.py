"""The commands of a transaction (RFC 5321 3.3, with the parameters of RFC 1870, 3461, 6152, 6531), and XCLIENT.

Addresses and parameters come from strangers, by way of a file that anyone may have edited: what could end a command, or
add a parameter to it, never gets on the wire.
"""

import ipaddress
import re

from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient
from mxtui.model.offers import Offers

_ADDRESS = re.compile(
    r"""(?: "(?:[^"\\\x00-\x1f\x7f] | \\[^\x00-\x1f\x7f])*" | [^\s"<>\x00-\x1f\x7f]+ )  # a local part, quoted or not
        (?: @ [^\s"<>@\x00-\x1f\x7f]+ )?""",
    re.VERBOSE,
)
_PARAMETER = re.compile(r"[^\s\x00-\x1f\x7f]+")

_HELLO = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,255}")

XTEXT_LIMIT = 255
"""Characters of a name passed on; longer ones are a stranger's joke."""


class UnfitError(ValueError):
    """It cannot be sent to this host, now or ever; RFC 3463's code and plain words."""

    def __init__(self, dsn: str, text: str) -> None:
        super().__init__(text)
        self.dsn = dsn


def mail(envelope: Envelope, offers: Offers, *, size: int, eight_bit: bool, utf8: bool) -> bytes:
    """MAIL, with what the host can do. `size` is bytes on the wire. Raises UnfitError."""
    if utf8 and "SMTPUTF8" not in offers.extensions:
        words = "the message needs SMTPUTF8, which the host does not offer"
        raise UnfitError("5.6.7" if not is_ascii(envelope) else "5.6.9", words)
    if eight_bit and "8BITMIME" not in offers.extensions:
        raise UnfitError("5.6.3", "the message has 8-bit content, and the host does not offer 8BITMIME")
    if offers.size and size > offers.size:
        raise UnfitError("5.3.4", f"the message takes {size} bytes, and the host accepts {offers.size}")
    parts = [f"MAIL FROM:<{_address(envelope.sender, '5.1.7') if envelope.sender else ''}>"]
    if "SIZE" in offers.extensions:
        parts.append(f"SIZE={size}")
    if eight_bit:
        parts.append("BODY=8BITMIME")
    if utf8:
        parts.append("SMTPUTF8")
    if "DSN" in offers.extensions:
        parts += _given("RET", envelope.ret) + _given("ENVID", envelope.envid)
    return _line(parts)


def rcpt(recipient: EnvelopeRecipient, offers: Offers) -> bytes:
    """RCPT. Raises UnfitError."""
    parts = [f"RCPT TO:<{_address(recipient.address, '5.1.3')}>"]
    if "DSN" in offers.extensions:
        parts += _given("NOTIFY", recipient.notify) + _given("ORCPT", recipient.orcpt or original_recipient(recipient))
    return _line(parts)


def original_recipient(recipient: EnvelopeRecipient) -> str:
    """ORCPT of a recipient whom we sent elsewhere, where the sender gave none (RFC 3461 5.2.1 d); empty for others.

    >>> original_recipient(EnvelopeRecipient("b@example.org", original="a+b@example.org"))
    'rfc822;a+2Bb@example.org'
    """
    original = recipient.original
    if not original or original.isascii():
        return f"rfc822;{xtext(original)}" if original else ""
    return f"utf-8;{utf8_address(original)}"


def utf8_address(address: str) -> str:
    """An address beyond ASCII in ASCII (RFC 6533 3, utf-8-addr-xtext)."""
    return "".join(
        character if 33 <= ord(character) <= 126 and character not in "\\+=" else f"\\x{{{ord(character):02X}}}"
        for character in address
    )


def xclient(client: Client | None, attributes: frozenset[str]) -> bytes:
    """XCLIENT with those of our attributes that the host asks for (Postfix's XCLIENT_README); None is nobody known."""
    values = {"NAME": "", "ADDR": "", "HELO": "", "PROTO": "ESMTP"}
    if client is not None:
        values["NAME"], values["HELO"] = client.name, client.helo
        values["ADDR"] = _client_address(client.address)
        values["PROTO"] = "SMTP" if client.protocol == "SMTP" else "ESMTP"
    told = (f"{name}={xtext(value) or '[UNAVAILABLE]'}" for name, value in values.items() if name in attributes)
    return _line(["XCLIENT", *told])


def hello_of(client: Client | None, ours: str) -> str:
    """The name to say EHLO with after XCLIENT: the client's own, for Postfix takes this one as its HELO name."""
    return client.helo if client is not None and _HELLO.fullmatch(client.helo) else ours


def xtext(text: str) -> str:
    """As RFC 3461 section 4 encodes.

    >>> xtext("a b=c")
    'a+20b+3Dc'
    """
    return "".join(
        chr(byte) if 33 <= byte <= 126 and byte not in b"+=" else f"+{byte:02X}"
        for byte in text[:XTEXT_LIMIT].encode("utf-8", "surrogateescape")
    )


def is_ascii(envelope: Envelope) -> bool:
    """Whether no address needs SMTPUTF8."""
    return envelope.sender.isascii() and all(recipient.address.isascii() for recipient in envelope.recipients)


def _address(address: str, dsn: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise UnfitError(dsn, "not an address that can be sent")
    return address


def _given(name: str, value: str) -> list[str]:
    """A parameter byte for byte; one that is no parameter would become several, and is left out."""
    return [f"{name}={value}"] if _PARAMETER.fullmatch(value) else []


def _client_address(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(known) if known.version == 4 else f"IPV6:{known}"


def _line(parts: list[str]) -> bytes:
    return " ".join(parts).encode("utf-8", "surrogateescape") + b"\r\n"
