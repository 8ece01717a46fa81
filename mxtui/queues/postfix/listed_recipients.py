"""Recipients in the queue that Postfix's own list of them has not: those that smtpd would refuse today.

They are there where the list came later, was shortened, or is not looked at for who handed the mail in.
Source: postconf(5) relay_recipient_maps, relay_domains, recipient_delimiter; ADDRESS_CLASS_README; postmap(1) -q.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.recipients import Since
from mxtui.queues.postfix.routing import PostfixRouter

NAMES: Final = (
    "relay_recipient_maps", "relay_domains", "mydestination", "virtual_alias_domains", "virtual_mailbox_domains",
    "recipient_delimiter",
)  # fmt: skip

FILES: Final[Mapping[str, str]] = {
    "hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "texthash": "", "regexp": "", "pcre": "",
}  # fmt: skip
"""Kinds of table that cost nobody anything to ask, and what the file that is read is called beyond the table's name.
A directory or a database on another host is not asked 100,000 times for the sake of a hint."""

MOST: Final = 100_000
"""That are remembered."""

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

    def __init__(self, postfix: PostfixRouter) -> None:
        self._postfix = postfix
        self._mark = 0
        self._asked_of: tuple[str, Sequence[float]] = ("", ())
        self.unlisted: dict[str, Unlisted] = {}
        """By address in lower case, as far as it was asked for."""

    def look(self, queued: Since) -> None:
        """Ask for what is new in the queue. Blocks. Where the list cannot be read nobody is said to be missing."""
        try:
            settings = self._settings()
            maps = settings["relay_recipient_maps"]
            asked_of = maps, _written(maps)
            if asked_of != self._asked_of or len(self.unlisted) > MOST:
                self.unlisted, self._mark, self._asked_of = {}, 0, asked_of
            if not _cheap(maps):
                return
            while True:
                mark, addresses = queued(self._mark)
                if mark == self._mark:
                    return
                known = dict.fromkeys(each for address in addresses if _ASKABLE.fullmatch(each := address.lower()))
                relayed = self._relayed(settings, sorted({each.rpartition("@")[2] for each in known}))
                self._ask([each for each in known if each.rpartition("@")[2] in relayed], settings)
                self._mark = mark
        except MxtuiError:
            self.unlisted, self._mark = {}, 0

    def _settings(self) -> dict[str, str]:
        lines = self._postfix.run("postconf", "-x", *NAMES).splitlines()
        said = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
        return {name: said.get(name, "") for name in NAMES}

    def _relayed(self, settings: Mapping[str, str], domains: Sequence[str]) -> set[str]:
        """Those that relay_domains names and no other class has: for others the list does not count."""
        if not domains:
            return set()
        others = [self._postfix.found(settings[name], domains) for name in NAMES[2:5]]
        return set(self._postfix.found(settings["relay_domains"], domains)).difference(*others)

    def _ask(self, addresses: Sequence[str], settings: Mapping[str, str]) -> None:
        maps, delimiters = settings["relay_recipient_maps"], settings["recipient_delimiter"]
        keys = {address: _keys(address, delimiters) for address in addresses}
        if keys:
            found = self._postfix.found(maps, list(dict.fromkeys(key for each in keys.values() for key in each)))
            self.unlisted.update((each, Unlisted(maps)) for each in keys if found.keys().isdisjoint(keys[each]))


def _keys(address: str, delimiters: str) -> tuple[str, ...]:
    """As Postfix looks it up: whole, without its extension, its domain."""
    local, _, domain = address.rpartition("@")
    at = min((place for each in delimiters if (place := local.find(each)) > 0), default=0)
    return (address, f"{local[:at]}@{domain}", f"@{domain}") if at else (address, f"@{domain}")


def _tables(maps: str) -> list[tuple[str, str]]:
    words = maps.replace(",", " ").split()
    return [(kind, path) for kind, _, path in (word.removeprefix("proxy:").partition(":") for word in words)]


def _cheap(maps: str) -> bool:
    tables = _tables(maps)
    return bool(tables) and all(kind in FILES and path.startswith("/") for kind, path in tables)


def _written(maps: str) -> list[float]:
    """When each table was, seconds since the epoch; 0 where it is not there."""
    times = []
    for kind, path in _tables(maps):
        try:
            times.append(os.stat(path + FILES.get(kind, "")).st_mtime)  # noqa: PTH116
        except OSError:
            times.append(0.0)
    return times
