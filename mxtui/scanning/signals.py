"""Signals of our own: what is odd about one message, each in words and with what it weighs. Pure.

    a message that is odd in one way       up to 4 points: much good mail is
    suspect (`[spam] suspect`)             10: odd in several ways at once, or like many others

No signal is beyond doubt, so none reaches the threshold alone. What it weighs stands beside it here, and nowhere else.
"""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mxtui.message import charsets
from mxtui.message.addresses import domains
from mxtui.message.differences import Envelope, of_addresses
from mxtui.message.encoded_words import unfold
from mxtui.message.inspect import Inspection
from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence
from mxtui.model.message import NULL_SENDER

DAY: Final = 86_400.0
WEEK: Final = 7 * DAY

NAME: Final = 60
"""Characters of a name from outside."""

_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@([a-z0-9.-]{3,253}\.[a-z]{2,24})", re.IGNORECASE)
_AUTHOR: Final = re.compile(r"^(.*)<[^<>]*>\s*$", re.DOTALL)
_HIDDEN: Final = re.compile(r"<U\+(?:200[B-F]|202[A-E]|206[0-9A-F]|FEFF|E00[0-7][0-9A-F])>")
"""As the sanitizer writes characters that nobody sees, or that turn text round."""

_DOUBLE: Final = re.compile(
    r"\.(?:pdf|docx?|xlsx?|pptx?|jpe?g|png|txt|zip|html?)[\s._-]*\.[a-z0-9]{2,4}\Z", re.IGNORECASE
)

_ALIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", "8": "b", "-": None})
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What this server knows beside the message; what is not known weighs nothing."""

    envelope: Envelope
    recipients: int = 0
    """To do."""
    refused: int = 0
    """Of those, how many their primary does not know, by its replies or by call-outs."""
    relayed: frozenset[str] = frozenset()
    """Domains that mail is taken for, lower case."""
    sender_unreachable: bool | None = None
    """The envelope sender's domain has neither MX nor address; None where that was not asked or could not be told."""
    refused_by: str = ""
    """What a call-out learned of one of the refused, and when; empty where all were refused as mail was tried."""


def signals(seen: Inspection, facts: Facts) -> tuple[Evidence, ...]:
    """What speaks for or against it, gravest first. Cheap: a millisecond. Texts are sanitised."""
    found = [
        *_recipients(facts),
        *_author(seen, facts),
        *_client(facts),
        *_files(seen),
        *_links(seen),
        *_form(seen, facts),
    ]
    return tuple(sorted(found, key=lambda each: -each.points))


def _said(name: str, title: str, detail: str, points: float) -> Evidence:
    return Evidence(name, title, one_line(detail, 200), points, "mxtui")


def _recipients(facts: Facts) -> Iterator[Evidence]:
    if not facts.refused:
        return
    share = facts.refused / max(facts.recipients, facts.refused)
    if facts.envelope.sender == NULL_SENDER:
        detail = "a bounce for somebody who does not exist: of mail that nobody here sent"
        yield _said("bounce_to_nobody", "Bounce to nobody", detail, 4.0)
    else:
        detail = f"{facts.refused} of {max(facts.recipients, facts.refused)} recipients do not exist"
        detail += f": {facts.refused_by}" if facts.refused_by else ""
        yield _said("unknown_recipient", "Unknown recipient", detail, round(1.0 + 2.0 * share, 1))


def _author(seen: Inspection, facts: Facts) -> Iterator[Evidence]:
    envelope = facts.envelope
    remarks = {(each.header, each.words) for each in of_addresses(seen, envelope)}
    domain = author_domain(seen)
    ours = _within(domain, facts.relayed)
    if envelope.sender != NULL_SENDER and ("From", "envelope differs") in remarks:
        yield _said("from_differs", "From differs", f"the envelope says {envelope.sender or '<>'}", 0.5)
    if ours and envelope.client is not None:
        # Lists and forwarders do it, too: what our own people write comes in from outside.
        yield _said("from_ours", "From ourselves", f"{domain} is one of our domains, and it came from outside", 1.5)
    elif domain and (like := look_alike(domain, facts.relayed)):
        yield _said("look_alike", "Look-alike domain", f"{domain} is not {like}", 3.0)
    if ("From", "no address") in remarks:
        yield _said("no_author", "No author", "From names no address", 1.0)
    if ("Reply-To", "not the From domain") in remarks:
        yield _said("reply_elsewhere", "Replies elsewhere", f"to {seen.value('reply-to')}", 0.5)
    shown = _AUTHOR.match(seen.value("from"))
    named = _ADDRESS.search(shown[1]) if shown is not None else None
    if named is not None and domain and not _related(named[1].lower(), domain):
        yield _said("name_is_address", "Name is an address", f"it reads {named[0]} and is from {domain}", 2.0)
    if facts.sender_unreachable:
        of = envelope.sender.rpartition("@")[2]
        yield _said("sender_unreachable", "Sender unreachable", f"{of} has neither MX nor address", 2.5)


def _client(facts: Facts) -> Iterator[Evidence]:
    client = facts.envelope.client
    if client is None:
        return
    helo = client.helo.lower().rstrip(".")
    if helo in facts.envelope.primaries | facts.envelope.own_names | facts.relayed and client.name.lower() != helo:
        yield _said("forged_helo", "Forged HELO", f"{client.helo} is one of our own names", 1.5)
    elif helo and "." not in helo and ":" not in helo:
        yield _said("helo_no_name", "HELO without a domain", client.helo, 0.5)
    if not client.name or client.name.lower() == "unknown":
        yield _said("no_reverse_name", "No reverse name", client.address, 0.8)


