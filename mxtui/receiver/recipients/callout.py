"""Recipients learned by asking the primary: `MAIL FROM:<>`, `RCPT TO`, `RSET`, as a verifying mail server does.

An answer is kept: good for days, so that an outage finds the users known; bad for hours, so that a new user is not
refused for long. A primary that takes a made-up address takes them all, and is asked about no other that day.
"""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal

from mxtui.message.sanitize import one_line
from mxtui.primary.session import Reply, Session
from mxtui.primary.words import GarbledError
from mxtui.receiver.paths import Path
from mxtui.receiver.recipients.learned import Learned, LearnedRecipients
from mxtui.receiver.recipients.verdict import Verdict

Log = Callable[..., None]
PrimaryOf = Callable[[str], tuple[str, int] | None]
"""Host and port to ask about a domain; None where it is not known."""

_ENHANCED = re.compile(r"(?P<code>5\.\d{1,3}\.\d{1,3})(?:\s|$)")
_NO_SUCH_USER = re.compile(r"5\.1\.(?:[0-6]|10)|5\.2\.1|5\.4\.1")
"""RFC 3463; 5.4.1 is what Exchange Online says of a user that it does not have. 5.1.7 and 5.1.8 are of the sender."""


@dataclass(frozen=True, slots=True)
class CallOutPolicy:
    """Times in seconds."""

    good_for: float = 7 * 86400.0
    """An answer older than that is asked again; while the primary cannot be asked it still holds."""
    bad_for: float = 2 * 3600.0
    catch_all_for: float = 86400.0
    """How long a domain is taken for one that has, or has not, every address."""
    connections: int = 3
    """At once to all primaries: they know us as a neighbour, not as a harvester of addresses."""
    waiting: int = 100
    """Questions that may wait for a connection; more are undecided at once."""
    timeout: float = 20.0
    """For one question, and for waiting to ask it."""
    rest: float = 30.0
    """A primary that could not be asked is left alone so long."""
    keep: float = 10.0
    """An idle connection is kept so long for the next question."""


