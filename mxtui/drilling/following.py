"""What a mail log tells of a drill: pure.

`status=sent` says only that somebody took it. A domain that is also local, `discard:` and a pipe take it here, and a
content filter hands it in again under another queue ID: none of them is the primary.

Source: Postfix, src/global/sent.c, FILTER_README (the after-queue content filter).
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from mxtui.drilling.course import Evidence
from mxtui.model.health import Primary
from mxtui.queues.postfix.maillog import Attempt, Event, PickedUp, Removed, Returned

_RELAY: Final = re.compile(r"(?P<host>[^\s\[\]]{1,255})\[(?P<address>[0-9A-Fa-f:.]{2,45})\]:(?P<port>\d{1,5})")
"""A server; a program or a socket of this host is `local`, `none`, `lists[private/lmtp]`."""

_QUEUED: Final = re.compile(r"queued as (?P<id>[0-9A-Za-z]{6,100})\b")

MOST: Final = 1000
"""Other queue IDs of late that are remembered: one of them may turn out to be the drill's."""

MOST_EVENTS: Final = 5
"""Of each: a drill has one recipient."""

MOST_FILTERS: Final = 10


class Trail:
    """One drill's, from queue ID to queue ID; `primaries` are where its domain's mail ought to go."""

    def __init__(self, queue_id: str, primaries: Iterable[Primary]) -> None:
        self.queue_id = queue_id
        """Under which it is followed now."""
        self.last = ""
        """The last attempt that settled nothing."""
        self.taken = Evidence(False, "")
        """What it comes to where `maybe` is none of ours."""
        self.maybe = ""
        """A queue ID that the last server named: ours if that was a filter of ours, else its own."""
        self._primaries = tuple(primaries)
        self._seen: dict[str, list[Attempt | Returned | Removed]] = {}
        self._filters: list[str] = []

    def take(self, event: Event) -> Evidence | None:
        """The verdict, once there is one."""
        if isinstance(event, PickedUp):
            return None
        if event.queue_id == self.maybe:
            self.follow()
        if event.queue_id != self.queue_id:
            self._remember(event)
            return None
        return self._judge(event)

    def follow(self) -> Evidence | None:
        """Take `maybe` for what it is now called; the verdict if it was seen before."""
        self.queue_id, self.maybe = self.maybe, ""
        for event in self._seen.pop(self.queue_id, []):
            if (evidence := self._judge(event)) is not None:
                return evidence
        return None

    def _remember(self, event: Attempt | Returned | Removed) -> None:
        """The next ID's lines may come before the line that names it: a filter answers last."""
        events = self._seen.setdefault(event.queue_id, [])
        if len(events) < MOST_EVENTS:
            events.append(event)
        if len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]

    def _judge(self, event: Attempt | Returned | Removed) -> Evidence | None:
        if isinstance(event, Returned):
            return self._evidence(False, f"{self.queue_id} was returned: expired")
        if not isinstance(event, Attempt) or self.maybe:
            return None
        said = f"status={event.status} relay={event.relay} ({event.text})"
        if event.status == "deferred":
            self.last = said
            return None
        said = f"{self.queue_id} {said}"
        if event.status != "sent":
            return self._evidence(False, said)
        return self._sent(event, said)

    def _sent(self, event: Attempt, said: str) -> Evidence | None:
        relay = _RELAY.fullmatch(event.relay)
        if relay is None:
            return self._evidence(False, f"it was delivered here and not to the primary: {said}{self._routed}")
        host, address, port = relay["host"].lower().rstrip("."), relay["address"].lower(), int(relay["port"])
        if any(each.host.lower().rstrip(".") in (host, address) and each.port == port for each in self._primaries):
            return self._evidence(True, said)
        if _loopback(address):
            taken = self._evidence(
                False, f"a filter here took it, and no line says where it went: {said}{self._routed}"
            )
        else:
            taken = self._evidence(True, f"{said}{self._routed}")
        named = _QUEUED.search(event.text)
        if named is None or named["id"] == self.queue_id or len(self._filters) >= MOST_FILTERS:
            return taken
        self._filters.append(f"{event.relay} took it as {named['id']}; ")
        self.maybe, self.taken = named["id"], taken
        return self.follow() if self.maybe in self._seen else None

    def _evidence(self, passed: bool, text: str) -> Evidence:
        return Evidence(passed, "".join(self._filters) + text)

    @property
    def _routed(self) -> str:
        names = " or ".join(dict.fromkeys(f"{each.host}:{each.port}" for each in self._primaries))
        return f"; routed to {names}" if names else ""


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
