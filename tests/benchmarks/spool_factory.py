"""Makes a spool of any size, as a day of outage leaves it: `make(folder, Spooled(messages=100_000))`.

The files are those that the store writes, name for name and byte for byte; only nothing is fsynced.
"""

import hashlib
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, SpoolState
from mxtui.queues.spool.format import encode
from mxtui.queues.spool.ids import new_id
from mxtui.queues.spool.store import Spool
from tests.benchmarks.queue_factory import REASONS

LIFETIME = 5 * 86400.0


@dataclass(frozen=True)
class Spooled:
    """What is to be made."""

    messages: int = 1000
    domains: int = 200
    size: int = 4_000
    """Bytes of each message."""
    held: float = 0.02
    """Share of messages on hold; the rest is deferred."""
    oldest: float = 3.5 * 86400.0
    """Seconds."""
    contents: bool = True
    """Whether messages themselves are written: a console reads none, a delivery needs them."""
    seed: int = 1


def make(folder: Path, wanted: Spooled) -> Spool:
    """A new spool in `folder`. 100,000 messages take about 10 s, without contents half of that."""
    spool = Spool.open(folder, create=True, hostname="mx2.example.net")
    chance = random.Random(wanted.seed)
    domains = [f"d{n}.example.org" for n in range(wanted.domains)]
    # A few domains have most of the mail, as in an outage.
    weights = [1 / (n + 1) for n in range(wanted.domains)]
    now = time.time()
    arrivals = sorted(now - chance.uniform(0, wanted.oldest) for _ in range(wanted.messages))
    text = _text(wanted.size)
    digest = hashlib.sha256(text).hexdigest()
    for arrival, domain in zip(arrivals, chance.choices(domains, weights, k=wanted.messages), strict=True):
        envelope = _envelope(chance, arrival, domain, now, len(text), digest)
        state: SpoolState = "hold" if chance.random() < wanted.held else "deferred"
        if wanted.contents:
            _write(spool.places.message(envelope.id), text)
        _write(spool.places.envelope(state, envelope.id), encode(envelope))
    return spool


def _envelope(chance: random.Random, arrival: float, domain: str, now: float, size: int, digest: str) -> Envelope:
    # A domain's primaries are few, so thousands of messages wait for the same reason.
    dsn, reason = chance.choice(REASONS)
    tries = chance.randrange(1, 12)
    recipients = tuple(
        EnvelopeRecipient(
            f"user{chance.randrange(500)}@{domain}",
            attempts=tries,
            at=now - 600,
            host=f"mail.{domain}[192.0.2.{len(domain)}]:25",
            dsn=dsn,
            text=reason.format(domain=domain, n=len(domain)),
        )
        for _ in range(1 if chance.random() < 0.9 else 3)
    )
    return Envelope(
        new_id(arrival),
        arrival,
        arrival + LIFETIME,
        "" if chance.random() < 0.1 else f"s{chance.randrange(5000)}@sender{chance.randrange(100)}.example",
        recipients,
        size,
        digest,
        Client(f"198.51.100.{chance.randrange(256)}", "client.example.com", "client.example.com", "ESMTPS", "TLSv1.3"),
        f"Invoice {chance.randrange(1_000_000)}",
        attempts=tries,
        next_retry=now + chance.uniform(300, 4000),
    )


def _text(size: int) -> bytes:
    head = b"From: Somebody <somebody@sender.example>\nSubject: Invoice\nMIME-Version: 1.0\n\n"
    line = b"The same line again and again, as in most mail.\n"
    return (head + line * (1 + max(0, size - len(head)) // len(line)))[: max(size, len(head)) - 1] + b"\n"


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
