"""mxtui, which dies by SIGKILL at the n-th step of holding what the guard of a drain left.

`python -m tests.end_to_end.dying N VERB …`. 1 is before any is held; 2 is when they are, and nobody was told.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from mxtui.__main__ import main
from mxtui.model.plan import Result, Target
from mxtui.model.source import Verb
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.spool.queue import SpoolQueue

AT: Final = int(sys.argv.pop(1))


def deadly(kind: type[PostfixQueue] | type[SpoolQueue]) -> None:
    """Nothing but a drain holds in a flush."""
    act = kind.act

    def acting(self: PostfixQueue | SpoolQueue, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        if verb == Verb.HOLD and AT == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        results = list(act(self, verb, targets))  # type: ignore[arg-type]
        if verb == Verb.HOLD:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from results

    kind.act = acting  # type: ignore[method-assign]


if __name__ == "__main__":
    for each in (PostfixQueue, SpoolQueue):
        deadly(each)
    main()
