"""Mail of the corpus as it is queued: in a Postfix queue directory, or in a spool."""

import hashlib
import random
import time
from collections.abc import Sequence
from pathlib import Path

from mxtui.message.inspect import inspect
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient
from mxtui.queues.spool.format import encode
from mxtui.queues.spool.ids import new_id
from mxtui.queues.spool.store import Spool
from tests.benchmarks.queue_factory import Factory, Queue
from tests.queues.postfix.writer import QueueFile
from tests.sifting.corpus import Mail

REFUSED = "connect to mx1.{}[192.0.2.1]:25: Connection refused"

DAY = 86400.0


def plant_postfix(directory: Path, mails: Sequence[Mail], *, seed: int = 1) -> dict[str, str]:
    """Queue files and defer logs; the kind of mail by queue ID."""
    factory = Factory(str(directory), Queue(held=0.0))
    return {
        factory.put(
            QueueFile(mail.sender, mail.recipients, mail.raw, arrival, mail.client),
            "4.4.1",
            REFUSED.format(mail.recipients[0].rpartition("@")[2]),
        ): mail.kind
        for mail, arrival in zip(mails, _arrivals(len(mails), seed), strict=True)
    }


def plant_spool(folder: Path, mails: Sequence[Mail], *, seed: int = 1) -> dict[str, str]:
    """Envelopes and messages as the store writes them, but for fsync; the kind of mail by queue ID."""
    spool = Spool.open(folder, create=True, hostname="mx2.example.net")
    kinds = {}
    for mail, arrival in zip(mails, _arrivals(len(mails), seed), strict=True):
        envelope = Envelope(
            new_id(arrival),
            arrival,
            arrival + 5 * DAY,
            mail.sender,
            tuple(
                EnvelopeRecipient(each, attempts=1, at=arrival, text="Connection refused") for each in mail.recipients
            ),
            len(mail.raw),
            hashlib.sha256(mail.raw).hexdigest(),
            Client(mail.client, helo="client.example"),
            subject=inspect(mail.raw).value("subject"),
            attempts=1,
            next_retry=time.time() + DAY,
        )
        Path(spool.places.message(envelope.id)).write_bytes(mail.raw)
        Path(spool.places.envelope("deferred", envelope.id)).write_bytes(encode(envelope))
        kinds[envelope.id] = mail.kind
    return kinds


def _arrivals(number: int, seed: int) -> list[float]:
    chance, now = random.Random(seed), time.time()
    return sorted(now - chance.uniform(60, 6 * 3600) for _ in range(number))
