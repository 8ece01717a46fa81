"""Somebody is told of alerts: by a command, by mail, each once whoever notices, and again when that failed.

Console, `serve` and `mxtui check --notify` all do this for one queue; what was told is on file, under a lock, so that
nothing is told twice. Who finds another one at it leaves it to that one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from mxtui.alerting import command, letter, mail
from mxtui.alerting.store import AlertState
from mxtui.config import Notify
from mxtui.errors import Guarded, MxtuiError
from mxtui.message.sanitize import one_line
from mxtui.model.alerts.news import Item, Told, did_not_go, due, take_note, went
from mxtui.model.overview import Overview
from mxtui.model.route import Router

Way = Callable[[Overview, Sequence[Item], float], None]
"""Tells; blocks, for so many seconds at most. Raises MxtuiError."""

MOST_ROUTES: Final = 200
"""Domains whose routes are asked for: strangers choose domains."""

LEAST: Final = 0.5
"""Seconds that it gets however late it is."""


@dataclass(frozen=True, slots=True)
class Telling:
    """As [notify] has it."""

    wanted: Notify
    state: AlertState
    watching: bool = False
    """All the time: who only looks in leaves telling to that one, who knows what is a moment's trouble."""
    router: Callable[[], Router] | None = None
    """Who knows the primaries where they were not looked at."""

    @property
    def possible(self) -> bool:
        """Whether anybody is to be told."""
        return any(True for _ in self._ways())

    def tell(self, overview: Overview, until: float = inf) -> list[str]:
        """Tell what is news, now or when a failure has passed; why it could not be told, each in a sentence.

        By `until`, a moment of `time.monotonic()`, though notify.timeout may be longer.

        Raises MxtuiError where what was told cannot be kept: then nobody is told, lest it be told every minute.
        """
        faults: list[str] = []
        try:
            with self.state.changing(patience=0.0):
                if self.watching:
                    self.state.set_watched(overview.taken_at)
                elif self.state.watched(overview.taken_at):
                    return [fault for name, _ in self._ways() if (fault := _told(name, self.state.told(name))) != ""]
                for name, way in self._ways():
                    if (fault := self._by(name, way, overview, until)) != "":
                        faults.append(fault)
        except Guarded:
            return []  # another one tells at this moment
        return faults

    def _by(self, name: str, way: Way, overview: Overview, until: float) -> str:
        now, wanted = overview.taken_at, self.wanted
        told = self.state.told(name)
        take_note(told, overview.alerts, now, after=wanted.after, again=wanted.again)
        # On file before it is told: killed half way, it is told again and not forgotten.
        self.state.set_told(name, told)
        if due(told, now, an_hour=wanted.an_hour):
            try:
                way(overview, told.pending, max(LEAST, min(wanted.timeout, until - time.monotonic())))
            except MxtuiError as error:
                did_not_go(told, now, one_line(error.message, 400))
            else:
                went(told, now)
            self.state.set_told(name, told)
        return _told(name, told)

    def _ways(self) -> Iterator[tuple[str, Way]]:
        wanted = self.wanted
        if wanted.command is not None:
            argv = wanted.command
            yield (
                "command",
                lambda overview, items, seconds: command.tell(argv, letter.as_object(overview, items), seconds),
            )
        if wanted.to is not None and wanted.relay is not None:
            yield "mail", self._mail

    def _mail(self, overview: Overview, items: Sequence[Item], seconds: float) -> None:
        wanted = self.wanted
        assert wanted.to is not None
        assert wanted.relay is not None
        sender = wanted.sender or f"mxtui@{overview.source.name or 'localhost'}"
        message = letter.as_mail(overview, items, sender, wanted.to)
        mail.send(message, wanted.relay, seconds, self._primaries(overview))

    def _primaries(self, overview: Overview) -> set[tuple[str, int]]:
        seen = [row.primary for row in overview.domains if row.primary is not None]
        unseen = [row.domain for row in overview.domains if row.primary is None][:MOST_ROUTES]
        if unseen and self.router is not None:
            from mxtui.primary.prober import ask  # 0.1 s, and seldom is there something to tell

            routed = ask(self.router(), unseen).values()
            seen += [each.primary for each in routed if each.primary is not None]
        return {(primary.host, primary.port) for primary in seen}


def _told(name: str, told: Told) -> str:
    return f"alerts could not be told by {name}: {told.fault}" if told.fault else ""
