"""How full this machine's disks are is no test's business: half of every file system is free, and of its inodes.

Python imports this at its start wherever PYTHONPATH leads here, so that it holds for `mxtui` run by a test, too.
"""

import os
from typing import Any

_found = os.statvfs


def _half(path: Any) -> os.statvfs_result:
    blocks, files = 2, 5
    told = list(_found(path))
    told[blocks + 1] = told[blocks + 2] = told[blocks] // 2
    told[files + 1] = told[files + 2] = told[files] // 2
    return os.statvfs_result(told)


os.statvfs = _half
