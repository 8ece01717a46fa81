"""Everybody else: mail servers that try a domain's primary, then its backup, then come back later; and spammers."""

import heapq
import random
import smtplib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Literal, Self

from mxtui.demo.ledger import MARK, Ledger, Taker
from mxtui.demo.letters import RECIPIENTS, Letter, letter, spam

SENDERS: Final = 4
"""Connections at once."""

SPAM: Final = 0.2
"""Share of the letters."""

HARVESTED: Final = (*RECIPIENTS, "sales2003", "john", "test", "abuse-me")
"""Whom spammers write to: some of them left long ago, some never were."""

COME_BACK: Final = 4.0
"""Seconds until a mail server that was put off tries again; real ones take minutes."""

PATIENCE: Final = 15.0
"""Seconds for one step of a conversation."""

Fate = Literal["later", "over"]


@dataclass(frozen=True, slots=True, order=True)
class _Sent:
    due: float
    mark: int
    domain: str
    letter: Letter
    spam: bool = False


class Internet:
    """Sends between `__enter__` and `__exit__`; `rate` letters a second, and as many as `burst` says at once.

    Args:
        primaries: ports by domain.
        shares: how much of the mail is for each domain.
        backup: port of the backup MX.
    """

    def __init__(
        self, primaries: Mapping[str, int], shares: Mapping[str, float], backup: int, ledger: Ledger, *, seed: int = 7
    ) -> None:
        self.rate = 0.0
        self._primaries = dict(primaries)
        self._shares = dict(shares)
        self._backup = backup
        self._ledger = ledger
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._some = threading.Condition(threading.RLock())
        self._queue: list[_Sent] = []
        self._busy = 0
        self._marks = 0
        self._threads = [threading.Thread(target=self._write, name="demo-writer", daemon=True)]
        self._threads += [threading.Thread(target=self._send, name="demo-sender", daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        with self._some:
            self._some.notify_all()
        for thread in self._threads:
            thread.join(PATIENCE)

    def burst(self, letters: int, domain: str | None = None) -> None:
        """Many letters at once."""
        for _ in range(letters):
            self._post(domain)

    @property
    def idle(self) -> bool:
        """Nothing is being sent, and nobody will come back."""
        with self._some:
            return not self._queue and not self._busy

    # -- writing --------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        while not self._over.wait(1 / self.rate if self.rate else 0.1):
            if self.rate:
                self._post(None)

    def _post(self, domain: str | None) -> None:
        with self._some:
            self._marks += 1
            to = domain or self._chance.choices(list(self._shares), list(self._shares.values()))[0]
            is_spam = self._chance.random() < SPAM
            written = (
                spam(f"{self._chance.choice(HARVESTED)}@{to}", self._chance) if is_spam else letter(to, self._chance)
            )
            marked = replace(written, content=b"%s: %d\n%s" % (MARK.encode(), self._marks, written.content))
            self._push(_Sent(time.monotonic(), self._marks, to, marked, is_spam))

    # -- sending --------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        while (sent := self._next()) is not None:
            # Spammers go where they hope that nobody looks, and try once.
            if not sent.spam and self._try(sent, "primary", self._primaries[sent.domain]) == "over":
                fate: Fate = "over"
            else:
                fate = self._try(sent, "backup", self._backup)
            if fate == "later" and sent.spam:
                self._ledger.count("turned_away", len(sent.letter.recipients))
            elif fate == "later":
                self._push(replace(sent, due=time.monotonic() + COME_BACK))
            with self._some:
                self._busy -= 1

    def _next(self) -> _Sent | None:
        with self._some:
            while not self._over.is_set():
                now = time.monotonic()
                if self._queue and self._queue[0].due <= now:
                    self._busy += 1
                    return heapq.heappop(self._queue)
                self._some.wait(min(0.5, self._queue[0].due - now) if self._queue else 0.5)
        return None

    def _try(self, sent: _Sent, taker: Taker, port: int) -> Fate:
        """One conversation."""
        mail, began = sent.letter, False
        try:
            with smtplib.SMTP("127.0.0.1", port, "mail.client.example", PATIENCE, (_local(mail), 0)) as client:
                client.ehlo_or_helo_if_needed()
                began = True
                refused = client.sendmail(mail.sender, mail.recipients, mail.content)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException:
            return "later"
        except (OSError, smtplib.SMTPException):
            if began:
                self._ledger.doubtful(sent.mark, mail.recipients)
            return "later"
        taken = [to for to in mail.recipients if to not in refused]
        self._ledger.promised(sent.mark, taken, taker)
        later = tuple(to for to, (code, _) in refused.items() if code < 500)
        self._ledger.count("refused", len(refused) - len(later))
        if not later:
            return "over"
        if len(later) == len(mail.recipients):
            return "later"
        self._push(replace(sent, letter=replace(mail, recipients=later), due=time.monotonic() + COME_BACK))
        return "over"

    def _push(self, sent: _Sent) -> None:
        with self._some:
            heapq.heappush(self._queue, sent)
            self._some.notify()


def _local(mail: Letter) -> str:
    """The sender's address as one of this host's own (127.0.0.0/8), so that clients can be told apart.

    >>> _local(Letter("", (), b"", "203.0.113.77"))
    '127.0.113.77'
    """
    return f"127.{mail.client_address.partition('.')[2]}"
