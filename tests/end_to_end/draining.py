"""Queues of both kinds with mail in them, their primary, and drains of them: what the drain's bad days share."""

import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from mxtui.cli.acting import select
from mxtui.cli.attach import attach
from mxtui.cli.draining import drain_settings, drained, draining
from mxtui.cli.ways import finish_interrupted, own_way, router_to
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import Accepted, Behaviour, FakePrimary
from mxtui.drains import Drains
from mxtui.model.drain.standing import Standing
from mxtui.model.drain.way import Way
from mxtui.model.flushing import Phase
from mxtui.model.plan import FlushProgress, Verdict
from mxtui.model.source import Verb
from mxtui.queues.postfix.direct.journal import Unfinished, read, replay
from mxtui.queues.spool.store import Spool
from tests.cli.running import Done, postfix_says, run
from tests.delivery.spooling import commit, make_spool
from tests.queues.postfix.acting import layout_of, settled, state
from tests.service.serving import Serve
from tests.support.settings import FOLDERS
from tests.support.waiting import wait_until

HURRY: Final[Mapping[str, Any]] = {"backoff_first": 0.1, "backoff_longest": 0.3}
"""A drain's pauses, for people in a hurry."""

SETTINGS: Final = (
    FOLDERS
    + """settle = "0s"
connections = {connections}
batch = {connections}
[probe]
interval = "60s"
transition = "60s"
fall = 1
rise = 1
"""
)


class Tally(NamedTuple):
    """What became of the mail, by the primary's word and by the queue's."""

    delivered: int
    """Different messages that the primary accepted."""
    kept: int
    """Still queued, whatever their state."""
    doubled: int
    """Accepted once more than once."""
    lost: int
    """Neither; on Postfix, what was bounced."""


