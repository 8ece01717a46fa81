"""A plan while it runs, and what came of it."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
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


@dataclass
class Progress:
    """How far a plan has come: written by the thread that runs it, and read by the screen."""

    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)
    fault: str = ""
    over: bool = False
    """The screen knows that it is; written by the screen."""

    @property
    def done(self) -> int:
        """Messages."""
        return self.counts["done"]

    def follow(self, results: Iterator[Result]) -> None:
        """To the end. In a thread: touches no widget."""
        try:
            for result in results:
                self.counts[result.result] += 1
                if result.result != "done" and len(self.failed) < KEPT:
                    self.failed.append(result)
        except MxtuiError as error:
            self.fault = f"{error.message}. {error.hint}".strip()


class ProgressScreen(Dialog[bool]):
    """Runs a plan in a thread, and stays to tell what came of it. Its answer is whether anything was done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "cancel", "Close", show=False, id="progress.close"),
        Binding("s", "stop", "Stop", show=False, id="progress.stop"),
    ]

    def __init__(self, plan: Plan, execute: Callable[[threading.Event], Iterator[Result]], title: str = "") -> None:
        """`title` where there is more to it than the plan."""
        super().__init__()
        self._title = title or doing(plan)
        self.plan = plan
        self._execute = execute
        self._stop = threading.Event()
        self._progress = Progress()
        self._began = time.monotonic()

    def on_mount(self) -> None:
        """Start."""
        super().on_mount()
        self._run()

    @work(exclusive=True, group="execute")
    async def _run(self) -> None:
        timer = self.set_interval(SHOW_EVERY, self.draw)
        try:
            await asyncio.to_thread(lambda: self._progress.follow(self._execute(self._stop)))
        finally:
            timer.stop()
        self._progress.over = True
        self.host.services.monitor.nudge()
        self.draw()

    def on_unmount(self) -> None:
        """The terminal went away: stop at the next batch. What was done is in the audit."""
        self._stop.set()

    def draw(self) -> None:
        """How far it has come."""
        scene, look, progress = self.scene, self.host.look, self._progress
        number, known, done = max(1, len(self.plan.targets)), progress.counts.total(), progress.done
        failed = known - done
        lines = [bar(scene, [(done / number, "ok"), (failed / number, "danger")], scene.width), Line()]
        if progress.over and not self.plan.targets and not progress.fault:
            lines = [Line((look.glyphs.passed, look.ok), (" done: no mail was queued for it", look.text))]
        if progress.over:
            lines += outcome_lines(scene, dict(progress.counts), list(progress.failed), progress.fault)
            close = Line(("Enter", look.key), (" Close", look.text))
            if self.plan.reversible and done:
                close.add("   u", look.key).add(" on the list takes it back", look.label)
            lines += [Line(), close]
        else:
            said = f"{fmt.count(known)} of {fmt.count(number)}"
            left = remaining(known, number, time.monotonic() - self._began)
            keys = [("s", look.key), (" Stop", look.text)]
            told = Line((said, look.strong), (f"   {span(left)} left" if left else "", look.label))
            lines += [told.right(keys, scene.width)]
        self.show(self._title, lines)

    def action_cancel(self) -> None:
        """Close, once it is over."""
        if self._progress.over:
            self.dismiss(self._progress.done > 0)

    def action_stop(self) -> None:
        """After the batch that is being acted on."""
        self._stop.set()
