"""Making queued mail older, since no test can wait for hours."""

import os

from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import locate


def set_back(layout: Layout, queue_id: str, seconds: int) -> None:
    """Have a message seem to have arrived so much earlier: in its `T` record, where Postfix and qshape(1) look too.

    The record keeps its length, and the file its modification time: the next try is when it was.
    """
    here = locate(layout, queue_id)
    assert here is not None
    status = here.path.stat()
    raw = here.path.read_bytes()
    start = raw.index(b"T", 97) + 2  # behind the size record
    with here.path.open("r+b") as file:
        file.seek(start)
        file.write(b"%d" % (int(raw[start : start + 10]) - seconds))
    os.utime(here.path, (status.st_atime, status.st_mtime))
