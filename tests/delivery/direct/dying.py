"""A program that delivers directly, and dies by SIGKILL at its n-th step to the disk or to Postfix; 0 is never.

`python -m tests.delivery.direct.dying CONFIG JOURNAL PORT N CONNECTIONS ID…`
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mxtui.delivery.direct import ending
from mxtui.queues.postfix.direct import recovery
from mxtui.queues.postfix.direct.journal import Journal
from mxtui.queues.postfix.direct.marks import mark_done
from mxtui.queues.postfix.direct.telling import Teller
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.whereabouts import locate
from tests.delivery.direct.feeding import Given, direct
from tests.queues.postfix.acting import targets

_steps = 0
_lock = threading.Lock()


def deadly(work: Callable[..., Any], at: int) -> Callable[..., Any]:
    """The same, a step before it and a step after it."""

    def step() -> None:
        global _steps
        with _lock:
            _steps += 1
            if _steps == at:
                os.kill(os.getpid(), signal.SIGKILL)

    def stepping(*arguments: Any) -> Any:
        step()
        result = work(*arguments)
        step()
        return result

    return stepping


def main(config: Path, journal: Path, port: int, at: int, connections: int, ids: list[str]) -> None:
    layout = read_layout(config)
    found = targets(layout, [each for each in ids if locate(layout, each) is not None])
    for owner, name in ((Journal, "append"), (Journal, "begin"), (Teller, "_tell")):
        setattr(owner, name, deadly(getattr(owner, name), at))
    for module in (ending, recovery):
        setattr(module, "mark_done", deadly(mark_done, at))  # noqa: B010 (not exported: it is theirs)
    for _ in direct(layout, journal, port).deliver(Given(found, connections), threading.Event()):
        pass


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), Path(given[1]), int(given[2]), int(given[3]), int(given[4]), given[5:])
