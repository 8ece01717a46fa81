"""An outage on loopback, all of it real: primaries, our own backup MX, and senders who go to whoever takes their mail.

senders ──→ primary (up)                    a mail server tries the primary first …
   └──────→ backup MX ──→ primary           … and the backup when that fails; spammers go straight to the backup
"""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mxtui.demo.backup import Backup
from mxtui.demo.internet import Internet
from mxtui.demo.ledger import BookedPrimary, Ledger
from mxtui.demo.letters import RECIPIENTS
from mxtui.demo.ports import free_port
from mxtui.demo.primary import NEVER

SHARES: Final = {"example.org": 6.0, "clinic.example": 2.0, "example.net": 2.0, "school.example": 1.0}
"""Domains, and how much of the mail is for each."""

STAR: Final = "example.org"
"""Whose primary goes down."""

SLOW: Final = 0.25
"""Seconds that a primary takes for a message: a mailbox store at work, and a drain that can be watched."""

SLOWER: Final = 2.0

REFUSED: Final = "^(hr|board)@"
"""Recipients that the primary does not know, after a restore that went half way."""

SETTINGS: Final = """
queue = "{folder}/spool"
audit = "{folder}/audit.jsonl"
state = "{folder}/state"

[primaries]
{primaries}

[probe]
interval = "3s"
transition = "1s"
fall = 2
rise = 2

[kept]
folder = "{folder}/kept"
[drain]
folder = "{folder}/drains"
settle = "3s"

[serve]
spool = "{folder}/spool"
listen = ["127.0.0.1:{port}"]
hostname = "mx2.example.org"
recipients = "{folder}/recipients"
connections = 4
retry = "20s"
retry_longest = "60s"

[serve.relay]
{primaries}
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is wrong with the primary at the moment."""

    down: bool = False
    slow: bool = False
    refusing: bool = False
    greylisting: bool = False


class Outage:
    """Runs between `__enter__` and `__exit__`, in `folder`, which is left behind."""

    def __init__(self, folder: Path, *, rate: float = 6.0, seed: int = 7) -> None:
        self.folder = folder
        self.ledger = Ledger()
        self.primaries = {domain: BookedPrimary(self.ledger, f"mx1.{domain}") for domain in SHARES}
        self.backup = Backup(folder)
        self.rate = rate
        self.internet: Internet
        self._seed = seed
        self._lock = threading.Lock()
        self._scene = Scene()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            for primary in self.primaries.values():
                self._open.enter_context(primary)
                primary.behave(delay=SLOW)
            port = free_port()
            ports = {domain: primary.port for domain, primary in self.primaries.items()}
            self._write_settings(ports, port)
            self._open.enter_context(self.backup)
            self.internet = self._open.enter_context(Internet(ports, SHARES, port, self.ledger, seed=self._seed))
            self.internet.rate = self.rate
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def _write_settings(self, ports: dict[str, int], port: int) -> None:
        primaries = "\n".join(f'"{domain}" = "127.0.0.1:{at}"' for domain, at in ports.items())
        self.backup.config.write_text(SETTINGS.format(folder=self.folder, primaries=primaries, port=port))
        known = [f"{name}@{domain}\n" for domain in SHARES for name in RECIPIENTS]
        (self.folder / "recipients").write_text("".join(known))

    # -- what goes wrong ------------------------------------------------------------------------------------------

    @property
    def scene(self) -> Scene:
        """What is wrong now."""
        return self._scene

    def change(self, **wrong: bool) -> Scene:
        """Have the primary of `STAR` go down, come back, dawdle, refuse or greylist."""
        with self._lock:
            before = self._scene
            self._scene = after = Scene(**{**_as_dict(before), **wrong})
            primary = self.primaries[STAR]
            primary.behave(
                delay=SLOWER if after.slow else SLOW,
                permanent=REFUSED if after.refusing else NEVER,
                temporary=".*" if after.greylisting else NEVER,
            )
            if after.down and not before.down:
                primary.down()
            elif before.down and not after.down:
                primary.up()
        return after

    def settled(self, within: float, tell: Callable[[], None] = lambda: None) -> bool:
        """Wait until every promise is kept; whether that was so in time. `tell` is called twice a second."""
        self.internet.rate = 0.0
        deadline = time.monotonic() + within
        while not (self.internet.idle and self.ledger.balance().waiting == 0):
            if time.monotonic() > deadline:
                return False
            tell()
            time.sleep(0.5)
        return True


def _as_dict(scene: Scene) -> dict[str, bool]:
    return {name: bool(getattr(scene, name)) for name in Scene.__slots__}
