"""New mail for a domain that is held, in Postfix: an access table of ours that says HOLD, where smtpd asks it.

    smtpd_recipient_restrictions = check_recipient_access hash:/etc/postfix/mxtui_hold, …

Sources: access(5), postmap(1), smtpd(8). HOLD concerns a message as a whole, goes on to the next restriction, and acts
on mail that comes by SMTP only: what sendmail(1) hands in is not asked about. An indexed table is looked at anew by
the next connection after postmap(1); `texthash:` would need a reload.
"""

import os
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

from mxtui.errors import CommandFailed, NotPermitted, Unreachable
from mxtui.folders import sync_folder
from mxtui.model.holds import Catching, DomainHold, within
from mxtui.model.message import QueuedMessage
from mxtui.queues.postfix.layout import Layout, configured_at
from mxtui.queues.postfix.run import run

NAME: Final = "mxtui_hold"
"""In the configuration directory, where administrators look."""

PLACES: Final = ("smtpd_recipient_restrictions", "smtpd_relay_restrictions")
"""Asked for every recipient, whatever smtpd_delay_reject says; either will do."""

INDEXED: Final = ("lmdb", "hash", "btree", "cdb", "dbm", "sdbm")
"""Kinds of table that postmap(1) makes and smtpd(8) reads anew when they change."""

SUFFIXES: Final = (".db", ".lmdb", ".cdb", ".dir", ".pag")
"""Of the files that postmap(1) makes."""

ARRIVAL_SLACK: Final = 1.0
"""Seconds; some roads to a queue tell arrival in whole ones."""

HEADER: Final = "# Written by mxtui (migrate, suspend); it is replaced as a whole. Leave it where smtpd asks it.\n"


class PostfixCatch:
    """One instance's (see `queues.catch.Catch`). `relayed` are the domains that mail is taken for."""

    leaves_alone = False

    def __init__(self, layout: Layout, relayed: Iterable[str]) -> None:
        self._layout = layout
        self._relayed = tuple(relayed)
        self._path = layout.config_directory / NAME
        self._stood: tuple[float, Catching] | None = None
        """How it stood when it was asked, and of which configuration."""

    def standing(self) -> Catching:
        """Until main.cf or master.cf changes, what it was when it was asked before."""
        configured = configured_at(self._layout.config_directory)
        if self._stood is None or self._stood[0] != configured:
            self._stood = configured, self._asked(configured)
        asked = self._stood[1]
        if asked.works and not self._index_written():
            why = f"smtpd asks {self._path}, which is not there: it defers all mail with 451 4.3.5"
            return Catching(False, why, self._making(), defers_all=True)
        if not asked.works and asked.wiring and not self._index_written():
            return asked._replace(lines=(*self._making(), *asked.lines))
        return asked

    def _asked(self, configured: float) -> Catching:
        """By what postconf(1) says of smtpd's restrictions, services of master.cf with their own included."""
        path = str(self._path)
        asked = {place: value for place in PLACES if asks(value := self._setting(place), path)}
        first = [place for place, value in asked.items() if not permits_before(value, path)]
        if not first:
            why = f"smtpd does not ask {path}"
            for place, value in asked.items():
                why = f"{permits_before(value, path)[0]} comes before {path} in {place}: whom it permits is not caught"
            return Catching(False, why, self._lines(self._setting(PLACES[0], expand=False)), wiring=True)
        if own := self._own_restrictions(first):
            why = f"{', '.join(own)} in master.cf {'has' if len(own) == 1 else 'have'} restrictions without it"
            return Catching(False, why, (f"postconf -c {self._layout.config_directory} -P",))
        return Catching(True, since=configured)

    def follow(self, holds: Collection[DomainHold]) -> None:
        """Write the table, and have postmap(1) index it. An empty one, too: smtpd defers all mail without its table."""
        beside = self._path.with_name(f".{NAME}.new")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(beside, flags, 0o644), "w") as file:
                file.write(table(holds, self._relayed))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            kind = NotPermitted if isinstance(error, PermissionError) else Unreachable
            raise kind(
                f"new mail cannot be caught: {self._path} cannot be written: {error.strerror}", "Run as root."
            ) from error
        before = self._index_written()
        done = run([*self._command("postmap"), f"{self._kind()}:{self._path}"])
        if not done.status:
            self._make_newer(before)
        if done.status or done.complaint:
            raise CommandFailed(
                f"postmap gave {done.status}: {done.complaint}", f"Run it by hand: postmap {self._kind()}:{self._path}"
            )

    def caught(self, hold: DomainHold, message: QueuedMessage) -> bool:
        """It came while the table said HOLD. What an operator releases and holds again cannot be told from it.

        Where the table was wired in after the hold began, nobody knows from when on it was asked: then it is what came
        since and was never tried, for what an operator holds by hand was, but for what came in the same moment.

        With the domains below it: the key of a domain stands for them, too (parent_domain_matches_subdomains).
        """
        if hold.caught_since is None or message.arrival < hold.caught_since:
            tried = any(recipient.reason or recipient.dsn for recipient in message.recipients)
            if tried or message.arrival + ARRIVAL_SLACK < hold.since:
                return False
        return any(within(recipient.domain, hold.domain) for recipient in message.recipients)

    def _index_written(self) -> dict[Path, int]:
        """When each file of the index was last written, in whole seconds."""
        found = (self._path.with_name(NAME + suffix) for suffix in SUFFIXES)
        return {path: int(path.stat().st_mtime) for path in found if path.exists()}

    def _make_newer(self, before: Mapping[Path, int]) -> None:
        """smtpd sees that a table changed by its time, in whole seconds: two changes in one would be one to it."""
        for path, written in self._index_written().items():
            if written <= before.get(path, 0):
                os.utime(path, (before[path] + 1, before[path] + 1))

    def _lines(self, before: str) -> tuple[str, ...]:
        directory = self._layout.config_directory
        wanted = f"check_recipient_access {self._kind()}:{self._path}"
        value = f"{PLACES[0]} = {wanted}{f', {before}' if before else ''}"
        return f"postconf -c {directory} -e {shlex.quote(value)}", f"postfix -c {directory} reload"

    def _making(self) -> tuple[str, ...]:
        """An empty table, where there is none: one that is asked and is not there has smtpd defer all mail."""
        path = shlex.quote(str(self._path))
        return f"touch {path}", f"postmap -c {self._layout.config_directory} {self._kind()}:{path}"

    def _kind(self) -> str:
        kind = self._setting("default_database_type")
        return kind if kind in INDEXED else "hash"

    def _own_restrictions(self, asked: Collection[str]) -> list[str]:
        """Services of master.cf that override each of the restrictions in which the table stands."""
        with suppress(CommandFailed):
            said = run([*self._command("postconf"), "-P"]).stdout.decode("utf-8", "replace")
            overridden: dict[str, set[str]] = {}
            for line in said.splitlines():
                name, _, value = line.partition("=")
                service, _, parameter = name.strip().rpartition("/")
                if parameter in asked and not asks(value, str(self._path)):
                    overridden.setdefault(service, set()).add(parameter)
            return sorted(service for service, places in overridden.items() if places == set(asked))
        return []

    def _setting(self, name: str, *, expand: bool = True) -> str:
        done = run([*self._command("postconf"), "-xh" if expand else "-h", name])
        return " ".join(done.stdout.decode("utf-8", "replace").split())

    def _command(self, name: str) -> list[str]:
        return [str(self._layout.command_directory / name), "-c", str(self._layout.config_directory)]


