"""A spool with mail in it, and a forwarder at work on it."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mxtui.delivery.forwarder import Forwarder
from mxtui.delivery.notice import Notifier
from mxtui.delivery.policy import Policy, Timeouts
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient
from mxtui.model.next_hop import NextHop
from mxtui.model.route import Ourselves, Routed, by_next_hop
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.ids import new_id
from mxtui.queues.spool.store import Spool
from mxtui.scanning.gate import Gate
from tests.support.waiting import PATIENCE

OURSELVES = Ourselves("mx2.example.net")

QUICK = Policy(
    retry=0.3,
    retry_longest=1.0,
    idle=0.2,
    grace=5.0,
    timeouts=Timeouts(connect=5.0, reply=3.0, block=3.0, final=3.0, quit=0.5),
)
"""The defaults, for people in a hurry."""

CONTENT = b"Subject: a message\n\nHello.\n"


def envelope(
    *recipients: str | EnvelopeRecipient,
    content: bytes = CONTENT,
    sender: str = "sender@example.com",
    lifetime: float = 432_000.0,
    **more: Any,
) -> Envelope:
    """A message's, received now."""
    now = time.time()
    given = {
        "id": new_id(now),
        "arrival": now,
        "expires": now + lifetime,
        "sender": sender,
        "recipients": tuple(
            each if isinstance(each, EnvelopeRecipient) else EnvelopeRecipient(each) for each in recipients
        ),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "client": Client("192.0.2.9", "client.example.com", "client.example.com"),
    }
    return Envelope(**{**given, **more})


def commit(spool: Spool, *recipients: str | EnvelopeRecipient, content: bytes = CONTENT, **more: Any) -> Envelope:
    """Put a message into the spool."""
    made = envelope(*recipients, content=content, **more)
    assert spool.commit([(made, [content])]) == [None]
    return made


@dataclass
class Events:
    """A log that can be asked."""

    seen: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def __call__(self, event: str, level: str = "info", **fields: str | int | float | bool | None) -> None:
        assert re.fullmatch("[a-z_]+", event), "events are words with underscores, all of them"
        self.seen.append((event, fields))

    def of(self, event: str) -> list[Mapping[str, object]]:
        return [fields for name, fields in self.seen if name == event]


@dataclass
class Work:
    """A forwarder, and what is around it."""

    spool: Spool
    forwarder: Forwarder
    events: Events

    def commit(self, *recipients: str | EnvelopeRecipient, **more: Any) -> Envelope:
        """A message arrives while the forwarder runs."""
        made = commit(self.spool, *recipients, **more)
        self.forwarder.added(made.id, made)
        return made

    def left(self) -> int:
        """Messages that still wait."""
        return len(list(self.spool.ids("deferred")))

    def stored(self, id: str) -> Envelope:
        """As on disk."""
        found = self.spool.find(id)
        assert found is not None
        return found[1]

    def state(self, id: str) -> str:
        """Where it is; empty when it is gone."""
        found = self.spool.find(id)
        return found[0] if found is not None else ""


class Hops:
    """A router that was told; what it was not told goes by MX."""

    def __init__(self, hops: Mapping[str, NextHop]) -> None:
        self._hops = hops

    def ourselves(self) -> Ourselves:
        return OURSELVES

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        return {domain: by_next_hop(self._hops.get(domain, NextHop(domain, 25, lookup_mx=True))) for domain in domains}


@asynccontextmanager
async def at_work(
    spool: Spool,
    routes: Mapping[str, int | NextHop],
    policy: Policy = QUICK,
    *,
    clock: Callable[[], float] = time.time,
    relay: int | None = None,
    lookup: Lookup | None = None,
    gate: Gate | None = None,
    **changes: Any,
) -> AsyncIterator[Work]:
    """A forwarder that runs in the background. `routes` is by domain: a port on loopback, or a next hop."""
    hops = {
        domain: NextHop("127.0.0.1", hop, lookup_mx=False) if isinstance(hop, int) else hop
        for domain, hop in routes.items()
    }
    policy = replace(policy, **changes)
    events = Events()
    committer = Committer(spool)
    lookup = lookup or Lookup()
    notifier = None
    if relay is not None:
        hop = NextHop("127.0.0.1", relay, lookup_mx=False)
        notifier = Notifier(spool, hop, ourselves=OURSELVES, lookup=lookup, policy=policy)
    forwarder = Forwarder(
        spool,
        committer,
        Hops(hops),
        policy,
        log=events,
        clock=clock,
        ourselves=OURSELVES,
        lookup=lookup,
        notifier=notifier,
        gate=gate,
    )
    running = asyncio.create_task(forwarder.run())
    try:
        yield Work(spool, forwarder, events)
    finally:
        await forwarder.stop()
        await running
        await committer.close()


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (the server is in another thread or process)
            await asyncio.sleep(0.01)


def make_spool(folder: Path, contents: Sequence[tuple[str, bytes]] = ()) -> Spool:
    """A spool with a message for each recipient and content."""
    spool = Spool.open(folder / "spool", create=True, hostname=OURSELVES.hostname)
    for recipient, content in contents:
        commit(spool, recipient, content=content)
    return spool
