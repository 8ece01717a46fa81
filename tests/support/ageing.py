"""Making queued mail older, since no test can wait for hours."""

import os

from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import locate


def set_back(layout: Layout, queue_id: str, seconds: int) -> None:
    """Have a message seem to have arrived so much earlier: in its `T` record, where qshape(1) looks too, and in the
    `create_time` behind it, by which qmgr(8) gives it up.

    The records keep their lengths, and the file its modification time: the next try is when it was.
    """
    here = locate(layout, queue_id)
    assert here is not None
    status = here.path.stat()
    raw = here.path.read_bytes()
    name = b"create_time="
    with here.path.open("r+b") as file:
        for start in (raw.index(b"T", 97) + 2, raw.index(name) + len(name)):  # the first behind the size record
            file.seek(start)
            file.write(b"%d" % (int(raw[start : start + 10]) - seconds))
    os.utime(here.path, (status.st_atime, status.st_mtime))
