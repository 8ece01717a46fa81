"""Recipients in the queue that Postfix's own list of them has not: those that smtpd would refuse today.

They are there where the list came later, was shortened, or is not looked at for who handed the mail in.
Source: postconf(5) relay_recipient_maps, relay_domains, recipient_delimiter; ADDRESS_CLASS_README; postmap(1) -q.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.recipients import Since
from mxtui.queues.postfix.layout import Layout, read_settings
from mxtui.queues.postfix.routing import PostfixRouter
from mxtui.queues.postfix.tables import INDEXES, OTHER_CLASSES, entries, kind_and_path, written

NAMES: Final = ("relay_recipient_maps", "relay_domains", "recipient_delimiter", *OTHER_CLASSES)

ASKED: Final = ("hash", "btree", "lmdb", "cdb", "texthash", "regexp", "pcre")
"""Kinds of table that cost nobody anything to ask. A directory or a database on another host is not asked 100,000 times
for the sake of a hint."""

MOST: Final = 100_000
"""That are remembered, or twice as many as were missing when all were asked for last: then that is done again, which
forgets those that left the queue."""

# A name that postmap takes for one key; whoever sends mail chooses it.
_ASKABLE = re.compile(r"[!-?A-~]{1,255}@[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True)
class Unlisted:
    """An address that the list has not."""

    table: str

    def words(self, now: float) -> str:  # noqa: ARG002 (a list says nothing of time)
        """Who says that it does not exist."""
        return f"not in {self.table} (relay_recipient_maps)"


class ListedRecipients:
    """Asks for each recipient once, and again when a table was written. For one thread at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._postfix = PostfixRouter(layout)
        self._mark = 0
        self._most = MOST
        self._asked_of: tuple[str, Sequence[float | None]] = ("", ())
        self.unlisted: dict[str, Unlisted] = {}
        """By address in lower case, as far as it was asked for."""

    def look(self, queued: Since) -> None:
        """Ask for what is new in the queue. Blocks. Where the list cannot be read nobody is said to be missing."""
        try:
            settings = read_settings(self._layout.config_directory, NAMES)
            maps = settings.get("relay_recipient_maps", "")
            asked_of = maps, _written(maps)
            if again := asked_of != self._asked_of or len(self.unlisted) > self._most:
                self.unlisted, self._mark, self._asked_of = {}, 0, asked_of
            if not _cheap(maps):
                return
            while (piece := queued(self._mark))[0] != self._mark:
                mark, addresses = piece
                known = dict.fromkeys(each for address in addresses if _ASKABLE.fullmatch(each := address.lower()))
                relayed = self._relayed(settings, sorted({each.rpartition("@")[2] for each in known}))
                self._ask([each for each in known if each.rpartition("@")[2] in relayed], settings)
                self._mark = mark
            if again:
                self._most = max(MOST, 2 * len(self.unlisted))
        except MxtuiError:
            self.unlisted, self._mark = {}, 0

    def _relayed(self, settings: Mapping[str, str], domains: Sequence[str]) -> set[str]:
        """Those that relay_domains names and no other class has: for others the list does not count."""
        if not domains:
            return set()
        others = [self._postfix.found(settings.get(name, ""), domains) for name in OTHER_CLASSES]
        return set(self._postfix.found(settings.get("relay_domains", ""), domains)).difference(*others)

    def _ask(self, addresses: Sequence[str], settings: Mapping[str, str]) -> None:
        maps, delimiters = settings["relay_recipient_maps"], settings.get("recipient_delimiter", "")
        keys = {address: _keys(address, delimiters) for address in addresses}
        if keys:
            found = self._postfix.found(maps, list(dict.fromkeys(key for each in keys.values() for key in each)))
            self.unlisted.update((each, Unlisted(maps)) for each in keys if found.keys().isdisjoint(keys[each]))


def _keys(address: str, delimiters: str) -> tuple[str, ...]:
    """As Postfix looks it up: whole, without its extension, its domain."""
    local, _, domain = address.rpartition("@")
    at = min((place for each in delimiters if (place := local.find(each)) > 0), default=0)
    return (address, f"{local[:at]}@{domain}", f"@{domain}") if at else (address, f"@{domain}")


def _cheap(maps: str) -> bool:
    tables = [kind_and_path(entry) for entry in entries(maps)]
    return bool(tables) and all(kind in ASKED and path.startswith("/") for kind, path in tables)


def _written(maps: str) -> list[float | None]:
    """When what is read of each table was, seconds since the epoch."""
    tables = [kind_and_path(entry) for entry in entries(maps)]
    return [written(Path(f"{path}{INDEXES.get(kind, '')}")) for kind, path in tables]
