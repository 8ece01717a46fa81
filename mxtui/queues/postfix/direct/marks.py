"""Recipients marked as done in a queue file, as Postfix's own delivery agents do it.

Source: Postfix, src/global/deliver_completed.c.
"""

import errno
import os
from collections.abc import Iterable

from mxtui.queues.postfix import records

_TODO = bytes([records.TODO])
_DONE = bytes([records.DONE])


def mark_done(fd: int, offsets: Iterable[int]) -> None:
    """Have these recipients be done, wherever in the file their records are; not synced. Twice is once.

    Raises OSError, also where there is no recipient's record: nothing is written then.
    """
    wanted = {offset: os.pread(fd, 1, offset) for offset in offsets}
    if any(found not in (_TODO, _DONE) for found in wanted.values()):
        raise OSError(errno.EILSEQ, "its queue file has no recipient where there was one")
    status = os.fstat(fd)
    for offset, found in wanted.items():
        if found == _TODO:
            os.pwrite(fd, _DONE, offset)
    # The time of modification is the next retry time; a message that is put back keeps it.
    os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
