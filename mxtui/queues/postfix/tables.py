"""Kinds of lookup table (DATABASE_README, postmap(1)), as main.cf names them: `proxy:hash:/etc/postfix/relay`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

INDEXES: Final[Mapping[str, str]] = {
    "hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag", "sdbm": ".pag",
}  # fmt: skip
"""Those that postmap(1) makes of a text, and what the name of what it makes ends with."""

FILES: Final = (*INDEXES, "texthash", "regexp", "pcre", "cidr", "fail")

OTHER_CLASSES: Final = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
"""Each makes a domain ours in a way that wins over relay_domains (ADDRESS_CLASS_README)."""


def entries(value: str) -> list[str]:
    """What a list in main.cf holds: names, and tables."""
    return [entry for entry in re.split(r"[,\s]+", value) if entry]


def kind_and_path(table: str) -> tuple[str, str]:
    """What a table is, and its text or what else it goes by."""
    kind, _, path = table.removeprefix("proxy:").partition(":")
    return kind, path


def written(path: Path) -> float | None:
    """When a file was, seconds since the epoch; None where it is not there, or may not be looked at."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None
