"""What this user may do to a Postfix queue: as root, by exact sudo rules, or not; and what would allow it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from mxtui.errors import CommandFailed
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.run import run

POSTSUPER: Final[Mapping[Verb, tuple[str, ...]]] = MappingProxyType(
    {
        Verb.HOLD: ("-h", "-", "deferred", "incoming"),
        Verb.RELEASE: ("-H", "-", "hold"),
        Verb.REJECT: ("-f", "-", "hold", "deferred", "incoming"),
        Verb.DELETE: ("-d", "-", "hold", "deferred", "incoming"),
        Verb.RENEW: ("-r", "-", "hold"),
    }
)
"""IDs come on standard input. Queues are always named: by default postsuper reaches into active and loses mail."""

PROBE_SECONDS: Final = 60.0
"""How long sudo's answer is believed."""

NO_REDIRECT: Final = Permission(
    False,
    "Postfix has no way to redirect a queued message",
    "Change its route (transport(5)) and flush; or hold it, save it (mxtui show ID --eml FILE) and send that.",
)

STOPPED_HINT: Final = "Start it: postfix -c {directory} start"


KEEPING: Final = " (for --no-copy; where a copy is to be kept those for hold and release, too)"
"""A message is held while it is copied."""


WHILE_STOPPED: Final[Mapping[Verb, str]] = MappingProxyType(
    {Verb.REJECT: "nothing would be returned", Verb.RENEW: "what is renewed would wait until it runs"}
)


def postsuper(layout: Layout, arguments: Sequence[str]) -> tuple[str, ...]:
    """The command, with an absolute path as sudoers names it and the instance, which sudo would otherwise strip."""
    return (str(layout.command_directory / "postsuper"), "-c", str(layout.config_directory), *arguments)


def sudoers_lines(layout: Layout, group: str = "%mail") -> tuple[str, ...]:
    """What to put in /etc/sudoers.d for a group that is to act on this queue: exact commands, nothing else."""
    commands = (" ".join(postsuper(layout, arguments)) for arguments in POSTSUPER.values())
    return tuple(f"{group} ALL=(root) NOPASSWD: {command}" for command in commands)


class Privileges:
    """How this user runs what only root may."""

    def __init__(
        self, *, root: bool | None = None, sudo: str = "sudo", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._root = os.geteuid() == 0 if root is None else root
        self._sudo = sudo
        self._clock = clock
        self._asked: dict[tuple[str, ...], tuple[float, bool]] = {}

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command as this user has to run it."""
        return list(command) if self._root else [self._sudo, "-n", *command]

    def may(self, command: Sequence[str]) -> bool:
        """Whether it would run, without running it; sudo is asked once a minute at most."""
        if self._root:
            return True
        key, now = tuple(command), self._clock()
        if key in self._asked and now - self._asked[key][0] < PROBE_SECONDS:
            return self._asked[key][1]
        try:
            answer = run([self._sudo, "-n", "-l", *command], timeout=5).status == 0
        except CommandFailed:  # no sudo here
            answer = False
        self._asked[key] = (now, answer)
        return answer


def permissions(layout: Layout, privileges: Privileges, *, running: bool) -> Mapping[Verb, Permission]:
    """What may be done now, verb by verb."""
    verbs = {verb: _postsuper_permission(layout, privileges, verb, running=running) for verb in POSTSUPER}
    if verbs[Verb.RENEW].allowed:  # from hold only, so that whatever is not there has to get there first
        verbs[Verb.RENEW] = verbs[Verb.HOLD]
    verbs[Verb.FLUSH] = ALLOWED if running else _stopped(layout, "nothing would be tried")
    verbs[Verb.RESTORE] = ALLOWED
    verbs[Verb.REDIRECT] = NO_REDIRECT
    verbs[Verb.QUARANTINE], verbs[Verb.UNQUARANTINE] = verbs[Verb.HOLD], verbs[Verb.RELEASE]
    return MappingProxyType(verbs)


def _postsuper_permission(layout: Layout, privileges: Privileges, verb: Verb, *, running: bool) -> Permission:
    command = postsuper(layout, POSTSUPER[verb])
    if not privileges.may(command):
        rule = sudoers_lines(layout)[list(POSTSUPER).index(verb)]
        keeping = KEEPING if verb is Verb.DELETE else ""
        return Permission(False, "only root may change the queue", f"Run as root, or allow in sudoers{keeping}: {rule}")
    if not running and layout.maillog_file:
        # postsuper cannot log, dies after the first ID, and says nothing of the others (run).
        return _stopped(layout, "only the first message would be acted on")
    if not running and verb in WHILE_STOPPED:
        return _stopped(layout, WHILE_STOPPED[verb])
    return ALLOWED


def _stopped(layout: Layout, consequence: str) -> Permission:
    hint = STOPPED_HINT.format(directory=layout.config_directory)
    return Permission(False, f"Postfix is stopped: {consequence}", hint, unreachable=True)
