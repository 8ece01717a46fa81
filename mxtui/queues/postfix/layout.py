"""How one Postfix instance is laid out: what its configuration says, asked once.

Source: postconf(1), postconf(5).
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mxtui.errors import CommandFailed, NoQueue
from mxtui.queues.postfix.queue_id import Hashing
from mxtui.queues.postfix.run import ENVIRONMENT, Completed, run

PARAMETERS = (
    "alternate_config_directories",
    "authorized_flush_users",
    "authorized_mailq_users",
    "bounce_queue_lifetime",
    "command_directory",
    "config_directory",
    "daemon_directory",
    "data_directory",
    "default_transport",
    "defer_transports",
    "delay_warning_time",
    "enable_long_queue_ids",
    "fast_flush_domains",
    "hash_queue_depth",
    "hash_queue_names",
    "inet_interfaces",
    "mail_owner",
    "mail_version",
    "maillog_file",
    "maximal_backoff_time",
    "maximal_queue_lifetime",
    "message_size_limit",
    "minimal_backoff_time",
    "multi_instance_directories",
    "multi_instance_name",
    "mydestination",
    "myhostname",
    "proxy_interfaces",
    "qmgr_message_active_limit",
    "queue_directory",
    "queue_minfree",
    "queue_run_delay",
    "relay_domains",
    "relay_recipient_maps",
    "relay_transport",
    "relayhost",
    "sendmail_path",
    "setgid_group",
    "smtp_tls_security_level",
    "smtpd_tls_cert_file",
    "smtpd_tls_chain_files",
    "syslog_name",
    "transport_maps",
    "virtual_alias_domains",
    "virtual_mailbox_domains",
)
"""Everything that any part of mxtui wants to know of a Postfix, so that one postconf(1) of 10 ms tells it."""

_TIME = re.compile(r"(\d+)([smhdw]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

INSTALL = "Install Postfix, or name a queue with -q."


@dataclass(frozen=True, slots=True)
class Layout:
    """One instance. Times are in seconds."""

    config_directory: Path
    queue_directory: Path
    version: str
    hostname: str
    """`myhostname`."""
    hashing: Hashing
    maximal_queue_lifetime: float
    bounce_queue_lifetime: float
    """Of mail from the null sender."""
    command_directory: Path
    """Where postqueue and postsuper are."""
    sendmail_path: Path
    maillog_file: Path | None
    """None: it logs to syslog."""
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """All of `PARAMETERS` that this version knows, expanded."""

    @property
    def lifetimes(self) -> tuple[float, float]:
        """Of ordinary mail, and of mail from the null sender."""
        return self.maximal_queue_lifetime, self.bounce_queue_lifetime


def configured_at(config_directory: Path) -> float:
    """When main.cf or master.cf was last changed; seconds since the epoch, 0 where neither is there."""
    files = (config_directory / name for name in ("main.cf", "master.cf"))
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)


def read_layout(config_directory: Path | None = None) -> Layout:
    """The layout of the instance configured in a directory, or of the default one.

    Raises NoQueue where there is no Postfix or no configuration, CommandFailed where postconf fails otherwise.
    """
    settings = read_settings(config_directory)
    try:
        return from_settings(settings)
    except (KeyError, ValueError) as error:
        raise NoQueue(
            f"the configuration in {settings.get('config_directory', '?')} makes no sense: {error}"
        ) from error


def read_settings(config_directory: Path | None = None, more: Sequence[str] = ()) -> Mapping[str, str]:
    """The parameters that matter, and more, by name. Raises NoQueue and CommandFailed."""
    where = [] if config_directory is None else ["-c", str(config_directory.absolute())]
    # Names are printed too (no -h): a parameter that a version does not know is left out, which would shift the rest.
    done = _postconf(*where, "-x", *PARAMETERS, *more)
    settings = {}
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            settings[name.strip()] = value.strip()
    if "queue_directory" not in settings:
        raise NoQueue(f"postconf: {done.complaint or 'said nothing'}", "Check it with: postconf queue_directory")
    return MappingProxyType(settings)


def from_settings(settings: Mapping[str, str]) -> Layout:
    """A layout from parameters. Raises KeyError and ValueError."""
    names = settings.get("hash_queue_names", "").replace(",", " ").lower().split()
    log = settings.get("maillog_file", "")
    return Layout(
        config_directory=Path(settings["config_directory"]),
        queue_directory=Path(settings["queue_directory"]),
        version=settings.get("mail_version", ""),
        hostname=settings.get("myhostname", ""),
        hashing=Hashing(frozenset(names), max(1, int(settings.get("hash_queue_depth", "1")))),
        maximal_queue_lifetime=seconds(settings["maximal_queue_lifetime"], "d"),
        bounce_queue_lifetime=seconds(settings["bounce_queue_lifetime"], "d"),
        command_directory=Path(settings["command_directory"]),
        sendmail_path=Path(settings["sendmail_path"]),
        maillog_file=Path(log) if log.startswith("/") and log != "/dev/stdout" else None,
        settings=settings,
    )


def seconds(text: str, unit: str) -> float:
    """A time as postconf(5) writes it; `unit` is the parameter's own, for a bare number. Raises ValueError.

    >>> seconds("5d", "d"), seconds("300s", "s"), seconds("2", "h")
    (432000.0, 300.0, 7200.0)
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time")
    return float(int(match[1]) * _SECONDS[match[2] or unit])


def _postconf(*arguments: str) -> Completed:
    if not any(os.access(f"{folder}/postconf", os.X_OK) for folder in ENVIRONMENT["PATH"].split(":")):
        raise NoQueue("Postfix is not installed here: there is no postconf", INSTALL)
    done = run(["postconf", *arguments])
    if done.status and b"queue_directory" not in done.stdout:
        complaint = done.complaint.removeprefix("postconf: ")
        if "main.cf" in complaint:
            raise NoQueue(complaint, INSTALL)
        raise CommandFailed(f"postconf gave {done.status}: {complaint}", "Run it by hand to see why.")
    return done
