"""How deep each queue is, counted in a process of its own.

Listing names lets go of the interpreter at each of them, and while another thread imports or draws, gets it back a
thousandth of a second later at best. Another process takes 0.6 s for a million, whatever this one does meanwhile.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from mxtui.errors import CommandFailed
from mxtui.model.message import State
from mxtui.queues.postfix.names import folders

_PROGRAM = f"import sys; sys.path.insert(0, sys.argv[1]); from {__name__} import tell; tell(sys.argv[2])"


def census(root: str) -> Mapping[State, int]:
    """Messages per state, from names alone. Raises NoQueue and NotPermitted (see `names.folders`)."""
    from mxtui.queues.postfix.run import run  # not in the other process

    package = str(Path(__file__).resolve().parents[3])
    try:
        done = run([sys.executable, "-I", "-S", "-c", _PROGRAM, package, root])
    except CommandFailed:
        return count(root)
    if done.status:  # it cannot be counted; why, has to be raised here
        return count(root)
    told = (line.split() for line in done.stdout.decode().splitlines())
    return {cast("State", state): int(number) for state, number in told}


def count(root: str) -> Mapping[State, int]:
    """The same, in this process."""
    depth: dict[State, int] = {}
    for folder in folders(root):
        depth[folder.state] = depth.get(folder.state, 0) + len(folder.ids)
    return depth


def tell(root: str) -> None:
    """In the other process: what was counted, a state and its number in a line."""
    sys.stdout.writelines(f"{state} {number}\n" for state, number in count(root).items())
