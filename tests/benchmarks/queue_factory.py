"""Makes a queue of any size in Postfix's own format: `python -m tests.benchmarks.queue_factory DIR --messages 100000`.

Real enough for Postfix's own programs to list (owner, modes, IDs that match inodes, defer logs), so that they can be
measured beside ours on the same files.
"""

import argparse
import os
import pwd
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mxtui.queues.postfix.queue_id import Hashing, encode
from tests.queues.postfix.writer import QueueFile, defer_log

QUEUES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
LOGS = ("defer", "bounce", "trace")

DEFAULT_HASHING = Hashing(frozenset({"deferred", "defer"}), 1)
"""Postfix's own defaults."""

REASONS = (
    ("4.4.1", "connect to mail.{domain}[192.0.2.{n}]:25: Connection timed out"),
    ("4.4.1", "connect to mail.{domain}[192.0.2.{n}]:25: Connection refused"),
    ("4.4.3", "Host or domain name not found. Name service error for name={domain} type=A: Host not found"),
    ("4.7.1", "host mail.{domain}[192.0.2.{n}] said: 451 4.7.1 Greylisted (in reply to RCPT TO command)"),
    ("4.3.2", "host mail.{domain}[192.0.2.{n}] refused to talk to me: 421 4.3.2 too many connections"),
)  # fmt: skip


@dataclass(frozen=True)
class Queue:
    """What is to be made."""

    messages: int = 1000
    domains: int = 200
    held: float = 0.02
    """Share of messages on hold; the rest is deferred."""
    long_ids: bool = False
    hashing: Hashing = DEFAULT_HASHING
    oldest: float = 3.5 * 86400.0
    """Seconds. Of five days to live: no message may come within a day of its expiry while something is measured."""
    seed: int = 1


def make(directory: Path, queue: Queue) -> Path:
    """Write the queue into `directory` (made if missing) and return it. 100,000 messages take about 20 s."""
    factory = Factory(str(directory), queue)
    now = time.time()
    domains = [f"d{n}.example.org" for n in range(queue.domains)]
    # A few domains have most of the mail, as in an outage.
    weights = [1 / (n + 1) for n in range(queue.domains)]
    for domain in factory.chance.choices(domains, weights, k=queue.messages):
        factory.add(domain, now - factory.chance.uniform(0, queue.oldest))
    return directory


class Factory:
    """Adds messages to a queue directory."""

    def __init__(self, root: str, queue: Queue) -> None:
        self.chance = random.Random(queue.seed)
        self._root = root
        self._queue = queue
        self._owner = _owner()
        self._made: set[str] = set()
        for name in (*QUEUES, *LOGS, "pid"):
            self._folder(name)

    def add(self, domain: str, arrival: float) -> None:
        """One message, tried once and deferred."""
        chance = self.chance
        recipients = [f"user{chance.randrange(500)}@{domain}" for _ in range(1 if chance.random() < 0.9 else 3)]
        file = QueueFile(
            sender="" if chance.random() < 0.1 else f"s{chance.randrange(5000)}@sender{chance.randrange(100)}.example",
            recipients=recipients,
            message=_text(domain, chance),
            arrival=arrival,
            client_address=f"198.51.100.{chance.randrange(256)}",
        )
        # A domain's primaries are few, so thousands of messages wait for the same reason.
        status, reason = chance.choice(REASONS)
        self.put(file, status, reason.format(domain=domain, n=len(domain)))

    def put(self, file: QueueFile, status: str, reason: str) -> str:
        """One message, tried once and deferred for this reason; its queue ID."""
        chance, arrival = self.chance, file.arrival
        state = "hold" if chance.random() < self._queue.held else "deferred"
        queue_id = self._write(state, file.raw(), arrival, arrival + 4 * 86400 + chance.uniform(300, 4000))
        offsets = file.offsets()
        log = defer_log([(address, offsets[address], status, reason) for address in file.recipients])
        self._file(f"{self._folder(self._queue.hashing.folder('defer', queue_id))}/{queue_id}", log, 0o600)
        return queue_id

    def _write(self, state: str, raw: bytes, arrival: float, mtime: float) -> str:
        # Not in incoming, where a running Postfix would take it.
        new = f"{self._root}/pid/new"
        inode = self._file(new, raw, 0o700)
        seconds, fraction = divmod(arrival, 1)
        queue_id = encode(int(seconds), int(fraction * 1e6), inode, long=self._queue.long_ids)
        os.utime(new, (mtime, mtime))
        os.rename(new, f"{self._folder(self._queue.hashing.folder(state, queue_id))}/{queue_id}")  # noqa: PTH104
        return queue_id

    def _file(self, path: str, data: bytes, mode: int) -> int:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, mode)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fchown(fd, *self._owner)
        os.fchmod(fd, mode)
        inode = os.fstat(fd).st_ino
        os.close(fd)
        return inode

    def _folder(self, name: str) -> str:
        path = f"{self._root}/{name}"
        if path not in self._made:
            self._made.add(path)
            os.makedirs(path, 0o700, exist_ok=True)  # noqa: PTH103 (strings: twice per message)
            os.chown(path, *self._owner)
        return path


def _text(domain: str, chance: random.Random) -> bytes:
    number = chance.randrange(1_000_000)
    subject = f"=?utf-8?q?Angebot_=E2=84=96_{number}?=" if chance.random() < 0.2 else f"Invoice {number}"
    head = (
        f"Received: from client.example.com (unknown [198.51.100.7])\n"
        f"\tby mx2.example.net (Postfix) with ESMTP id {number:X}\n"
        f"\tfor <user@{domain}>; Sun, 22 Nov 2026 16:02:49 +0000 (UTC)\n"
        f"Message-ID: <{number}@sender.example>\nFrom: Somebody <somebody@sender.example>\n"
        f"To: user@{domain}\nSubject: {subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
    )
    return (head + "The same line again and again, as in most mail.\n" * chance.randrange(20, 200)).encode()


def _owner() -> tuple[int, int]:
    """Postfix's own user when we may give files away; otherwise ourselves."""
    if os.geteuid() == 0:
        try:
            owner = pwd.getpwnam("postfix")
        except KeyError:
            pass
        else:
            return owner.pw_uid, 0
    return -1, -1


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a queue from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--domains", type=int, default=200)
    parser.add_argument("--long-ids", action="store_true")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    make(options.directory, Queue(options.messages, options.domains, long_ids=options.long_ids))
    print(f"{options.messages} messages in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
