"""`[[hosts]]`: queues by name, on this host or on others."""

import re
from typing import Any, Final, NamedTuple

from mxtui.errors import UsageError
from mxtui.model.ssh_address import is_address, parse

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

_KEYS: Final = {"name", "queue", "command"}

_EXAMPLE: Final = '[[hosts]] with name = "mx2" and queue = "ssh://root@mx2.example.net"'


class Host(NamedTuple):
    """One queue that has a name."""

    name: str
    queue: str
    """As `-q` takes it: `ssh://…`, or a path on this host."""
    command: tuple[str, ...] = ("mxtui",)
    """How mxtui is called there."""


def hosts(value: object) -> tuple[Host, ...]:
    """A list of tables. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"a list of tables: {_EXAMPLE}")
    found = tuple(map(_host, value))
    names = [host.name for host in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"each name once, and {twice} is there twice")
    return found


def _host(value: Any) -> Host:
    if not isinstance(value, dict) or not {"name", "queue"} <= value.keys() <= _KEYS:
        raise ValueError(f"name, queue and perhaps command, and nothing else: {_EXAMPLE}")
    name, queue, command = value["name"], value["queue"], value.get("command", ["mxtui"])
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f'a name of letters, digits, ".", "_" and "-": {_EXAMPLE}')
    if not isinstance(queue, str) or not queue:
        raise ValueError(f"for {name} a queue as -q takes it")
    if is_address(queue):
        try:
            parse(queue)
        except UsageError as error:
            raise ValueError(f"for {name} {error.hint}") from None
    elif not queue.startswith("/"):
        raise ValueError(f"for {name} ssh://… or an absolute path")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) and word for word in command):
        raise ValueError(f'for {name} a command as a list of texts, such as ["sudo", "-n", "mxtui"]')
    return Host(name, queue, tuple(command))