def table(holds: Iterable[DomainHold], relayed: Iterable[str]) -> str:
    """The access table: HOLD for each domain; other domains of ours below one of them are left as they are.

    >>> print(table([DomainHold("example.org", "migrate", "moves", "anna", 0, 9)], ["a.example.org", "b.example"]))
    # Written by mxtui (migrate, suspend); it is replaced as a whole. Leave it where smtpd asks it.
    example.org HOLD migration of example.org: moves
    a.example.org DUNNO
    <BLANKLINE>
    """
    held = {hold.domain: hold for hold in holds}
    lines = [f"{domain} HOLD {_one_line(hold.note)}\n" for domain, hold in sorted(held.items())]
    others = {name for name in relayed if name not in held and any(within(name, domain) for domain in held)}
    return HEADER + "".join([*lines, *(f"{name} DUNNO\n" for name in sorted(others))])


def asks(restrictions: str, path: str) -> bool:
    """Whether a list of restrictions looks recipients up in the table at `path`.

    >>> asks("permit_mynetworks, check_recipient_access hash:/etc/postfix/mxtui_hold", "/etc/postfix/mxtui_hold")
    True
    """
    return _position(restrictions, path) is not None


def permits_before(restrictions: str, path: str) -> list[str]:
    """Restrictions that let somebody pass before the table is asked.

    >>> permits_before("permit_mynetworks, check_recipient_access hash:/t", "/t")
    ['permit_mynetworks']
    """
    words = _words(restrictions)
    return [word for word in words[: _position(restrictions, path)] if word.startswith("permit")]


def _position(restrictions: str, path: str) -> int | None:
    words = _words(restrictions)
    for number, (word, following) in enumerate(pairwise(words)):
        if word == "check_recipient_access" and following.rpartition(":")[2] == path:
            return number
    return None


def _words(restrictions: str) -> list[str]:
    return re.split(r"[,\s]+", restrictions.strip(", \t\n"))


def _one_line(text: str) -> str:
    """A comment, a line's end or a continuation would make other entries of what an operator wrote."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
