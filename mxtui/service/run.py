"""From the command line to a running service: ports, user, spool, lock; then signals until the end.

What needs root comes first, and root is gone before a byte from outside is read.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from mxtui.config import SYSTEM_FILE
from mxtui.errors import NotPermitted
from mxtui.queues.spool.ending import WORDS, note_unanswered
from mxtui.queues.spool.store import Spool
from mxtui.service import parts
from mxtui.service.log import Log, Logfmt
from mxtui.service.notify import Notifier, inherited, under_journal
from mxtui.service.privileges import account, become, make_folder
from mxtui.service.service import Service
from mxtui.service.sockets import adopt, bind
from mxtui.service.wanted import Wanted, wanted


def serve(flags: Mapping[str, Any], config: Path | None, *, system: Path = SYSTEM_FILE) -> int:
    """Run in the foreground until told to stop; the exit status.

    Raises MxtuiError where it cannot begin: settings, ports, user, spool, another serve.
    """
    read = partial(wanted, flags, config, system=system)
    asked = read()
    notifier = Notifier.from_environment()
    log = Logfmt(journal=under_journal())
    with ExitStack() as undo:
        listening = adopt(inherited()) or bind(asked.serve.listen)
        for made in listening:
            undo.callback(made.close)
        if asked.serve.user:
            user = account(asked.serve.user, asked.said_by("user"))
            make_folder(asked.spool, user)
            become(user)
        os.umask(0o077)
        spool = _open(asked, log)
        undo.enter_context(spool.lock_forwarder())
        _reconcile(spool, log)
        return asyncio.run(_run(read, asked, spool, listening, log, notifier))


def _open(asked: Wanted, log: Log) -> Spool:
    """What is set aside, now or while it serves, is told there, whoever came upon it."""

    def told(id_: str, why: str) -> None:
        log("set_aside", "warning", id=id_, why=why)

    try:
        return Spool.open(asked.spool, create=True, hostname=parts.hostname_of(asked.serve), told=told)
    except NotPermitted as error:
        raise NotPermitted(error.message, f"It has to belong to user {os.geteuid()}, whom serve runs as.") from error


def _reconcile(spool: Spool, log: Log) -> None:
    """Put in order what the last time left, and say what that was."""
    found = spool.reconcile(time.time())
    for path, why in found.left:
        log("left_as_it_is", "error", path=path, why=why)
    log(
        "reconciled",
        messages=found.messages,
        debris=found.debris,
        finished=found.finished,
        orphans=found.orphans,
        set_aside=len(found.aside),
    )
    for queue_id in note_unanswered(spool):
        log("unanswered", "warning", id=queue_id, why=WORDS)


async def _run(
    read: Callable[[], Wanted],
    asked: Wanted,
    spool: Spool,
    listening: list[socket.socket],
    log: Log,
    notifier: Notifier,
) -> int:
    loop = asyncio.get_running_loop()
    service = Service(asked, spool, listening, log=log, notifier=notifier, read=read)

    def stop(name: str) -> None:
        log("signal", name=name)
        service.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    return await service.run()
