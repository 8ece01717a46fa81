"""postsuper(1) told of many messages at once; who calls it judges by the files what became of each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

from mxtui.errors import CommandFailed
from mxtui.model.source import Verb
from mxtui.queues.postfix.actions import NAMED, SECONDS_EACH
from mxtui.queues.postfix.direct.standing import Standing
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.master import master_runs
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, postsuper

HANDS: Final = 4
"""Processes at once: a disk that is told of free blocks takes up to a millisecond for each defer log."""

SHARE: Final = 25
"""Messages for which another process pays, which is there already as a rule."""

TIMEOUT: Final = 30.0
"""Seconds to start and end."""


class Teller:
    """Holds, releases and deletes in one Postfix."""

    def __init__(self, layout: Layout, privileges: Privileges) -> None:
        self._layout = layout
        self._privileges = privileges
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="postsuper")
        self._standing: dict[Verb, list[Standing]] = {}
        """Processes that wait for more; whoever uses one takes it out."""

    def tell(self, verb: Verb, queue_ids: Sequence[str]) -> tuple[set[str], str]:
        """Have it done; the IDs that were named as done, and a complaint. Raises nothing. `close` in the end."""
        if not queue_ids:
            return set(), ""
        # With Postfix stopped and a log of its own, postsuper dies of the first message that it logs (run).
        alone = bool(self._layout.maillog_file) and not master_runs(self._layout.queue_directory)
        count = len(queue_ids) if alone else min(HANDS, -(-len(queue_ids) // SHARE))
        groups = [queue_ids[number::count] for number in range(count)]
        answers = list(self._hands.map(partial(self._tell, verb, alone), groups))
        return {each for named, _ in answers for each in named}, next((why for _, why in answers if why), "")

    def _tell(self, verb: Verb, alone: bool, queue_ids: Sequence[str]) -> tuple[set[str], str]:
        idle = self._standing.setdefault(verb, [])
        try:
            process = (None if alone else self._one_of(idle)) or self._another(verb)
            said = process.tell([each.encode() for each in queue_ids], TIMEOUT + SECONDS_EACH * len(queue_ids))
        except CommandFailed as error:
            return set(), error.message
        if alone or not process.alive:
            process.close()
        else:
            idle.append(process)
        text = said.decode("utf-8", "replace")
        complaints = [line for line in text.splitlines() if "fatal" in line or "sudo" in line]
        return {match.decode() for match in NAMED.findall(said)}, complaints[-1].strip() if complaints else ""

    def _another(self, verb: Verb) -> Standing:
        return Standing(self._privileges.argv(postsuper(self._layout, POSTSUPER[verb])))

    def _one_of(self, idle: list[Standing]) -> Standing | None:
        with suppress(IndexError):  # none, or another thread was quicker
            while not (process := idle.pop()).alive:
                process.close()
            return process
        return None

    def close(self) -> None:
        """End the processes that stay; what is told later has others started."""
        for idle in self._standing.values():
            while (process := self._one_of(idle)) is not None:
                process.close()
