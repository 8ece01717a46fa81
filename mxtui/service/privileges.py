"""Root is for binding port 25 only: afterwards the service becomes a user who owns nothing but its spool."""

import grp
import os
import pwd
from pathlib import Path
from typing import NamedTuple

from mxtui.errors import ConfigError, NotPermitted


class Account(NamedTuple):
    """Whom to become."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def account(name: str, said_by: str) -> Account:
    """A user of this host, with all groups. `said_by` names the option or setting.

    Raises:
        ConfigError: no such user, or root.
    """
    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise ConfigError(f"{said_by}: this host has no user {name}", "useradd --system makes one.") from None
    if found.pw_uid == 0:
        raise ConfigError(f"{said_by}: {name} is root", "Name a user of its own, such as mxtui.")
    groups = {found.pw_gid, *(group.gr_gid for group in grp.getgrall() if name in group.gr_mem)}
    return Account(name, found.pw_uid, found.pw_gid, tuple(sorted(groups)))


def become(wanted: Account) -> None:
    """Give up root for good; checked, since a process that could come back would be root to whoever breaks in.

    Raises:
        NotPermitted: we are neither root nor that user, or it did not work.
    """
    if os.getuid() == os.geteuid() == wanted.uid:
        return
    if os.geteuid() != 0:
        raise NotPermitted(f"only root can become {wanted.name}", "Start as root, or as that user without --user.")
    os.setgroups(wanted.groups)
    os.setresgid(wanted.gid, wanted.gid, wanted.gid)
    os.setresuid(wanted.uid, wanted.uid, wanted.uid)
    if os.getresuid() != (wanted.uid,) * 3 or os.getresgid() != (wanted.gid,) * 3 or _root_again():
        raise NotPermitted(f"root could not be given up for {wanted.name}", "Nothing was started.")


def _root_again() -> bool:
    try:
        os.setuid(0)
    except PermissionError:
        return False
    return True


def make_folder(folder: Path, wanted: Account) -> None:
    """A new spool's folder, theirs, where only root may make it; one that exists is left as it is."""
    if os.geteuid() == 0 and not folder.exists():
        folder.mkdir(mode=0o700)
        os.chown(folder, wanted.uid, wanted.gid)