def _files(seen: Inspection) -> Iterator[Evidence]:
    listed = [entry for part in seen.parts for entry in part.archive.entries]
    programs = [part.filename or part.executable for part in seen.parts if part.executable]
    if packed := [entry.name for entry in listed if entry.executable]:
        yield _said("program_in_archive", "Program in an archive", packed[0], 3.5)
    if programs:
        yield _said("program", "Program attached", programs[0], 3.5)
    names = [part.filename for part in seen.parts if part.filename] + [entry.name for entry in listed]
    harmful = {*programs, *packed}
    if double := next((name for name in names if name in harmful and _DOUBLE.search(name)), ""):
        yield _said("double_ending", "Two endings", double, 2.0)
    if hidden := next((name for name in names if _HIDDEN.search(name)), ""):
        yield _said("hidden_in_name", "Hidden character", f"in a file name: {hidden}", 2.5)
    if any(part.encrypted not in ("", "PGP", "S/MIME") for part in seen.parts):
        kind = next(part.encrypted for part in seen.parts if part.encrypted not in ("", "PGP", "S/MIME"))
        yield _said("locked", "Locked attachment", f"{kind}: no scanner can look into it", 1.0)
    if any(part.differs and part.executable for part in seen.parts):
        part = next(part for part in seen.parts if part.differs and part.executable)
        yield _said("disguised", "Disguised", f"it says {part.media_type} and is {part.sniffed}", 1.5)


def _links(seen: Inspection) -> Iterator[Evidence]:
    if differing := next((link for link in seen.text.links if link.differs), None):
        yield _said("link_differs", "Link differs", f"shows {differing.shown}, leads to {differing.target}", 2.5)


def _form(seen: Inspection, facts: Facts) -> Iterator[Evidence]:
    date = seen.date
    if not seen.value("date"):
        yield _said("no_date", "No date", "every mail program writes one", 1.0)
    elif date is None:
        yield _said("no_date", "Not a date", seen.value("date"), 1.0)
    elif date > facts.envelope.arrival + DAY:
        yield _said("future_date", "Date in the future", seen.value("date"), 1.5)
    elif date < facts.envelope.arrival - WEEK:
        yield _said("old_date", "Date long past", seen.value("date"), 0.8)
    if not seen.value("message-id"):
        yield _said("no_message_id", "No Message-ID", "every mail program writes one", 0.5)
    if twice := next((name for name in ("From", "Subject", "To", "Date") if len(seen.named(name)) > 1), ""):
        yield _said("twice", "Header twice", f"{twice} appears {len(seen.named(twice))} times", 1.0)
    for name in ("subject", "from"):
        if _HIDDEN.search(seen.value(name)):
            yield _said(f"hidden_in_{name}", "Hidden character", f"in {name.capitalize()}: {seen.value(name)}", 1.5)


def author_domain(seen: Inspection) -> str:
    """The domain of the one address in From, lower case; empty where there is none, or more than one."""
    fields = seen.named("from")
    found = domains(charsets.decode(unfold(fields[0].raw))) if len(fields) == 1 else ()
    return one_line(found[0], 253) if len(found) == 1 else ""


def _within(domain: str, relayed: frozenset[str]) -> bool:
    return bool(domain) and any(domain == each or domain.endswith(f".{each}") for each in relayed)


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


# -- domains that look like ours --------------------------------------------------------------------------------------

LONGEST: Final = 80
COMPARED: Final = 200
"""Domains of ours that one is compared with."""


def look_alike(domain: str, relayed: frozenset[str]) -> str:
    """The domain of ours that one reads as, and is not; empty where there is none.

    >>> look_alike("examp1e.org", frozenset({"example.org"})), look_alike("exarnple.org", frozenset({"example.org"}))
    ('example.org', 'example.org')
    >>> look_alike("example.com", frozenset({"example.org"}))
    ''
    """
    if not domain or len(domain) > LONGEST or _within(domain, relayed):
        return ""
    read = _reads_as(domain)
    for ours in sorted(relayed)[:COMPARED]:
        mine = _reads_as(ours)
        if read == mine:
            return ours
        # One letter off in a long name is no accident; a short one has a neighbour for each letter.
        if len(ours) >= 8 and domain.rpartition(".")[2] == ours.rpartition(".")[2] and _one_off(domain, ours):
            return ours
        # `example.org.pay.example`, `example-org.example`.
        if len(ours) >= 8 and (f".{ours}." in f".{domain}" or ours.replace(".", "-") in domain.partition(".")[0]):
            return ours
    return ""


@lru_cache(maxsize=4096)
def _reads_as(domain: str) -> str:
    """Letters as an eye takes them: of any alphabet, and without marks."""
    labels = []
    for label in domain.lower().split("."):
        if label.startswith("xn--"):
            with suppress(UnicodeError):
                label = label.encode("ascii").decode("idna")
        labels.append(label)
    plain = "".join(
        _CONFUSED.get(character, character)
        for character in unicodedata.normalize("NFKD", ".".join(labels))
        if not unicodedata.combining(character)
    )
    for pair, one in _PAIRS:
        plain = plain.replace(pair, one)
    return plain.translate(_ALIKE)


_CONFUSED: Final = dict(
    zip("абвгдеёзіјкмнорсѕтухԁɡһӏԛԝαβεικνορτυχ", "a6brdee3ijkmhopcstyxdghlqwabeiknoptux", strict=True)
)
"""Cyrillic and Greek that read as Latin."""


def _one_off(one: str, other: str) -> bool:
    """Whether one letter was changed, left out, put in, or two were swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, others = one[at:], other[at:]
    return (
        rest[1:] == others[1:]
        or rest[1:] == others
        or rest == others[1:]
        or (rest[:2] == others[1::-1] and rest[2:] == others[2:])
    )
