"""What `mxtui serve` is to do: the settings with the command line's flags on top, checked as a whole."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mxtui.config import SYSTEM_FILE, Serve, Settings, load, readers, where
from mxtui.errors import ConfigError, UsageError
from mxtui.model.next_hop import NextHop
from mxtui.model.units import format_size

T = TypeVar("T")

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*")
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*")

FLAGS: Mapping[str, str] = {
    "spool": "SPOOL",
    "listen": "--listen",
    "hostname": "--hostname",
    "user": "--user",
    "relay": "--relay",
    "recipients": "--recipients",
    "unknown": "--unknown",
    "standby": "--standby",
    "certificate": "--tls-certificate",
    "key": "--tls-key",
    "expire": "--expire",
}
"""Settings of `[serve]` that the command line can give, too."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The settings in force."""

    settings: Settings
    serve: Serve
    """As `settings.serve`, with flags applied."""
    given: frozenset[str]
    """Names in it that came from flags."""
    config: Path | None

    def said_by(self, *path: str) -> str:
        """Who set this, for a message: `--user`, or `/etc/mxtui.toml:12: serve.user`."""
        if path[0] in self.given and not (path[0] == "relay" and path[-1] in self.settings.serve.relay):
            return FLAGS[path[0]]
        return where(("serve", *path), self.config)

    @property
    def spool(self) -> Path:
        """The spool directory, which `wanted` has made sure of."""
        assert self.serve.spool is not None
        return self.serve.spool


def wanted(flags: Mapping[str, Any], config: Path | None, *, system: Path = SYSTEM_FILE) -> Wanted:
    """The whole, checked. `flags` are texts as typed; None and empty are not given.

    Raises:
        ConfigError: a setting, with file, line and key, or the flag that gave it.
        UsageError: a flag that cannot be read.
    """
    settings = load(config, system=system)
    given = {name: _READ[name](value) for name, value in flags.items() if value not in (None, ())}
    if "relay" in given:
        given["relay"] = {**settings.serve.relay, **given["relay"]}
    made = Wanted(settings, replace(settings.serve, **given), frozenset(given), config)
    _check(made)
    return made


def _read(name: str, reader: Callable[[object], T]) -> Callable[[str], T]:
    def read(value: str) -> T:
        try:
            return reader(value)
        except ValueError as error:
            # A reader writes for TOML, where texts have quotes.
            raise UsageError(f"{FLAGS[name]}: {value[:60]!r} will not do", f"Expected {error}.") from None

    return read


def _path(value: object) -> Path:
    if not value:
        raise ValueError("a path")  # of an unset variable in a script; the current folder is not meant
    return readers.path(str(Path(str(value)).absolute()))


def _recipients(value: object) -> str | Path:
    return str(value) if value in ("callout", "any") else _path(value)


def _listens(values: Sequence[str]) -> tuple[readers.Listen, ...]:
    return tuple(_read("listen", readers.listen)(value) for value in values)


def _relay(values: Sequence[str]) -> Mapping[str, Any]:
    return dict(_read("relay", _relayed)(value) for value in values)


def _relayed(value: object) -> tuple[str, Any]:
    domain, equals, host = str(value).partition("=")
    if not equals or not domain:
        raise ValueError("DOMAIN=HOST or DOMAIN=HOST:PORT, such as example.org=mx1.example.org:25")
    return domain.lower(), readers.server(host)


def _switch(value: object) -> bool:
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"


_READ: Mapping[str, Callable[[Any], Any]] = {
    "spool": _read("spool", _path),
    "listen": _listens,
    "hostname": _read("hostname", readers.text),
    "user": _read("user", readers.text),
    "relay": _relay,
    "recipients": _read("recipients", _recipients),
    "unknown": _read("unknown", readers.choice("defer", "hold")),
    "standby": _read("standby", _switch),
    "certificate": _read("certificate", _path),
    "key": _read("key", _path),
    "expire": _read("expire", readers.seconds),
}


def _check(made: Wanted) -> None:
    """What no setting shows alone."""
    serve = made.serve
    if serve.spool is None:
        raise UsageError("which spool directory?", "Name it: mxtui serve SPOOL, or serve.spool in the configuration.")
    if not serve.relay:
        raise UsageError(
            "no domain to take mail for", "Say --relay DOMAIN=HOST[:PORT], or fill [serve.relay] in the configuration."
        )
    for domain, primary in serve.relay.items():
        if not _DOMAIN.fullmatch(domain):
            raise ConfigError(
                f"{made.said_by('relay', domain)}: {domain!r} is no domain",
                "Such as example.org; an internationalised one as xn--….",
            )
        if _is_us(primary, serve):
            raise ConfigError(
                f"{made.said_by('relay', domain)}: {primary} is where we listen ourselves",
                "A primary is another server: mail would go round in circles.",
            )
    if serve.hostname and not _NAME.fullmatch(serve.hostname):
        raise ConfigError(
            f"{made.said_by('hostname')}: {serve.hostname!r} is no host name", "A full name, such as mx2.example.org."
        )
    if serve.key is not None and serve.certificate is None:
        raise ConfigError(f"{made.said_by('key')}: a key without a certificate", "Name the certificate, too.")
    if serve.retry_longest < serve.retry:
        raise ConfigError(f"{made.said_by('retry_longest')}: shorter than serve.retry", "It is the longest pause.")
    if serve.notices is not None and _is_us(serve.notices, serve):
        raise ConfigError(
            f"{made.said_by('notices')}: {serve.notices} is where we listen ourselves",
            "Notices go to strangers, and we relay for our own domains only: name another mail server.",
        )
    if serve.limits.message > serve.memory:
        message, memory = made.said_by("limits", "message"), made.said_by("memory")
        set_where = memory if message == "serve.limits.message" else message
        raise ConfigError(
            f"{set_where}: a message of {format_size(serve.limits.message)} (serve.limits.message) would never fit "
            f"into {format_size(serve.memory)} (serve.memory)",
            "Make one larger or the other smaller.",
        )


def _is_us(server: NextHop, serve: Serve) -> bool:
    return any(server.port == listen.port and _same(server.host, listen.host) for listen in serve.listen)


def _same(host: str, listening: str) -> bool:
    return host == listening or (not listening and host in ("127.0.0.1", "::1", "localhost"))
