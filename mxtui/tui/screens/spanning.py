"""One act on several hosts: a plan for each of them, confirmed as one, run side by side, each with its own outcome."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from mxtui.model.plan import Plan
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.tui import format as fmt
from mxtui.tui.desk import Desk
from mxtui.tui.draw.plan import bar
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.confirm import ConfirmingScreen
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.screens.progress import SHOW_EVERY, Progress

NAMED = 6
"""Failures of a host that are named; its audit has them all."""


@dataclass(frozen=True, slots=True)
class Part:
    """What would be done on one host."""

    desk: Desk
    plan: Plan | None
    fault: str
    """Why there is no plan for it: that host is left as it is."""

    @property
    def messages(self) -> int:
        """That would be acted on."""
        return len(self.plan.targets) if self.plan is not None else 0

    @property
    def why_nothing(self) -> str:
        """Why there is no message to act on; empty where there never was one."""
        if self.plan is None:
            return self.fault
        return self.plan.excluded[0].detail if self.plan.excluded else ""


Parts = Sequence[Part]


class SpanningPlanScreen(ConfirmingScreen[str]):
    """Shows all of them. Answers with the reason."""

    KEPT: ClassVar[str] = "kept in the audit of each host with your name"

    def __init__(self, verb: Verb, domain: str, parts: Parts) -> None:
        self._going = [(part, part.plan) for part in parts if part.plan is not None and part.plan.targets]
        super().__init__(verb, [plan for _, plan in self._going])
        self._domain, self._parts = domain, parts

    def answer(self, reason: str) -> str:
        """The reason."""
        return reason

    def draw(self) -> None:
        """Host by host."""
        what = f"{self.verb.capitalize()} {counted(self.messages, 'message')} for {self._domain}"
        self.show(f"{what} on {counted(len(self._going), 'host')}", self._lines())
        super().draw()

    def _lines(self) -> list[Line]:
        scene, look = self.scene, self.host.look
        name = max(len(part.desk.name) for part in self._parts)
        lines = [Line(("What", look.strong))]
        for part in self._parts:
            line = Line(("  ", look.text), (part.desk.name.ljust(name), look.text))
            if part.plan is None:
                line.add("  left as it is: ", look.warning).add(
                    scene.fit(part.fault, scene.width - line.width), look.text
                )
            else:
                line.add(fmt.count(part.messages).rjust(10), look.strong)
                line.add(f"  {fmt.bytes_(part.plan.bytes)}", look.label)
                if part.plan.excluded:
                    why = f"   {len(part.plan.excluded):,} left out: {part.plan.excluded[0].detail}"
                    line.add(scene.fit(why, scene.width - line.width), look.label)
            lines.append(line)
        said: dict[tuple[str, str], list[str]] = {}
        for part, plan in self._going:
            for caution in plan.cautions:
                said.setdefault((caution.title, caution.text), []).append(part.desk.name)
        if self.verb is Verb.FLUSH and len(self._going) > 1:
            text = "Each host drains at a pace of its own, and stops by its own guard. Together they may be too many."
            said.setdefault(("Several hosts deliver at once", text), [])
        for (title, text), names in said.items():
            where = f" on {', '.join(names)}" if names else ""
            edge = (scene.glyphs.cursor + " ", look.warning)
            lines += [Line(), Line(edge, (f"{scene.glyphs.warning} {title}{where}", look.warning))]
            lines += [Line(edge, ("  " + words, look.text)) for words in wrap(text, scene.width - 6)]
        lines += [Line(), Line(("What will run", look.strong))]
        for part, plan in self._going:
            for step in plan.steps:
                first = f"  {part.desk.name.ljust(name)}  "
                for number, words in enumerate(wrap(step, scene.width - len(first) - 2)):
                    lines.append(Line((first if not number else " " * len(first), look.label), (words, look.text)))
        return lines


@dataclass
class _Running(Progress):
    """One host, as far as it has come."""

    part: Part = field(kw_only=True)
    plan: Plan = field(kw_only=True)


class SpanningProgressScreen(Dialog[bool]):
    """Runs them side by side, a thread for each host, and stays to tell what came of each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "cancel", "Close", show=False, id="spanning.close"),
        Binding("s", "stop", "Stop", show=False, id="spanning.stop"),
    ]

    def __init__(self, verb: Verb, parts: Parts, reason: str) -> None:
        super().__init__()
        self._verb, self._reason = verb, reason
        self._left = [part for part in parts if part.plan is None]
        self._hosts = [
            _Running(part=part, plan=part.plan) for part in parts if part.plan is not None and part.plan.targets
        ]
        self._stop = threading.Event()

    def on_mount(self) -> None:
        """Start."""
        super().on_mount()
        self._run()

    @work(exclusive=True, group="execute")
    async def _run(self) -> None:
        timer = self.set_interval(SHOW_EVERY, self.draw)
        # Left amid it, this waits: a batch that was begun is acted on to its end before its connection is closed.
        with ThreadPoolExecutor(len(self._hosts), thread_name_prefix="mxtui-host") as threads:
            await asyncio.gather(*(self._run_on(each, threads) for each in self._hosts))
        timer.stop()
        self.draw()

    async def _run_on(self, running: _Running, threads: ThreadPoolExecutor) -> None:
        """One of them; a host that goes away does not end the others."""
        services = running.part.desk.services
        assert services is not None
        results = services.operations.execute(running.plan, reason=self._reason, stop=self._stop)
        await asyncio.get_running_loop().run_in_executor(threads, running.follow, results)
        running.over = True
        services.monitor.nudge()

    @property
    def _over(self) -> bool:
        return all(each.over for each in self._hosts)

    def on_unmount(self) -> None:
        """The terminal went away: stop at the next batch. What was done is in the audits."""
        self._stop.set()

    def draw(self) -> None:
        """How far each has come."""
        scene, look = self.scene, self.host.look
        name = max(len(each.part.desk.name) for each in self._hosts)
        lines: list[Line] = []
        for each in self._hosts:
            number, known = max(1, len(each.plan.targets)), each.counts.total()
            done = each.done
            line = Line((each.part.desk.name.ljust(name) + "  ", look.text))
            said = f"  {fmt.count(done)} of {fmt.count(number)}"
            shares = [(done / number, "ok"), ((known - done) / number, "danger")]
            line.extend(bar(scene, shares, max(8, scene.width - line.width - len(said) - 2)).spans)
            lines.append(line.add(said, look.strong))
            if each.fault:
                lines += [Line(("  " + words, look.danger)) for words in wrap(each.fault, scene.width - 4)]
            for result in each.failed[:NAMED] if each.over else ():
                told = Line(("    ", look.text), (result.queue_id + "  ", look.text))
                lines.append(told.add(scene.fit(result.detail or result.result, scene.width - told.width), look.label))
            if each.over and len(each.failed) > NAMED:
                lines.append(Line((f"    and {len(each.failed) - NAMED:,} more, all in its audit", look.label)))
        for part in self._left:
            words = scene.fit(f"left as it is: {part.fault}", scene.width - name - 2)
            lines.append(Line((part.desk.name.ljust(name) + "  ", look.text), (words, look.warning)))
        keys = [("Enter", look.key), (" Close", look.text)] if self._over else [("s", look.key), (" Stop", look.text)]
        total = sum(each.done for each in self._hosts)
        lines += [Line(), Line((f"{fmt.count(total)} done", look.strong)).right(keys, scene.width)]
        self.show(f"{self._verb.capitalize()} on {counted(len(self._hosts), 'host')}", lines)

    def action_cancel(self) -> None:
        """Close, once all are over."""
        if self._over:
            self.dismiss(any(each.done for each in self._hosts))

    def action_stop(self) -> None:
        """After the batch that is being acted on, on each host."""
        self._stop.set()
