"""Messages of a spool, of which one kills whoever reads it, and one never comes to its end."""

import os
import time
from collections.abc import Callable, Iterator

from mxtui.queues.spool import contents


def reader(root: str, deadly: str = "", endless: str = "") -> Callable[[str, int], Iterator[bytes]]:
    read = contents.reader(root)

    def read_some(queue_id: str, inode: int) -> Iterator[bytes]:
        if queue_id == deadly:
            os.abort()
        while queue_id == endless:
            time.sleep(1)
        return read(queue_id, inode)

    return read_some
