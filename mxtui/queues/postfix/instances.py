"""Which Postfix: what `-q SOURCE` names, and the instances that postmulti(1) knows."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from mxtui.errors import CommandFailed, NoQueue, NotPermitted
from mxtui.queues.postfix.layout import Layout, read_layout
from mxtui.queues.postfix.run import run
from mxtui.users import owner_name

QUEUE_MARKS = ("active", "deferred", "incoming", "hold")
"""Directories that every Postfix queue has, and hardly anything else."""

_MAIL_CONFIG = re.compile(rb"(?:^|\0)MAIL_CONFIG=([^\0]+)")


class Instance(NamedTuple):
    """One line of `postmulti -l`."""

    name: str
    """Empty for the default instance."""
    group: str
    enabled: bool
    config_directory: Path


def instances() -> list[Instance]:
    """Every Postfix instance on this host, the default one first; empty when postmulti(1) cannot be run."""
    try:
        done = run(["postmulti", "-l"])
    except CommandFailed:
        return []
    found = []
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        fields = line.split(None, 3)
        if len(fields) == 4 and fields[3].startswith("/"):
            name, group, enabled, directory = ("" if text == "-" else text for text in fields)
            found.append(Instance(name, group, enabled == "y", Path(directory)))
    return found


def attach(source: str | None = None) -> Layout:
    """The instance that `source` names: a configuration directory or a queue directory; without it the default one.

    Raises NoQueue, NotPermitted, CommandFailed, each with what to do.
    """
    if source is None:
        layout = read_layout()
        return _checked(layout)
    # Not resolved: Postfix compares it with alternate_config_directories by text.
    path = Path(source).absolute()
    try:
        is_directory = path.is_dir()
        configured = is_directory and (path / "main.cf").exists()
        is_queue = is_directory and all((path / mark).is_dir() for mark in QUEUE_MARKS)
    except PermissionError as error:
        owner = owner_name(path)  # of a spool, perhaps: what is in there cannot be seen
        raise NotPermitted(f"{source} may not be looked into", f"Try as root or as {owner or 'its user'}.") from error
    if not is_directory:
        raise NoQueue(f"{source} is not a directory" if path.exists() else f"{source} does not exist", _NAME_ONE)
    if configured:
        return _checked(read_layout(path))
    if is_queue:
        return _of_queue(path)
    raise NoQueue(
        f"{source} is neither a Postfix configuration directory (no main.cf) nor a Postfix queue directory "
        f"(no {', '.join(QUEUE_MARKS)})",
        _NAME_ONE,
    )


_NAME_ONE = "Name a Postfix configuration directory or queue directory; `postmulti -l` lists instances."


def _of_queue(path: Path) -> Layout:
    """The instance whose queue directory this is: a known one, or the one whose master runs there."""
    candidates = [instance.config_directory for instance in instances()]
    if (running := _config_of_master(path)) is not None:
        candidates.insert(0, running)
    for candidate in dict.fromkeys(candidates):
        try:
            layout = read_layout(candidate)
            if layout.queue_directory.samefile(path):
                return _checked(layout)
        except (NoQueue, CommandFailed, OSError):  # another instance's trouble is not ours
            continue
    raise NoQueue(
        f"{path} is a Postfix queue, but none of the instances known here uses it",
        "Name its configuration directory instead.",
    )


def _config_of_master(queue: Path) -> Path | None:
    """The configuration directory of the master(8) that runs this queue; None if we may not see it."""
    try:
        pid = int((queue / "pid" / "master.pid").read_bytes()[:32])
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except (OSError, ValueError):
        return None
    match = _MAIL_CONFIG.search(environment)
    path = Path(os.fsdecode(match[1])) if match else None
    return path if path is not None and path.is_absolute() else None


def _checked(layout: Layout) -> Layout:
    queue = layout.queue_directory
    try:
        missing = [mark for mark in QUEUE_MARKS if not (queue / mark).is_dir()]
    except PermissionError as error:
        raise NotPermitted(f"the queue directory {queue} may not be looked into", "Try as root.") from error
    if missing:
        hint = f"Start it once to make them: postfix -c {layout.config_directory} start"
        raise NoQueue(f"the queue directory {queue} has no {', '.join(missing)}", hint)
    return layout
