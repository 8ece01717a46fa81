"""File-system events of a queue's directories."""

import threading
from collections.abc import Collection, Iterator, Sequence

SETTLE = 100
"""Milliseconds over which events are gathered: a message being received makes a dozen in a few."""

STEP = 25
"""Milliseconds of quiet that end the gathering. Each step wakes us: 40 times a second cost 0.1 % of a core."""

SIGN_OF_LIFE = 1000
"""Milliseconds without events after which an empty change says that all is well."""

FLOOD = 8192
"""Events at once from which on the kernel's queue (fs.inotify.max_queued_events, 16,384) may have overflowed."""


def events(folders: Sequence[str], stop: threading.Event) -> Iterator[Collection[str]]:
    """The paths of what happens in these directories, and none at all as a sign of life, until `stop`.

    Each is named: told to look below them, watchfiles holds the interpreter while it looks at every file that is
    there, 6 s for a million. Raises OSError and RuntimeError where events are not to be had.
    """
    from watchfiles import watch  # 60 ms to import, and nothing that looks but once needs it

    for changes in watch(
        *folders,
        watch_filter=None,
        debounce=SETTLE,
        step=STEP,
        stop_event=stop,
        rust_timeout=SIGN_OF_LIFE,
        yield_on_timeout=True,
        raise_interrupt=False,
        force_polling=False,
        recursive=False,
    ):
        yield {path for _, path in changes}
