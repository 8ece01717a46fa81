"""The way a message took, from its Received fields (RFC 5321 section 4.4). Only the newest is ours; all others are
whatever the sender wrote.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mxtui.message import charsets
from mxtui.message.dates import moment
from mxtui.message.encoded_words import unfold
from mxtui.message.headers import Field
from mxtui.message.limits import Budget
from mxtui.message.sanitize import one_line

_WORD = re.compile(r"[()]|[^\s()]+")
_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]")
_REVERSE_NAME = re.compile(r"([A-Za-z0-9_.-]{1,255}) \[")
_CLAUSES = frozenset(("from", "by", "via", "with", "id", "for"))

_WORD_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Hop:
    """One server's word that it took the message. All text is sanitised, and empty where the field does not tell."""

    helo: str
    """What the client called itself."""
    name: str
    """The client's reverse name as the server found it; `unknown` where it found none."""
    address: str
    """The client's IP address."""
    by: str
    protocol: str
    """`ESMTPS` and the like."""
    recipient: str
    """Named by some servers when there was only one."""
    time: float | None
    """Epoch seconds by that server's clock; None where it cannot be read."""
    delay: float | None = None
    """Seconds since the hop before; negative where clocks differ, None for the first."""

    @property
    def origin(self) -> str:
        """The client by what the server knew best: reverse name, address, or only what it called itself."""
        return (self.name if self.name != "unknown" else "") or self.address or self.helo


def hops(fields: Sequence[Field], budget: Budget) -> tuple[Hop, ...]:
    """All hops, oldest first, each with its delay; the newest hundred where there are more."""
    received = [field.raw for field in fields if field.name.lower() == "received"]
    if len(received) > budget.limits.hops:
        budget.note(f"the newest {budget.limits.hops} of {len(received)} hops are listed: a loop, or made up")
    found: list[Hop] = []
    before: float | None = None
    for raw in reversed(received[: budget.limits.hops]):
        hop = _hop(charsets.decode(unfold(raw)))
        if hop.time is not None:
            if before is not None:
                hop = replace(hop, delay=hop.time - before)
            before = hop.time
        found.append(hop)
    return tuple(found)


def _hop(value: str) -> Hop:
    trace, _, date = value.rpartition(";")
    clauses, client = _clauses(trace or value)
    address = _ADDRESS.search(client) or _ADDRESS.search(clauses.get("from", ""))
    reverse = _REVERSE_NAME.match(client)
    return Hop(
        helo=one_line(clauses.get("from", ""), _WORD_LENGTH),
        name=one_line(reverse[1], _WORD_LENGTH) if reverse else "",
        address=address[1] if address else "",
        by=one_line(clauses.get("by", ""), _WORD_LENGTH),
        protocol=one_line(clauses.get("with", ""), _WORD_LENGTH),
        recipient=one_line(clauses.get("for", "").strip("<>"), _WORD_LENGTH),
        time=moment(date.strip()),
    )


def _clauses(trace: str) -> tuple[dict[str, str], str]:
    """The word after each keyword, the first of its kind, and the comments after `from`: what the server found out."""
    clauses: dict[str, str] = {}
    client: list[str] = []
    keyword = ""
    depth = 0
    for word in _WORD.findall(trace):
        if word == "(":
            depth += 1
        elif word == ")":
            depth = max(0, depth - 1)
        elif depth:
            if keyword == "from":
                client.append(word)
        elif word.lower() in _CLAUSES:
            keyword = word.lower()
        elif keyword:
            clauses.setdefault(keyword, word)
    return clauses, " ".join(client)
