"""Several queues that are looked at together, each under a short name."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mxtui.cli.attach import named_source
from mxtui.config import Settings
from mxtui.errors import UsageError
from mxtui.model.ssh_address import is_address, parse
from mxtui.queues.postfix.instances import instances


class Member(NamedTuple):
    """One of several queues."""

    name: str
    source: str
    """As `-q` takes it."""


def members_of(queues: Sequence[str], given: Settings) -> list[Member]:
    """The queues that were named, or all of [[hosts]] where none was and none is configured or here.

    Raises UsageError: one is named twice.
    """
    if not queues and given.hosts and named_source(None, given) is None and not instances():
        return all_of(given)
    return named(queues)


def all_of(given: Settings) -> list[Member]:
    """All of [[hosts]]."""
    return [Member(host.name, host.name) for host in given.hosts]


def named(queues: Sequence[str]) -> list[Member]:
    """By the last part of a path, or the host. Raises UsageError: one is named twice."""
    members: list[Member] = []
    for source in queues:
        if any(each.source == source for each in members):
            raise UsageError(f"{source} is named twice", "Each queue once.")
        name = parse(source).host if is_address(source) else Path(source).name or source
        same = sum(each.name.partition("#")[0] == name for each in members)
        members.append(Member(f"{name}#{same + 1}" if same else name, source))
    return members
