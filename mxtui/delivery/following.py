"""What somebody at the keys wants delivered now: each message's verdict, as the forwarder's own results come in."""

import asyncio
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
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
        self._shared: dict[str, dict[str, list[str]]] = {}
        """Of what goes to several domains, by ID, its addresses in each: a host that is down settles only its own."""

    def follow(self, envelope: Envelope, state: SpoolState, now: float) -> None:
        """This one, too."""
        by_domain: dict[str, list[str]] = {}
        for recipient in envelope.waiting:
            by_domain.setdefault(recipient.destination, []).append(recipient.address)
        addresses = {address for found in by_domain.values() for address in found}
        sent_before = any(recipient.possible_duplicate for recipient in envelope.waiting)
        of_each = target(envelope, state)._replace(recipients=len(addresses))
        self._books.take(of_each, now, sent_before=sent_before)
        for domain in by_domain:
            self._by_domain.setdefault(domain, set()).add(envelope.id)
        if len(by_domain) > 1:
            self._shared[envelope.id] = by_domain

    def missing(self, absent: Target, now: float) -> None:
        """One that was asked for is not there."""
        self._books.take(absent, now)
        self.gone(absent.queue_id, now)

    @property
    def done(self) -> bool:
        """Every message has its verdict."""
        return not self._books

    def settled(self) -> Sequence[Settled]:
        """Those that have one, each once."""
        settled = self._books.settled()
        if self._shared:
            for each in settled:
                self._shared.pop(each.queue_id, None)
        return settled

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

    @property
    def open(self) -> Mapping[str, Collection[str]]:
        """IDs without a verdict, by the domains that they wait for."""
        return {domain: [each for each in ids if each in self._books] for domain, ids in self._by_domain.items()}

    def put_back(self, id: str, why: str, now: float) -> None:  # noqa: A002
        """Nobody has begun it, and nobody waits for it any more."""
        self._books.put_back(id, why, now)
        self.news.set()

    def given_up(self, id: str, now: float) -> None:  # noqa: A002
        """Its lifetime is over."""
        self._books.returned(id, now)
        self.news.set()

    def gone(self, id: str, now: float) -> None:  # noqa: A002
        """No longer there, and not by our doing."""
        self._books.gone_before(id, now)
        self.news.set()

    def host_down(
        self, domains: Iterable[str], busy: Container[str], here: Container[str], reason: str, now: float
    ) -> None:
        """All that was to go to these domains waits on; but for what is in our hands, which is told of by itself.

        `busy` are those in anybody's hands, `here` those in the hands of whoever delivers to these domains: what goes
        to others as well may be in theirs.
        """
        for domain in domains:
            ids = self._by_domain.pop(domain, set())
            own = {each for each in ids if each in (here if each in self._shared else busy)}
            for each in ids - own:
                self.put_off_at(each, (domain,), reason, now)
            if own:
                self._by_domain[domain] = own

    def put_off_at(self, id: str, domains: Iterable[str], reason: str, now: float) -> None:  # noqa: A002
        """Not tried for these domains' sake; what goes to others as well is settled once those are."""
        addresses = self._shared.get(id)
        if addresses is None:
            self.put_off(id, reason, now)
            return
        for address in (address for domain in domains for address in addresses.get(domain, ())):
            self._books.verdict(Verdict(id, address, "deferred", "", reason, now))
        self.news.set()
