"""The receiver: listens, and has sessions serve those who connect."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence

from mxtui.errors import ConfigError
from mxtui.model.offers import Offers
from mxtui.model.standby import Standby
from mxtui.receiver.admission import Admission
from mxtui.receiver.certificate import Certificate
from mxtui.receiver.memory import Memory
from mxtui.receiver.names import Names
from mxtui.receiver.paths import NULL, Path, parse_address
from mxtui.receiver.recipients.verdict import Recipients
from mxtui.receiver.room import Room
from mxtui.receiver.session import SmtpSession
from mxtui.receiver.settings import ReceiverSettings
from mxtui.receiver.shared import Commits, Log, Shared, Snapshot
from mxtui.scanning.gate import Gate

BACKLOG = 1024
"""Connections that wait to be accepted; the kernel's net.core.somaxconn may be lower."""

FLUSH = 1.0
"""Seconds for last replies to leave when the service stops."""


class Receiver:
    """The SMTP side of the embedded backup MX.

    Raises ConfigError where the certificate cannot be used. `room` says why there is no room for a message of a size
    (`room.DiskRoom`); `names` finds clients' names; `note` says why mail for a domain is held as it comes in;
    `gate` has messages scanned before they are taken.
    `log(event, **fields)` is told what happens, sanitised.
    """

    def __init__(
        self,
        settings: ReceiverSettings,
        committer: Commits,
        recipients: Recipients,
        standby: Standby,
        offers: Offers,
        log: Log,
        *,
        room: Room = lambda _: "",
        names: Names | None = None,
        note: Callable[[str], str] = lambda _: "",
        gate: Gate | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        limits = settings.limits
        self._shared = Shared(
            settings=settings,
            committer=committer,
            recipients=recipients,
            standby=standby,
            offers=offers,
            log=log,
            room=room,
            certificate=Certificate(settings.certificate, log) if settings.certificate else None,
            memory=Memory(limits.memory, limits.memory_per_client),
            admission=Admission(limits),
            clock=clock,
            names=names,
            note=note,
            gate=gate,
            postmaster=_postmaster(settings),
        )
        self._servers: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on bound sockets, listening or not; they are the receiver's from now on. Raises OSError."""
        loop = asyncio.get_running_loop()
        for each in sockets:
            self._servers.append(await loop.create_server(self._session, sock=each, backlog=BACKLOG))

    async def stop(self, grace: float = 30.0) -> None:
        """Take no more connections and end those there are.

        Clients between messages are told 421 at once. A message coming in has `grace` seconds to come to its end; one
        that is on its way to the disk is waited for, however long that takes, and answered.
        """
        for server in self._servers:
            server.close()
        self._servers.clear()
        serving = {session.task: session for session in self._shared.sessions if session.task is not None}
        for session in serving.values():
            session.leave()
        if serving:
            await asyncio.wait(serving, timeout=grace)
        for task, session in serving.items():
            if session.stage != "commit":
                task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        if serving:
            await asyncio.wait([asyncio.ensure_future(session.gone()) for session in serving.values()], timeout=FLUSH)
        for session in serving.values():
            session.cut_off()

    def set_offers(self, offers: Offers) -> None:
        """What is offered from the next EHLO on."""
        self._shared.offers = offers

    def snapshot(self) -> Snapshot:
        """How things stand; cheap."""
        shared = self._shared
        return Snapshot(
            sessions=shared.admission.open,
            committing=sum(session.stage == "commit" for session in shared.sessions),
            memory=shared.memory.used,
            memory_peak=shared.memory.peak,
            counts=dict(shared.counts),
        )

    def _session(self) -> SmtpSession:
        return SmtpSession(self._shared)


def _postmaster(settings: ReceiverSettings) -> Path | None:
    if not settings.postmaster:
        return None
    try:
        found = parse_address(settings.postmaster)
    except ValueError:
        found = NULL
    if found.domain not in settings.domains:
        raise ConfigError(
            f"not an address of a relayed domain: {settings.postmaster}", "mail to the postmaster goes to a primary too"
        )
    return found
