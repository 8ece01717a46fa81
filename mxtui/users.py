"""Users by name, for people."""

import pwd
from pathlib import Path


def user_name(user: int) -> str:
    """Of a user ID; the number itself where it has no name."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def owner_name(path: Path) -> str:
    """Whose a path is, or the nearest folder above it that can be looked at; empty where that is root."""
    for each in (path, *path.parents):
        try:
            user = each.stat().st_uid
        except OSError:
            continue
        return user_name(user) if user else ""
    return ""
