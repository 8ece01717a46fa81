"""The two minutes: all well, the primary goes down, mail piles up, it comes back, the backup drains, the verdict."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from mxtui.demo.ledger import Balance
from mxtui.demo.outage import STAR, Outage
from mxtui.model.words import counted

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds."""

    calm: float = 8.0
    """Before the primary goes down."""
    outage: float = 60.0
    again: float = 75.0
    """After it came back, before it goes down again."""


QUICK: Final = Pace(calm=4.0, outage=10.0)
"""For the script: somebody waits for its end."""


class Story:
    """Takes the primary down and brings it back by itself, again and again, until an operator takes over."""

    def __init__(self, outage: Outage, pace: Pace) -> None:
        self._outage = outage
        self._pace = pace
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play, name="demo-story", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.take_over()
        self._thread.join(10)

    def take_over(self) -> None:
        """From now on nothing happens by itself."""
        self._over.set()

    def _play(self) -> None:
        pause = self._pace.calm
        while not self._over.wait(pause):
            self._outage.change(down=True)
            if self._over.wait(self._pace.outage):
                return
            self._outage.change(down=False)
            pause = self._pace.again


def play(outage: Outage, tell: Tell, pace: Pace = QUICK, *, patience: float = 90.0) -> bool:
    """The story once, told; whether every message was delivered exactly once.

    Args:
        patience: seconds that the drain may take.
    """
    teller = _Teller(outage, tell)
    teller.say("four domains, each with its primary; one backup MX (mxtui serve); senders and spammers")
    teller.watch(pace.calm)
    teller.say(f"the primary of {STAR} goes down")
    outage.change(down=True)
    teller.watch(pace.outage)
    teller.say(f"the primary of {STAR} comes back")
    outage.change(down=False)
    settled = outage.settled(patience, teller.look)
    teller.look()
    balance = outage.ledger.balance()
    for line in verdict(balance):
        teller.say(line)
    return settled and balance.proven and balance.by_backup > 0


def verdict(balance: Balance, *, operated: bool = False) -> list[str]:
    """The books in words. `operated`: an operator was there, who may have held, deleted or rejected some."""
    promised = balance.by_primary + balance.by_backup
    taken = f"{balance.by_primary:,} by primaries, {balance.by_backup:,} by the backup"
    lines = [
        f"{counted(promised, 'message')} taken: {taken}",
        f"{balance.turned_away:,} spam turned away while primaries were up, {balance.refused:,} refused as unknown",
    ]
    if balance.proven:
        return [*lines, f"every one of the {promised:,} was delivered exactly once"]
    if operated and not balance.doubled and not balance.unpromised:
        return [*lines, f"{balance.delivered:,} delivered exactly once; {balance.waiting:,} held, deleted or given up"]
    wrong = f"{balance.waiting:,} missing, {balance.doubled:,} doubled, {balance.unpromised:,} that nobody was promised"
    return [*lines, f"NOT every one was delivered exactly once: {wrong}"]


class _Teller:
    """Says what happens when it happens."""

    def __init__(self, outage: Outage, tell: Tell) -> None:
        self._outage = outage
        self._tell = tell
        self._began = time.monotonic()
        self._heard = 0
        self._last = ""
        self._counted_at = 0.0

    def say(self, text: str) -> None:
        self._tell(f"{time.monotonic() - self._began:5.1f} s  {text}")

    def watch(self, seconds: float) -> None:
        """Look for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.look()
            time.sleep(min(0.5, left))

    def look(self) -> None:
        """What the backup says of primaries and of itself, and every few seconds how much waits."""
        with self._outage.backup.log.open(errors="replace") as log:
            log.seek(self._heard)
            lines = log.readlines()
            self._heard = log.tell()
        for line in lines:
            if found := _PRIMARY.search(line):
                self.say(f"  the backup sees: {found[1]} is {found[2]}")
        service = self._outage.backup.service()
        if service is None:
            return
        words = f"  the backup is {service.state}"
        waits = f", {counted(service.queued, 'message')} waiting" if service.queued else ""
        if words != self._last or (waits and time.monotonic() - self._counted_at > 2.5):
            self._last, self._counted_at = words, time.monotonic()
            self.say(words + waits)


_PRIMARY: Final = re.compile(r"event=primary domain=(\S+) .*?state=(\w+)")
