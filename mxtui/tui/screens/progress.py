"""A plan while it runs, and what came of it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from mxtui.errors import MxtuiError
from mxtui.model.plan import Plan, Result
from mxtui.model.remaining import remaining
from mxtui.model.words import span
from mxtui.tui import format as fmt
from mxtui.tui.draw.plan import bar, doing, outcome_lines
from mxtui.tui.line import Line
from mxtui.tui.screens.dialog import Dialog

KEPT = 1_000
"""Failures kept to be named; the audit has them all."""

SHOW_EVERY = 0.1
"""Seconds between two looks at how far it has come."""


class ProgressScreen(Dialog[bool]):
    """Runs a plan in a thread, and stays to tell what came of it. Its answer is whether anything was done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "cancel", "Close", show=False, id="progress.close"),
        Binding("s", "stop", "Stop", show=False, id="progress.stop"),
    ]

    def __init__(self, plan: Plan, execute: Callable[[threading.Event], Iterator[Result]]) -> None:
        super().__init__()
        self.plan = plan
        self._execute = execute
        self._stop = threading.Event()
        self._counts: Counter[str] = Counter()
        self._failed: list[Result] = []
        self._fault = ""
        self._over = False
        self._began = time.monotonic()

    def on_mount(self) -> None:
        """Start."""
        super().on_mount()
        self._run()

    @work(exclusive=True, group="execute")
    async def _run(self) -> None:
        timer = self.set_interval(SHOW_EVERY, self.draw)
        try:
            await asyncio.to_thread(self._work)
        except MxtuiError as error:
            self._fault = f"{error.message}. {error.hint}".strip()
        finally:
            timer.stop()
        self._over = True
        self.host.services.monitor.nudge()
        self.draw()

    def _work(self) -> None:
        """In a thread: touches no widget, only what `draw` reads."""
        for result in self._execute(self._stop):
            self._counts[result.result] += 1
            if result.result != "done" and len(self._failed) < KEPT:
                self._failed.append(result)

    def on_unmount(self) -> None:
        """The terminal went away: stop at the next batch. What was done is in the audit."""
        self._stop.set()

    def draw(self) -> None:
        """How far it has come."""
        scene, look = self.scene, self.host.look
        number = max(1, len(self.plan.targets))
        done, failed = self._counts["done"], self._counts.total() - self._counts["done"]
        lines = [bar(scene, [(done / number, "ok"), (failed / number, "danger")], scene.width), Line()]
        if self._over:
            lines += outcome_lines(scene, dict(self._counts), list(self._failed), self._fault)
            close = Line(("Enter", look.key), (" Close", look.text))
            if self.plan.reversible and done:
                close.add("   u", look.key).add(" on the list takes it back", look.label)
            lines += [Line(), close]
        else:
            known = self._counts.total()
            said = f"{fmt.count(known)} of {fmt.count(number)}"
            left = remaining(known, number, time.monotonic() - self._began)
            keys = [("s", look.key), (" Stop", look.text)]
            told = Line((said, look.strong), (f"   {span(left)} left" if left else "", look.label))
            lines += [told.right(keys, scene.width)]
        self.show(doing(self.plan), lines)

    def action_cancel(self) -> None:
        """Close, once it is over."""
        if self._over:
            self.dismiss(self._counts["done"] > 0)

    def action_stop(self) -> None:
        """After the batch that is being acted on."""
        self._stop.set()