class MoodyPrimary(FakePrimary):
    """One that changes with what it has accepted."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: deque[tuple[int, Mapping[str, Any]]] = deque()
        self._count = 0

    def calm(self) -> None:
        """Down, with nothing remembered."""
        self.down()
        self.behaviour = Behaviour()
        self._turns.clear()
        self._count = 0
        self._accepted.clear()

    def after(self, accepted: int, **changes: Any) -> None:
        """Behave so from the moment when so many messages have come."""
        self._turns.append((accepted, changes))

    def keep(self, message: Accepted) -> None:
        super().keep(message)
        self._count += 1
        while self._turns and self._turns[0][0] <= self._count:
            self.behave(**self._turns.popleft()[1])


class DrainedQueue:
    """A queue with mail for example.org, whose primary is down at first."""

    source: str
    direct = False
    """By our own sender where there is another engine, too."""

    def __init__(self, folder: Path, primary: MoodyPrimary) -> None:
        self.folder = folder
        self.primary = primary
        self.config = folder / "mxtui.toml"
        self.ids: list[str] = []

    # -- of each kind -------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """By which its drains are registered."""
        raise NotImplementedError

    def fill(self, count: int, *recipients: str) -> None:
        """So many messages that wait, all tried in vain or never."""
        raise NotImplementedError

    def states(self) -> Counter[str]:
        """Messages by state; those that are gone under the empty string."""
        raise NotImplementedError

    def state_of(self, queue_id: str) -> str:
        """Of one message; empty where it is gone."""
        raise NotImplementedError

    def mark(self, message: Accepted) -> str:
        """Which message the primary accepted there."""
        raise NotImplementedError

    # -- of both ------------------------------------------------------------------------------------------------

    def write_config(self, more: str = "", connections: int = 20) -> None:
        self.config.write_text(SETTINGS.format(folder=self.folder, connections=connections) + more)

    def tally(self) -> Tally:
        states = self.states()  # first: what a serve delivers meanwhile is not to look lost
        accepted = Counter(self.mark(message) for message in self.primary.accepted)
        kept = states.total() - states[""]
        delivered, doubled = len(accepted), accepted.total() - len(accepted)
        return Tally(delivered, kept, doubled, max(0, len(self.ids) - kept - delivered))

    def argv(self, verb: str, *words: str) -> list[str]:
        queue = [] if verb == "audit" else ["-q", self.source]
        direct = ["--direct"] if self.direct and verb == "flush" else []
        return [sys.executable, "-m", "mxtui", verb, *queue, *direct, "--config", str(self.config), *words]

    def __call__(self, verb: str, *words: str) -> Done:
        return run(self.argv(verb, *words), {"XDG_CONFIG_HOME": str(self.folder)})

    def begin(self, verb: str, *words: str) -> "subprocess.Popen[bytes]":
        """A command that runs beside the test, which ends it."""
        return subprocess.Popen(
            self.argv(verb, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def begin_dying(self, step: int, verb: str, *words: str) -> "subprocess.Popen[bytes]":
        """The same; it dies by SIGKILL at this step of holding what a guard left (see `dying`)."""
        _, _, program, *rest = self.argv(verb, *words)
        assert program == "mxtui"
        argv = [sys.executable, "-m", "tests.end_to_end.dying", str(step), *rest]
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @property
    def bounces(self) -> bool:
        """Whether what is refused for good goes back to its sender, instead of being kept."""
        return isinstance(self, PostfixQueue) and not self.direct

    @property
    def drains(self) -> Drains:
        return Drains(self.path, self.folder / "drains")

    def standing(self) -> Standing:
        """Of the drain that runs, or ran last."""
        found = self.drains.standing()
        assert found is not None
        return found

    def wait_for(self, *phases: Phase) -> Standing:
        """Until a drain is in one of these phases."""

        def there() -> Standing | None:
            found = self.drains.standing()
            return (
                found if found is not None and found.progress is not None and found.progress.phase in phases else None
            )

        found = wait_until(there, what=f"{phases}")
        assert found is not None
        return found


class PostfixQueue(DrainedQueue):
    """A private Postfix that a module shares."""

    def __init__(self, folder: Path, primary: MoodyPrimary, instance: PrivatePostfix) -> None:
        super().__init__(folder, primary)
        self.instance = instance
        self.layout = layout_of(instance)
        self.source = str(instance.config_directory)
        self.write_config()

    @property
    def path(self) -> str:
        return str(self.instance.queue_directory)

    def fill(self, count: int, *recipients: str) -> None:
        ids = self.instance.inject("a@client.example", list(recipients) or ["info@example.org"], count=count)
        settled(self.layout, ids, "deferred")
        self.ids += ids

    def states(self) -> Counter[str]:
        return Counter(state(self.layout, each) for each in self.ids)

    def state_of(self, queue_id: str) -> str:
        return state(self.layout, queue_id)

    def mark(self, message: Accepted) -> str:
        return message.content.partition(b" id ")[2].partition(b"\r\n")[0].decode()

    def clear(self) -> None:
        """For the next test: an empty queue, on a Postfix that runs."""
        self.primary.calm()
        if not self.instance.is_running():
            self.instance.start()
        postfix_says(self.instance, "postsuper", "-d", "ALL")


class DirectQueue(PostfixQueue):
    """The same, delivered by our own sender."""

    direct = True

    @property
    def journal(self) -> Mapping[str, Unfinished]:
        """What is not brought to its end, by queue ID; nothing once all is."""
        return replay(read(self.drains.folder / "journal"))


class SpoolQueue(DrainedQueue):
    """A spool without a `serve`, until one is started."""

    def __init__(self, folder: Path, primary: MoodyPrimary) -> None:
        super().__init__(folder, primary)
        self.spool: Spool = make_spool(folder)
        self.source = str(self.spool.path)
        self.serve: Serve | None = None
        self.write_config()

    def write_config(self, more: str = "", connections: int = 20) -> None:
        primaries = f'[primaries]\n"example.org" = "127.0.0.1:{self.primary.port}"\n'
        super().write_config(f"{primaries}{more}", connections)

    @property
    def path(self) -> str:
        return str(self.spool.path)

    def fill(self, count: int, *recipients: str) -> None:
        for _ in range(count):
            content = b"X-Number: %d\n\nhello\n" % len(self.ids)
            self.ids.append(commit(self.spool, *(recipients or ("info@example.org",)), content=content).id)
        if self.serve is not None:
            self.serve.control.look(self.ids)
            wait_until(lambda: self.serve is not None and self.serve.events("left_alone"), what="tried in vain")

    def states(self) -> Counter[str]:
        found = (self.spool.find(each) for each in self.ids)
        return Counter(each[0] if each is not None else "" for each in found)

    def state_of(self, queue_id: str) -> str:
        found = self.spool.find(queue_id)
        return found[0] if found is not None else ""

    def mark(self, message: Accepted) -> str:
        return message.content.partition(b"X-Number: ")[2].partition(b"\r\n")[0].decode()


@dataclass
class Course:
    """How a drain went."""

    last: FlushProgress
    phases: list[Phase] = field(default_factory=list)
    """In their order; none twice in a row."""
    verdicts: list[Verdict] = field(default_factory=list)
    report: str = ""


Step = Callable[[FlushProgress], object]


def drain(queue: DrainedQueue, at_each: Step = lambda _: None, *, way: Way | None = None, **changes: Any) -> Course:
    """All of it, to the end, by this process. `changes` to the settings; `at_each` sees each progress.

    `way` instead of the one that the command line would take.
    """
    with attach(queue.source, str(queue.config)) as attached:
        if queue.direct:
            finish_interrupted(attached)
        targets, selection = select(attached, [], everything=True, verb=Verb.FLUSH)
        plan = attached.operations.plan(Verb.FLUSH, targets, selection)
        if queue.direct and way is None:
            way = own_way(attached, router_to(attached, None), None, queue.drains)
        settings = replace(drain_settings(attached, force=True, direct=queue.direct), **{**HURRY, **changes})
        course: Course | None = None
        for progress in drained(
            attached, plan, draining(attached, plan, settings, way), "", threading.Event(), "through Postfix"
        ):
            course = course or Course(progress)
            course.last = progress
            course.verdicts += progress.recent
            if course.phases[-1:] != [progress.phase]:
                course.phases.append(progress.phase)
            at_each(progress)
    assert course is not None
    course.report = queue.drains.report(as_json=False)
    return course


def once(deed: Callable[[], object], when: Callable[[FlushProgress], bool]) -> Step:
    """Do it at the first progress of which that is true."""
    waiting = [deed]

    def look(progress: FlushProgress) -> None:
        if waiting and when(progress):
            waiting.pop()()

    return look
