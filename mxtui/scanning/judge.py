"""One message judged: what it is like, who may send for its domains, and what scanners say, asked side by side."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from mxtui.config.settings import Spam
from mxtui.message.inspect import Inspection
from mxtui.model.evidence import Evidence, Judgement, Scan, Submitted
from mxtui.scanning.authentication import authenticate, evidence
from mxtui.scanning.judging import claims, judgement
from mxtui.scanning.questions import NoAnswerError, Questions
from mxtui.scanning.results import Results
from mxtui.scanning.scanner import Scanner
from mxtui.scanning.signals import Facts, author_domain, signals


class Judge:
    """Asks, and remembers what scanners said. May be used by several threads."""

    def __init__(
        self,
        wanted: Spam,
        scanners: Sequence[Scanner],
        results: Results,
        *,
        questions: Callable[[], Questions] = Questions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._wanted = wanted
        self._scanners = scanners
        self._results = results
        self._questions = questions
        self._clock = clock

    def judge(
        self, submitted: Submitted, seen: Inspection, facts: Facts, more: Sequence[Evidence] = (), cleared: str = ""
    ) -> Judgement:
        """All that can be found out; blocks for as long as DNS and scanners may take. Raises nothing.

        `more` is what is known of its campaign; `cleared` is who said that it is no spam, and why.
        """
        return asyncio.run(self._judge(submitted, seen, facts, more, cleared))

    async def _judge(
        self, submitted: Submitted, seen: Inspection, facts: Facts, more: Sequence[Evidence], cleared: str
    ) -> Judgement:
        asked, scans = await asyncio.gather(
            asyncio.to_thread(self._ask, submitted, author_domain(seen)), self.scan(submitted)
        )
        said, unreachable = asked
        trusted = frozenset(self._wanted.trusted)
        found = [
            *signals(seen, replace(facts, sender_unreachable=unreachable)),
            *said,
            *claims(seen, trusted),
            *more,
        ]
        return judgement(
            self._clock(),
            found,
            scans,
            suspect=self._wanted.suspect,
            weights=self._wanted.weights,
            cleared=cleared,
        )

    def remembered(self, sha256: str) -> list[Scan]:
        """What every scanner made of a content before; nothing where one of them has not seen it. Blocks."""
        found = self._results.find(sha256, self._clock())
        known = [found[scanner.name] for scanner in self._scanners if scanner.name in found]
        return known if len(known) == len(self._scanners) else []

    async def scan(self, submitted: Submitted) -> list[Scan]:
        """By every scanner, each once for one content."""
        if not self._scanners:
            return []
        sha256 = hashlib.sha256(submitted.raw).hexdigest()
        known = {} if submitted.truncated else await asyncio.to_thread(self._results.find, sha256, self._clock())
        missing = [scanner for scanner in self._scanners if scanner.name not in known]
        fresh = await asyncio.gather(*(scanner.scan(submitted) for scanner in missing))
        if not submitted.truncated:
            await asyncio.to_thread(self._results.keep, sha256, fresh)
        found = known | {scan.scanner: scan for scan in fresh}
        return [found[scanner.name] for scanner in self._scanners]

    def _ask(self, submitted: Submitted, author: str) -> tuple[list[Evidence], bool | None]:
        questions = self._questions()
        said = list(evidence(authenticate(submitted, author, questions)))
        return said, _unreachable(submitted.sender, questions)


def _unreachable(sender: str, questions: Questions) -> bool | None:
    """Whether nobody could answer it: its domain has neither MX nor address (RFC 5321, 5.1)."""
    domain = sender.rpartition("@")[2].rstrip(".")
    if "." not in domain:
        return None
    try:
        return not any(questions.ask(domain, kind) for kind in ("MX", "A", "AAAA"))
    except NoAnswerError:
        return None
