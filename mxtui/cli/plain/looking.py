"""Words that look and change nothing: their answers come from what is followed anyway, at once."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mxtui.cli.common import read_filter
from mxtui.cli.plain import lists, sentences
from mxtui.cli.plain.following import Following
from mxtui.cli.plain.news import Said, learn_depths
from mxtui.cli.plain.pages import Pages
from mxtui.errors import Unreachable, UsageError
from mxtui.index import Sort
from mxtui.model.filter import JUDGED_WORDS, quote
from mxtui.model.overview import DomainStatus, Overview

if TYPE_CHECKING:
    from mxtui.tui.services import Services

MOMENT: Final = 0.25
"""Seconds between two looks whether what is waited for has come."""

PATIENCE: Final = 2.0
"""Seconds for the first read, and for the first look at primaries, before the first prompt; they go on behind it."""

NARRATED: Final = 5.0
"""Seconds between two words on how far the first read is, for whoever waits for it."""

CAUSES: Final = 5
"""Reasons told of a domain."""

Answer = Callable[[Sequence[str]], None]
"""Given the words after the one that asks. Raises MxtuiError."""


class Looking:
    """What one operator is shown, and which rows the numbers of the last list stand for."""

    def __init__(self, services: "Services", following: Following, pages: Pages, said: Said) -> None:
        self._services, self._following, self._pages, self._said = services, following, pages, said
        self.rows: list[lists.Row] = []
        """Those that were said of the last list."""
        self.words: Mapping[str, tuple[Answer, str]] = {
            "overview": (self._overview, "what needs you, how much waits, and the domains"),
            "domains": (self._domains, "domains, deepest first"),
            "domain": (self._domain, "one domain at length, and its messages: domain example.org"),
            "messages": (self._messages, "messages, oldest first: messages domain:example.org age>2h"),
            "reasons": (self._reasons, "why mail waits"),
            "primaries": (self._primaries, "how primaries fare"),
            "primary": (self._primary, "the primary of a domain, rung by rung: primary example.org"),
            "alerts": (self._alerts, "everything that needs an operator, and what is over"),
            "more": (lambda _: self._pages.more(), "the next page"),
        }

    def begin(self) -> None:
        """How much waits, by names alone where reading it takes longer."""
        began = time.monotonic()
        while (seen := self._following.overview) is None or (_unready(seen) and time.monotonic() - began < PATIENCE):
            self._wait()
        if seen.reading is not None:
            self._say(sentences.heading(seen))

    def everything(self, overview: Overview) -> list[str]:
        """The overview and the first page of its domains, as lines; the rest is for `more`.

        The domains are left out where a list was asked for meanwhile: numbers must not come to mean something else.
        """
        lines: list[str] = []
        pages = Pages(lambda text: lines.append(text.removesuffix("\n")))
        for line in sentences.heading(overview):
            pages.say(line)
        listing = lists.domains(overview, self._said.depths)
        if self.rows:
            pages.say("Everything has been read: domains tells of each.")
            return lines
        rows = self._numbered(listing)
        pages.say(listing.title)
        pages.show(rows, listing.left)
        self._pages.keep(rows, listing.left)
        return lines

    def suspects(self) -> bool:
        """What is judged in the background; False where nobody does that."""
        if self._services.sifting is None:
            return False
        overview = self._whole()
        known = overview.suspects
        if known is None:
            self._pages.say("Nothing has been judged yet.")
            return True
        if known.sifted.fault:
            self._pages.say(f"Nothing can be judged: {known.sifted.fault}.")
        elif known.sifted.waiting:
            self._pages.say(
                f"{known.sifted.waiting:,} of {known.sifted.judged + known.sifted.waiting:,} not judged yet."
            )
        self._show(lists.suspects(known.groups, overview.taken_at))
        return True

    # -- what is known ----------------------------------------------------------------------------------------------

    def _whole(self) -> Overview:
        """The latest, once everything has been read. Ctrl-C ends the waiting: then it is what is known so far."""
        told_at = time.monotonic()
        try:
            while (seen := self._latest()).reading is not None and not seen.fault:
                self._wait()
                if time.monotonic() - told_at >= NARRATED:
                    told_at = time.monotonic()
                    self._say(sentences.depth(seen))
        except KeyboardInterrupt:
            self._pages.say("Not everything has been read yet.")
        return self._latest()

    def _latest(self) -> Overview:
        overview = self._following.overview
        if self._following.fault or overview is None:
            raise Unreachable(self._following.fault, "Start mxtui again, and report this.")
        return overview

    def _wait(self) -> None:
        self._following.wait(MOMENT)
        if self._following.fault:
            raise Unreachable(self._following.fault, "Start mxtui again, and report this.")

    def _row_of(self, overview: Overview, said: Sequence[str], word: str) -> DomainStatus:
        if len(said) != 1:
            raise UsageError(f"{word} of which domain?", f"As in: {word} example.org, or a number of the last list.")
        row = lists.row_of(overview.domains, said[0])
        if row is None:
            raise UsageError(f"nothing is known of a domain {said[0]}", "domains tells which there are.")
        return row

    # -- saying it --------------------------------------------------------------------------------------------------

    def _say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._pages.say(line)

    def _show(self, listing: lists.Listing) -> None:
        self._pages.say(listing.title)
        rows = self._numbered(listing)
        self._pages.show(rows, listing.left)

    def _numbered(self, listing: lists.Listing) -> Iterator[str]:
        """Rows as lines; each is known by its number once it was said."""
        self.rows = rows = []

        def lines() -> Iterator[str]:
            for row in listing.rows:
                rows.append(row)
                yield f"{len(rows)}. {row.text}{'' if row.text.endswith(('.', '?', '!')) else '.'}"

        return lines()

    # -- words ------------------------------------------------------------------------------------------------------

    def _overview(self, said: Sequence[str]) -> None:
        self._say(sentences.heading(self._whole()))
        self._domains(said)

    def _domains(self, _: Sequence[str]) -> None:
        overview = self._whole()
        self._show(lists.domains(overview, self._said.depths))
        learn_depths(self._said, overview)

    def _domain(self, said: Sequence[str]) -> None:
        overview = self._whole()
        row = self._row_of(overview, said, "domain")
        reasons = self._services.monitor.index.reasons(row.domain, CAUSES)
        self._say(sentences.domain_details(row, reasons, overview.taken_at, self._said.depths))
        if row.totals.messages:
            self._messages([f"domain:{quote(row.domain)}"])

    def _messages(self, said: Sequence[str]) -> None:
        wanted, text = read_filter(said, JUDGED_WORDS)
        overview = self._whole()
        view = self._services.monitor.index.view(wanted, Sort(), overview.taken_at)
        self._show(lists.messages(view, text, overview.taken_at))

    def _reasons(self, _: Sequence[str]) -> None:
        overview = self._whole()
        self._show(lists.reasons(self._services.monitor.index.groups("reason"), overview.taken_at))

    def _primaries(self, _: Sequence[str]) -> None:
        self._show(lists.primaries(self._whole()))

    def _primary(self, said: Sequence[str]) -> None:
        overview = self._whole()
        self._say(sentences.primary_details(self._row_of(overview, said, "primary"), overview.taken_at))

    def _alerts(self, _: Sequence[str]) -> None:
        self._show(lists.alerts(self._whole()))


def _unready(seen: Overview) -> bool:
    """Whether there will soon be more to say."""
    if seen.fault:
        return False
    return seen.reading is not None or any(row.health is not None and row.health.unasked for row in seen.domains)
