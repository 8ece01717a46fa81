"""`ssh://[user@]host[:port][/path]`: which host, and which queue there."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

from mxtui.errors import UsageError

SCHEME: Final = "ssh://"

_FORM: Final = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.@+\\-]{0,63})@)?"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9]{1,15})?)\]|(?P<host>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?))"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/.*)?"
)
"""A host or a user that began with `-` would be an option of ssh(1), and one with a blank or a quote a word of its own
to a ProxyCommand in somebody's configuration."""

HINT: Final = "ssh://[USER@]HOST[:PORT][/PATH], the path that of a queue or a spool there."


class Address(NamedTuple):
    """A host as ssh(1) knows it, which may be an alias of the operator's own ~/.ssh/config, and a queue there."""

    host: str
    """Without brackets."""
    user: str = ""
    port: int | None = None
    """None: as ssh's configuration says."""
    source: str = ""
    """As `-q` there; empty: whatever the host's own configuration says."""

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}{user}{host}{'' if self.port is None else f':{self.port}'}{self.source}"


def is_address(source: str) -> bool:
    """Whether a source is meant to be on another host."""
    return source.startswith(SCHEME)


def parse(source: str) -> Address:
    """Raises UsageError.

    >>> parse("ssh://root@mx2.example.net:2222/etc/postfix-in")
    Address(host='mx2.example.net', user='root', port=2222, source='/etc/postfix-in')
    """
    found = _FORM.fullmatch(source)
    path = unquote(found["path"] or "") if found is not None else ""
    if found is None or not path.isprintable() or int(found["port"] or 22) not in range(1, 65536):
        raise UsageError(f"not a host that ssh could reach: {source[:200]}", HINT)
    port = None if found["port"] is None else int(found["port"])
    return Address(found["address"] or found["host"], found["user"] or "", port, "" if path == "/" else path)
