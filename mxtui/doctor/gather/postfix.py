"""How one Postfix is set up: asked of postconf(1), postmap(1) and sudo(8), never read from main.cf."""

import os
import pwd
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mxtui.doctor.facts import Disk, Fact, PostfixFacts, Table, Unknown
from mxtui.doctor.gather import host
from mxtui.doctor.gather.system import read_chain
from mxtui.errors import MxtuiError, Unreachable
from mxtui.model.holds import Catching
from mxtui.model.next_hop import SMTP_PORT
from mxtui.model.route import Router
from mxtui.queues.catch import Catch
from mxtui.queues.postfix.layout import Layout, read_settings
from mxtui.queues.postfix.logtail import readable_log
from mxtui.queues.postfix.master import master_runs
from mxtui.queues.postfix.permission import POSTSUPER, Privileges, postsuper, sudoers_lines
from mxtui.queues.postfix.routing import PostfixRouter
from mxtui.queues.postfix.tables import FILES, INDEXES, OTHER_CLASSES, entries, kind_and_path, written

PARAMETERS: Final = (
    "cleanup_replace_stray_cr_lf",
    "mynetworks",
    "smtp_fallback_relay",
    "smtpd_data_restrictions",
    "smtpd_forbid_bare_newline",
    "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_tls_cert_file",
    "smtpd_tls_chain_files",
    "soft_bounce",
    "virtual_alias_maps",
)
"""Beyond those that a layout has."""

LIVE: Final = ("ldap", "mysql", "pgsql", "sqlite", "mongodb", "tcp", "socketmap", "memcache", "nis", "nisplus")

_ALL: Final = ("-d", "ALL")
"""What no rule of ours allows: every message, of every queue."""

ANYTHING: Final = ("/bin/sh",)
"""Who may run this needs no rules."""


class ExaminedPostfix:
    """One instance; `router` and `catch` are as its site has them."""

    def __init__(self, layout: Layout, router: Router, catch: Catch, privileges: Privileges | None = None) -> None:
        self._layout = layout
        self._router = router
        self._catch = catch
        self._privileges = privileges or Privileges()
        self._postfix = PostfixRouter(layout)

    @property
    def path(self) -> str:
        """The queue directory."""
        return str(self._layout.queue_directory)

    def router(self) -> Router:
        """Our configuration first, then Postfix's own."""
        return self._router

    def domains(self) -> Sequence[str]:
        """relay_domains with its tables. Raises MxtuiError."""
        return self._postfix.names(self._layout.settings.get("relay_domains", ""))

    def facts(self, domains: Sequence[str]) -> PostfixFacts:
        """Raises MxtuiError: postconf(1) cannot be asked."""
        layout = self._layout
        settings = read_settings(layout.config_directory, PARAMETERS)
        log = readable_log(layout.maillog_file)
        searched = layout.maillog_file or "neither /var/log/mail.log nor the journal"
        commands = [postsuper(layout, arguments) for arguments in POSTSUPER.values()]
        everything = postsuper(layout, _ALL)
        root = os.geteuid() == 0
        return PostfixFacts(
            config_directory=layout.config_directory,
            settings=settings,
            running=master_runs(layout.queue_directory),
            log=Unknown(f"{searched} can be read") if log is None else str(log),
            catching=self._catching(),
            tables=tuple(_table(name) for name in entries(settings.get("relay_recipient_maps", ""))),
            anybody=self._anybody(settings.get("relay_recipient_maps", ""), domains),
            also=self._also(settings, domains),
            root=root,
            commands={} if root else {" ".join(command): self._privileges.may(command) for command in commands},
            too_much=" ".join(everything) if not root and self._privileges.may(everything) else "",
            all_of_sudo=not root and self._privileges.may(ANYTHING),
            rules=sudoers_lines(layout),
        )

    def listening(self) -> tuple[str, int]:
        """The first service of smtpd(8) or postscreen(8), port 25 before others. Raises MxtuiError."""
        found: list[tuple[str, int]] = []
        for line in self._postfix.run("postconf", "-M").splitlines():
            fields = line.split()
            if len(fields) >= 8 and fields[1] == "inet" and fields[7] in ("smtpd", "postscreen"):
                name, _, port = fields[0].rpartition(":")
                number = _PORTS.get(port) or (int(port) if port.isdecimal() else 0)
                if number:
                    found.append((name.strip("[]") or self._interface(), number))
        if not found:
            raise Unreachable("no service in master.cf takes mail by SMTP", "See postconf -M.")
        return next((each for each in found if each[1] == SMTP_PORT), found[0])

    def disk(self) -> Disk:
        """Under the incoming queue, where new mail is written. Raises OSError."""
        incoming = self._layout.queue_directory / "incoming"
        return host.disk(incoming, _writable(incoming, self._layout.settings.get("mail_owner", "postfix")))

    def chain(self) -> tuple[bytes, ...]:
        """Of the first file that smtpd(8) has."""
        try:
            settings = read_settings(self._layout.config_directory, PARAMETERS)
        except MxtuiError:
            return ()
        for name in ("smtpd_tls_chain_files", "smtpd_tls_cert_file"):
            for word in entries(settings.get(name, "")):
                if word.startswith("/") and (chain := read_chain(Path(word))):
                    return chain
        return ()

    def _interface(self) -> str:
        first = next(iter(entries(self._layout.settings.get("inet_interfaces", "all"))), "all")
        return "127.0.0.1" if first in ("all", "loopback-only", "localhost") else first.strip("[]")

    def _catching(self) -> Fact[Catching]:
        try:
            return self._catch.standing()
        except MxtuiError as error:
            return Unknown(error.message)

    def _anybody(self, maps: str, domains: Sequence[str]) -> Fact[Mapping[str, str]]:
        if not entries(maps) or not domains:
            return {}
        nobody = f"mxtui-nobody-{secrets.token_hex(6)}"
        keys = [key for domain in domains for key in (f"@{domain}", f"{nobody}@{domain}")]
        try:
            known = self._postfix.found(maps, keys)
        except MxtuiError as error:
            return Unknown(error.message)
        return {key.partition("@")[2]: key for key in reversed(known)}

    def _also(self, settings: Mapping[str, str], domains: Sequence[str]) -> Fact[Mapping[str, tuple[str, ...]]]:
        found: dict[str, tuple[str, ...]] = {}
        try:
            for name in OTHER_CLASSES:
                for domain in self._postfix.found(settings.get(name, ""), domains):
                    found[domain] = (*found.get(domain, ()), name)
        except MxtuiError as error:
            return Unknown(error.message)
        return found


_PORTS: Final[Mapping[str, int]] = {"smtp": 25, "submission": 587}


def _table(name: str) -> Table:
    kind, path = kind_and_path(name)
    if kind in LIVE:
        return Table(name, live=True)
    if kind not in FILES:
        return Table(name, live=False)
    source = Path(path)
    index = Path(f"{path}{INDEXES[kind]}") if kind in INDEXES else None
    changed, indexed = written(source), written(index) if index is not None else None
    problem = ""
    if index is not None and indexed is None:
        problem = f"{index} does not exist: smtpd defers all mail"
    elif index is None and changed is None:
        problem = f"{source} does not exist, or may not be looked at"
    return Table(name, live=False, written=changed, indexed=indexed, problem=problem)


def _writable(folder: Path, owner: str) -> Fact[bool]:
    """By its owner and mode: who delivers is seldom who asks."""
    found = folder.stat()
    try:
        return found.st_uid == pwd.getpwnam(owner).pw_uid and bool(found.st_mode & stat.S_IWUSR)
    except KeyError:
        return Unknown(f"this host has no user {owner}")
