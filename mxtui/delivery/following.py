"""What somebody at the keys wants delivered now: each message's verdict, as the forwarder's own results come in."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from mxtui.delivery.connecting import BUSY
from mxtui.delivery.session import Fate, Said
from mxtui.model.drain.following import Followed
from mxtui.model.drain.way import Settled
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.message import Identity
from mxtui.model.plan import Fate as Verdicts
from mxtui.model.plan import Target, Verdict

FATES: Final[dict[Fate, Verdicts]] = {"delivered": "delivered", "waiting": "deferred", "refused": "refused"}


def target(envelope: Envelope, state: SpoolState) -> Target:
    """A message as a plan names it, but for its domains: they are what it waits for."""
    waiting = envelope.waiting
    domains = tuple(dict.fromkeys(recipient.destination for recipient in waiting))
    return Target(
        Identity(envelope.id, 0, envelope.arrival),
        state,
        envelope.size,
        envelope.sender,
        domains,
        len(waiting),
        envelope.expires,
    )


class Follower:
    """The books of one errand, kept by the forwarder."""

    def __init__(self, now: float) -> None:
        self.news = asyncio.Event()
        self._books = Followed(now)
        self._by_domain: dict[str, set[str]] = {}

    def add(self, targets: Sequence[Target], now: float) -> None:
        """Follow these, too."""
        for each in targets:
            self._books.take(each, now)
            for domain in each.domains:
                self._by_domain.setdefault(domain, set()).add(each.queue_id)

    @property
    def done(self) -> bool:
        """Every message has its verdict."""
        return not self._books

    def settled(self) -> Sequence[Settled]:
        """Those that have one, each once."""
        return self._books.settled()

    def heard(self, id: str, said: Iterable[Said], now: float) -> None:  # noqa: A002 (the field's own word)
        """Results of one message's recipients at one host."""
        if id not in self._books:
            return
        for each in said:
            verdict = Verdict(id, each.recipient.address, FATES[each.fate], each.dsn, each.text, now)
            self._books.verdict(
                verdict, busy=each.code == BUSY, doubtful=each.possible_duplicate, unreachable=each.unreachable
            )
        self.news.set()

    def put_off(self, id: str, reason: str, now: float, *, untried: bool = False) -> None:  # noqa: A002
        """Not tried: its host cannot be reached, or (`untried`) it is not to be delivered, which says nothing of it."""
        if id not in self._books:
            return
        if untried:
            self._books.kept_from(id, reason, now)
        else:
            self._books.verdict(Verdict(id, "", "deferred", "", reason, now))
            self._books.back_in_queue(id, now)
        self.news.set()

    def given_up(self, id: str, now: float) -> None:  # noqa: A002
        """Its lifetime is over."""
        self._books.returned(id, now)
        self.news.set()

    def gone(self, id: str, now: float) -> None:  # noqa: A002
        """No longer there, and not by our doing."""
        self._books.gone_before(id, now)
        self.news.set()

    def host_down(self, domains: Iterable[str], busy: Iterable[str], reason: str, now: float) -> None:
        """All that was to go to these domains waits on; but for what is in our hands, which is told of by itself."""
        for domain in domains:
            ids = self._by_domain.pop(domain, set())
            own = ids.intersection(busy)
            for each in ids - own:
                self.put_off(each, reason, now)
            if own:
                self._by_domain[domain] = own
