"""How `serve` is configured for its spool, and whether it runs."""

import json
import os
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mxtui.config import Serve, readers
from mxtui.doctor.facts import Disk, Fact, SpoolFacts, Unknown
from mxtui.doctor.gather import host
from mxtui.doctor.gather.system import read_chain
from mxtui.errors import Unreachable
from mxtui.model.route import Router
from mxtui.queues.spool.control import Control

LEARNED: Final = "recipients.jsonl"
"""In the spool: what call-outs have learned."""

_REACHED: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared with, not bound)
"""Where one that listens on every address can be reached from here."""


class ExaminedSpool:
    """One spool. `relayed` and `router` are as its site has them."""

    def __init__(self, spool: Path, serve: Serve, relayed: Callable[[], Collection[str]], router: Router) -> None:
        self._spool = spool
        self._serve = serve
        self._relayed = relayed
        self._router = router
        self._configured = serve.spool is not None and serve.spool.absolute() == spool

    @property
    def path(self) -> str:
        """The spool."""
        return str(self._spool)

    def router(self) -> Router:
        """As `serve` forwards."""
        return self._router

    def domains(self) -> Sequence[str]:
        """As `serve` was told."""
        return sorted(self._relayed())

    def facts(self, domains: Sequence[str]) -> SpoolFacts:  # noqa: ARG002 (a spool has nothing by domain)
        """By the configuration, where that is about this spool."""
        serve = self._serve
        known, written = self._recipients()
        return SpoolFacts(
            path=self._spool,
            configured=self._configured,
            running=Control(self._spool).service() is not None,
            recipients=str(serve.recipients),
            known=known,
            written=written,
            lifetime=serve.expire,
            retry=serve.retry,
            retry_longest=serve.retry_longest,
            unknown=serve.unknown,
        )

    def listening(self) -> tuple[str, int]:
        """As a running `serve` says, else the first of `serve.listen`. Raises Unreachable: flags said where."""
        service = Control(self._spool).service()
        if service is not None and service.listening:
            first = readers.listen(service.listening[0])
        elif self._configured:
            first = self._serve.listen[0]
        else:
            raise Unreachable("serve does not run, and was told by flags where to listen", "Start it.")
        return _REACHED.get(first.host, first.host), first.port

    def disk(self) -> Disk:
        """Under the spool. Raises OSError."""
        mode = self._spool.stat().st_mode
        return host.disk(
            self._spool, bool(mode & stat.S_IWUSR) and (os.geteuid() == 0 or os.access(self._spool, os.W_OK))
        )

    def chain(self) -> tuple[bytes, ...]:
        """Of `serve.certificate`."""
        return read_chain(self._serve.certificate) if self._configured and self._serve.certificate is not None else ()

    def _recipients(self) -> tuple[Fact[int], float | None]:
        """How many are known, and when their list was written."""
        from mxtui.receiver.recipients.file import read

        wanted = self._serve.recipients
        if isinstance(wanted, Path):
            try:
                return len(read(wanted)), wanted.stat().st_mtime
            except OSError as error:
                return Unknown(f"{wanted}: {error.strerror}"), None
            except ValueError as error:
                return Unknown(f"{wanted}: {error}"), None
        learned = self._spool / LEARNED
        try:
            with learned.open("rb") as lines:
                return len({address for line in lines if (address := _learned(line))}), learned.stat().st_mtime
        except OSError:
            return 0, None


def _learned(line: bytes) -> str:
    """The address of one line of what was learned; of what is none, nothing."""
    value: object = None
    with suppress(ValueError, RecursionError):
        value = json.loads(line)
    match value:
        case {"address": str(address), "outcome": "good" | "bad"}:
            return address
    return ""
