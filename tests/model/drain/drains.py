"""Drains without a queue: targets in numbers, and verdicts in words."""

from collections.abc import Iterable, Sequence

from mxtui.model.drain.batches import Batches
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Fate, Target, Verdict
from tests.support.plans import target

REPLIES: dict[Fate, tuple[str, str]] = {
    "delivered": ("2.0.0", "250 2.0.0 Ok: queued as 4dKx2R71Lz9"),
    "deferred": ("4.2.2", "452 4.2.2 Mailbox full"),
    "refused": ("5.1.1", "550 5.1.1 User unknown"),
    "bounced": ("5.1.1", "550 5.1.1 User unknown"),
    "expired": ("4.4.1", "connect to mx1[192.0.2.1]:25: Connection refused"),
}


def targets(number: int, domains: Sequence[str] = ("example.org",), *, start: int = 0) -> list[Target]:
    """The lowest number is the oldest; domains take turns."""
    return [
        target(f"A{n:08X}", domains=(domains[n % len(domains)],), arrival=1000.0 + n)
        for n in range(start, start + number)
    ]


def settle(
    queue_id: str, fate: Fate = "delivered", *, dsn: str | None = None, seconds: float | None = None, busy: bool = False
) -> Settled:
    """With the reply that goes with it; `dsn` 4.3.2 and 4.4.x are the host's own trouble."""
    code, reply = REPLIES.get(fate, ("", ""))
    if dsn is not None:
        code, reply = dsn, f"451 {dsn} not now"
    if busy:
        code, reply = "4.3.2", "421 4.3.2 too many connections"
    said = (Verdict(queue_id, "info@example.org", fate, code, reply, 1.0),) if reply else ()
    return Settled(queue_id, fate, said, seconds, busy)


def vary() -> float:
    """Pauses are as long as they are meant to be."""
    return 0.5


def drain(mail: Iterable[Target], *, engine: bool = False, begun: bool = True, **settings: object) -> Drain:
    """Of our own connections, or through an engine; past the probe unless it is not to be `begun`."""
    chosen = DrainSettings(**settings)  # type: ignore[arg-type]
    pace = Batches(chosen, vary) if engine else Connections(chosen, vary)
    made = Drain(mail, chosen, pace, 0.0)
    if begun:
        made.probed(True, "", 0.0)
    return made


def step(work: Drain, now: float, fate: Fate = "delivered", *, dsn: str | None = None, busy: bool = False) -> int:
    """Take all that may be taken, and settle it alike; how many they were."""
    taken = work.take(1_000_000, now)
    for each in taken:
        work.settled(settle(each.queue_id, fate, dsn=dsn, busy=busy), now)
    return len(taken)
