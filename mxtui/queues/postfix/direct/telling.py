"""postsuper(1) told of many messages at once; who calls it judges by the files what became of each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from mxtui.errors import CommandFailed
from mxtui.model.source import Verb
from mxtui.queues.postfix.actions import NAMED, SECONDS_EACH
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.master import master_runs
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, postsuper
from mxtui.queues.postfix.run import run

HANDS: Final = 2
"""Processes at once."""

SHARE: Final = 50
"""Messages for which another process pays: 5 ms to start it, a tenth of one for each message."""

TIMEOUT: Final = 30.0
"""Seconds to start and end."""


class Teller:
    """Holds, releases and deletes in one Postfix."""

    def __init__(self, layout: Layout, privileges: Privileges) -> None:
        self._layout = layout
        self._privileges = privileges
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="postsuper")

    def tell(self, verb: Verb, queue_ids: Sequence[str]) -> tuple[set[str], str]:
        """Have it done; the IDs that were named as done, and a complaint. Raises nothing."""
        if not queue_ids:
            return set(), ""
        # With Postfix stopped and a log of its own, postsuper dies of the first message that it logs (run).
        alone = bool(self._layout.maillog_file) and not master_runs(self._layout.queue_directory)
        count = len(queue_ids) if alone else min(HANDS, -(-len(queue_ids) // SHARE))
        groups = [queue_ids[number::count] for number in range(count)]
        answers = list(self._hands.map(partial(self._tell, verb), groups))
        return {each for named, _ in answers for each in named}, next((why for _, why in answers if why), "")

    def _tell(self, verb: Verb, queue_ids: Sequence[str]) -> tuple[set[str], str]:
        argv = self._privileges.argv(postsuper(self._layout, POSTSUPER[verb]))
        ids = b"".join(each.encode() + b"\n" for each in queue_ids)
        try:
            done = run(argv, input=ids, timeout=TIMEOUT + SECONDS_EACH * len(queue_ids))
        except CommandFailed as error:
            return set(), error.message
        complaints = [line for line in done.complaint.splitlines() if "fatal" in line or "sudo" in line]
        return {match.decode() for match in NAMED.findall(done.stderr)}, complaints[-1] if complaints else ""
