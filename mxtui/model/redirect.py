"""Where messages are sent instead: to another address, to another host, or back to where they were going.

Only who does not have a message is concerned. The address that it came with stays in the envelope (`original`), for the
way back, for notices, and for the next host (ORCPT, RFC 3461 5.2.1).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from mxtui.errors import UsageError
from mxtui.model.envelope import EnvelopeRecipient
from mxtui.model.message import recipient_domain
from mxtui.model.next_hop import NextHop, parse_host

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"(?=.{{1,254}}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})*"
)
"""RFC 5321 4.1.2 less quoted local parts and literals: it is typed by an operator and goes into a command as it is."""


class Redirect(NamedTuple):
    """Where to."""

    address: str = ""
    """Of each recipient from now on; empty: they keep theirs."""
    host: NextHop | None = None
    """Whom to deliver to, whatever the routes say; None: whoever the address is routed to."""
    only: str = ""
    """Concerns this recipient, in whatever case; empty: all who do not have it."""
    back: bool = False
    """As the message came: its own addresses and their own routes."""

    @property
    def domain(self) -> str:
        """Of the new address; empty where there is none."""
        return recipient_domain(self.address) if self.address else ""

    def __str__(self) -> str:
        if self.back:
            return "as it came"
        words = [self.address] if self.address else []
        if self.host is not None:
            words.append(f"through {self.host}" if self.address else str(self.host))
        return " ".join([*words, *([f"for {self.only}"] if self.only else [])])


BACK: Final = Redirect(back=True)


def read_redirect(address: str, host: str, only: str = "", *, back: bool = False) -> Redirect:
    """What an operator typed, empty where it was not. A host named here is the host: no MX is looked up.

    Raises UsageError.
    """
    if back:
        if address or host:
            raise UsageError("back, and to somewhere else?", "Say one of them.")
        return Redirect(only=only, back=True)
    if not address and not host:
        raise UsageError("redirect to what?", "Name an address, a host, or both.")
    if address and not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"{address[:60]!r} is no address to redirect to",
            "Such as info@example.org; an internationalised domain as xn--….",
        )
    return Redirect(address, _host(host) if host else None, only)


def _host(text: str) -> NextHop:
    try:
        return parse_host(text)
    except ValueError as error:
        raise UsageError(
            f"{text[:60]!r} is no host to redirect to", "Such as mx3.example.org or [192.0.2.1]:2525."
        ) from error


def redirected(recipients: Sequence[EnvelopeRecipient], where: Redirect) -> tuple[EnvelopeRecipient, ...]:
    """The recipients as they are from now on; who has the message, or goes there already, is as before.

    Of the last attempt nothing is left, for it was elsewhere: it is in the log.
    """
    return tuple(_redirected(each, where) if _concerned(each, where) else each for each in recipients)


def _concerned(recipient: EnvelopeRecipient, where: Redirect) -> bool:
    return recipient.fate != "delivered" and (not where.only or recipient.address.lower() == where.only.lower())


def _redirected(before: EnvelopeRecipient, where: Redirect) -> EnvelopeRecipient:
    came_as = before.original or before.address
    address = came_as if where.back else where.address or before.address
    via = str(where.host) if where.host is not None else ""
    if (address, via) == (before.address, before.via):
        return before
    return replace(
        EnvelopeRecipient(address, notify=before.notify, orcpt=before.orcpt),
        original=came_as if address != came_as else "",
        via=via,
        # The message may be at the old address all the same.
        possible_duplicate=before.possible_duplicate,
    )
