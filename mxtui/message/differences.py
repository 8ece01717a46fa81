"""Where a message's headers disagree with what this server saw: the `≠` marks."""

from dataclasses import dataclass

from mxtui.message import charsets
from mxtui.message.addresses import domains
from mxtui.message.encoded_words import unfold
from mxtui.message.headers import Header
from mxtui.message.inspect import Inspection
from mxtui.model.envelope import Client
from mxtui.model.words import duration

DATE_TOLERANCE = 3600.0
"""Seconds between Date and arrival that say nothing: slow relays, and clocks an hour off."""

# RFC 5322 section 3.6.
_ONCE = ("From", "Reply-To", "To", "Date", "Message-ID", "Subject")

_PRIVATE_ENDINGS = (".local", ".localdomain", ".localhost", ".lan", ".internal", ".home", ".invalid")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What this server itself knows of a message."""

    sender: str
    """Envelope sender; empty is the null sender."""
    arrival: float
    """Epoch seconds."""
    own_names: frozenset[str] = frozenset()
    """Host names, lower case, that no stranger has a right to: this host's."""
    primaries: frozenset[str] = frozenset()
    """Its primaries', to which no stranger has a right either."""
    trusted: frozenset[str] = frozenset()
    """Authentication services (RFC 8601 section 2.2), lower case, whose results are believed."""
    client: Client | None = None
    """Who handed it in, as this server saw it; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A few words beside a header."""

    header: str
    """Its name; `helo` for what the client called itself."""
    words: str
    differs: bool = True
    """Whether it earns the `≠` mark; otherwise a caution only."""


def differences(inspection: Inspection, envelope: Envelope) -> tuple[Remark, ...]:
    """What to say beside the headers of a message. Only claims are compared: a difference is a hint, never a proof."""
    remarks = [*_helo(inspection, envelope), *of_addresses(inspection, envelope), *_date(inspection, envelope)]
    message_id = inspection.value("message-id")
    if message_id and not _is_public(message_id):
        remarks.append(Remark("Message-ID", "not a public name"))
    for result in inspection.named("authentication-results"):
        server = result.value.partition(";")[0].strip().lower()
        remarks.append(Remark(result.name, _standing(server.split(" ")[0], envelope), differs=False))
    for name in _ONCE:
        count = len(inspection.named(name))
        if count > 1:
            remarks.append(Remark(name, f"appears {count} times"))
    return tuple(remarks)


def _standing(server: str, envelope: Envelope) -> str:
    """What results of an authentication service are worth."""
    if server in envelope.trusted:
        return "trusted"
    # Anyone can write one with our name in it, too (RFC 8601 section 5).
    return "names us, unverified" if server in envelope.own_names else "foreign, untrusted"


def _helo(inspection: Inspection, envelope: Envelope) -> list[Remark]:
    if envelope.client is not None:
        named, verified = envelope.client.helo, envelope.client.name
    elif inspection.hops:
        named, verified = inspection.hops[-1].helo, inspection.hops[-1].name
    else:
        return []
    helo = named.lower().rstrip(".")
    if verified.lower() == helo:
        return []
    if helo in envelope.primaries:
        return [Remark("helo", "our own primary's name")]
    return [Remark("helo", "our own name")] if helo in envelope.own_names else []


def of_addresses(inspection: Inspection, envelope: Envelope) -> list[Remark]:
    """Those beside the addresses alone."""
    remarks = []
    sender = _domains(inspection.named("from"))
    if not sender:
        remarks.append(Remark("From", "no address"))
    # Bounces come from the null sender, so there is nothing to differ from.
    envelope_domain = envelope.sender.rpartition("@")[2].lower()
    if sender and envelope_domain and not any(_related(domain, envelope_domain) for domain in sender):
        remarks.append(Remark("From", "envelope differs"))
    reply = _domains(inspection.named("reply-to"))
    if sender and reply and not all(any(_related(domain, known) for known in sender) for domain in reply):
        remarks.append(Remark("Reply-To", "not the From domain"))
    back = _domains(inspection.named("return-path"))
    if back and not any(domain == envelope_domain for domain in back):
        remarks.append(Remark("Return-Path", "envelope differs"))
    return remarks


def _date(inspection: Inspection, envelope: Envelope) -> list[Remark]:
    if not inspection.value("date"):
        return [Remark("Date", "missing")]
    date = inspection.date
    if date is None:
        return [Remark("Date", "not a date")]
    off = date - envelope.arrival
    if abs(off) <= DATE_TOLERANCE:
        return []
    return [Remark("Date", f"{duration(-off)} too early" if off < 0 else f"{duration(off)} in the future")]


def _domains(found: tuple[Header, ...]) -> tuple[str, ...]:
    """Of the first field of its kind."""
    return domains(charsets.decode(unfold(found[0].raw))) if found else ()


def _related(one: str, other: str) -> bool:
    """Whether one domain is the other or below it, as bounce hosts mostly are."""
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def _is_public(message_id: str) -> bool:
    host = message_id.strip("<> ").rpartition("@")[2].lower()
    return "." in host and not host.endswith(_PRIVATE_ENDINGS)