class CallOut:
    """Asks, and remembers in `learned`."""

    asks = True

    def __init__(
        self,
        primary_of: PrimaryOf,
        learned: LearnedRecipients,
        log: Log,
        *,
        hostname: str,
        policy: CallOutPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy or CallOutPolicy()
        self._primary_of = primary_of
        self._learned = learned
        self._log = log
        self._hostname = hostname
        self._clock = clock
        self._places = asyncio.Semaphore(self.policy.connections)
        self._asking: dict[str, asyncio.Task[Verdict]] = {}
        self._resting: dict[tuple[str, int], tuple[float, str]] = {}
        """Primaries that could not be asked, until when, and why."""
        self._idle: list[tuple[tuple[str, int], Session, asyncio.TimerHandle]] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def check(self, recipient: Path) -> Verdict:
        """From memory, else from the primary."""
        known = self._remembered(recipient)
        if known is not None:
            return known
        asking = self._asking.get(recipient.key)
        if asking is None:
            if not recipient.key.isascii():
                # It would take SMTPUTF8, which the little SMTP of health checks does not speak.
                return Verdict("undecided", "an internationalised local part cannot be asked about")
            if len(self._asking) >= self.policy.waiting:
                return self._stale(recipient) or Verdict("undecided", "too many questions at once")
            asking = self._begin(recipient)
        # Shielded: a client that leaves does not take the answer from the others who wait for it.
        return await asyncio.shield(asking)

    def expect(self, recipient: Path) -> None:
        """Ask while the primary can be asked: in an outage it is too late. Only with connections that nobody needs.

        Without this a backup that stands by would know nobody when it has to know them.
        """
        if (
            len(self._asking) < self.policy.connections
            and recipient.key.isascii()
            and recipient.key not in self._asking
            and self._remembered(recipient) is None
        ):
            self._begin(recipient)

    def bad(self) -> list[Learned]:
        """The addresses refused from memory, for the operator to look through."""
        return [each for each in self._learned if each.outcome == "bad" and not each.address.startswith("@")]

    def discard(self, address: str) -> bool:
        """Forget an answer, and with it what is known of the domain as a whole; whether there was any."""
        domain = f"@{address.rpartition('@')[2]}"
        found = [self._learned.forget(address), self._learned.forget(domain)]
        return any(found)

    async def close(self) -> None:
        """Ask nothing more."""
        for asking in list(self._asking.values()):
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        for _, session, timer in self._idle:
            timer.cancel()
            session.abort()
        self._idle.clear()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        self._learned.close()

    def _begin(self, recipient: Path) -> "asyncio.Task[Verdict]":
        key = recipient.key
        asking = self._asking[key] = asyncio.create_task(self._answer(recipient))
        asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return asking

    def _remembered(self, recipient: Path) -> Verdict | None:
        now = self._clock()
        domain = self._learned.get(f"@{recipient.domain}")
        if domain is not None and domain.outcome == "good" and _age(domain, now) < self.policy.catch_all_for:
            return Verdict("good", "its primary takes every address")
        one = self._learned.get(recipient.key)
        if one is None:
            return None
        lasting = self.policy.good_for if one.outcome == "good" else self.policy.bad_for
        return Verdict(one.outcome, one.reply) if _age(one, now) < lasting else None

    def _stale(self, recipient: Path) -> Verdict | None:
        """What was good once is good while nobody can be asked: an outage may last longer than memory does."""
        for key in (recipient.key, f"@{recipient.domain}"):
            known = self._learned.get(key)
            if known is not None and known.outcome == "good":
                return Verdict("good", "known from before, and the primary cannot be asked")
        return None

    async def _answer(self, recipient: Path) -> Verdict:
        verdict = await self._ask_in_time(recipient)
        return verdict if verdict.outcome != "undecided" else self._stale(recipient) or verdict

    async def _ask_in_time(self, recipient: Path) -> Verdict:
        primary = self._primary_of(recipient.domain)
        if primary is None:
            return Verdict("undecided", "its primary is not known")
        until, why = self._resting.get(primary, (0.0, ""))
        now = self._clock()
        if now < until <= now + self.policy.rest:  # a clock set back must not make it rest for longer
            return Verdict("undecided", why)
        try:
            async with asyncio.timeout(self.policy.timeout):
                await self._places.acquire()
        except TimeoutError:
            return Verdict("undecided", "too many questions at once")
        try:
            async with asyncio.timeout(self.policy.timeout):
                return await self._ask(primary, recipient)
        except TimeoutError:
            why = "the primary did not answer in time"
        except (OSError, EOFError) as error:
            why = one_line(str(error)) or "the primary closed the connection"
        finally:
            self._places.release()
        self._resting[primary] = (self._clock() + self.policy.rest, why)
        self._log("callout_failed", level="warning", primary=primary[0], error=why)
        return Verdict("undecided", why)

    async def _ask(self, primary: tuple[str, int], recipient: Path) -> Verdict:
        domain = f"@{recipient.domain}"
        async with self._connection(primary) as session:
            tested = self._learned.get(domain)
            if tested is None or _age(tested, self._clock()) >= self.policy.catch_all_for:
                made_up = await _question(session, f"{secrets.token_hex(10)}@{recipient.domain}")
                self._learn(domain, made_up)
                if _outcome(made_up) == "good":
                    return Verdict("good", "its primary takes every address")
            reply = await _question(session, f"{recipient.address.rpartition('@')[0]}@{recipient.domain}")
        self._learn(recipient.key, reply)
        return Verdict(_outcome(reply), one_line(reply.text))

    def _learn(self, address: str, reply: Reply) -> None:
        outcome = _outcome(reply)
        if outcome != "undecided":
            self._learned.learn(Learned(address, outcome, self._clock(), one_line(reply.text)))

    @contextlib.asynccontextmanager
    async def _connection(self, primary: tuple[str, int]) -> AsyncIterator[Session]:
        """A session after EHLO, kept for the next question if it is still good after this one."""
        session = await self._kept(primary) or await self._connect(primary)
        try:
            yield session
        except BaseException:
            session.abort()
            raise
        timer = asyncio.get_running_loop().call_later(self.policy.keep, self._let_go, session)
        self._idle.append((primary, session, timer))

    async def _kept(self, primary: tuple[str, int]) -> Session | None:
        for entry in self._idle:
            if entry[0] == primary:
                self._idle.remove(entry)
                entry[2].cancel()
                with contextlib.suppress(OSError, EOFError):
                    if (await entry[1].command("RSET")).code == 250:
                        return entry[1]
                entry[1].abort()
                return None
        return None

    async def _connect(self, primary: tuple[str, int]) -> Session:
        session = await Session.connect(*primary)
        try:
            greeting = await session.reply()
            _expect(greeting, 220)
            hello = await session.command(f"EHLO {self._hostname}")
            if hello.code >= 500:
                hello = await session.command(f"HELO {self._hostname}")
            _expect(hello, 250)
        except BaseException:
            session.abort()
            raise
        return session

    def _let_go(self, session: Session) -> None:
        self._idle = [entry for entry in self._idle if entry[1] is not session]
        leaving = asyncio.create_task(session.leave())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


def _age(learned: Learned, now: float) -> float:
    """A time in the future is of a clock that was set back since: it counts as old."""
    return now - learned.at if learned.at <= now else float("inf")


async def _question(session: Session, address: str) -> Reply:
    """The primary's word on one address; a refusal of the null sender counts as a failure to ask."""
    _expect(await session.command("MAIL FROM:<>"), 250)
    reply = await session.command(f"RCPT TO:<{address}>")
    _expect(await session.command("RSET"), 250)
    return reply


def _expect(reply: Reply, code: int) -> None:
    if reply.code != code:
        raise GarbledError(f"the primary does not let itself be asked: {reply.text}")


def _outcome(reply: Reply) -> Literal["good", "bad", "undecided"]:
    """Bad is only what is said of the address: not of us, of our network, or of the server's own trouble."""
    if 200 <= reply.code < 300:
        return "good"
    if reply.code >= 500:
        text = reply.lines[0] if reply.lines else ""
        enhanced = _ENHANCED.match(text)
        if enhanced is not None:
            return "bad" if _NO_SUCH_USER.fullmatch(enhanced["code"]) else "undecided"
        if reply.code in (550, 551, 553):
            return "bad"
    return "undecided"
