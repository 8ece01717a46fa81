"""The demonstration's backup MX: `mxtui serve` in a process of its own, with the settings in a folder and no others."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mxtui.errors import CommandFailed
from mxtui.model.service import Service
from mxtui.queues.spool.control import Control

START: Final = 20.0
STOP: Final = 20.0
"""Seconds."""

SETTINGS: Final = "mxtui.toml"
LOG: Final = "serve.log"
SPOOL: Final = "spool"


class Backup:
    """Runs between `__enter__` and `__exit__`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = folder / SPOOL
        self.config = folder / SETTINGS
        self.log = folder / LOG
        self._control = Control(self.spool)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it takes mail. Raises CommandFailed, with what it said."""
        with self.log.open("ab") as log:
            # A session of its own: ^C at the console is the console's.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mxtui.demo.backup", str(self.folder)],
                stdin=subprocess.PIPE,  # nothing is ever written; that it closes tells that we are gone
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "XDG_CONFIG_HOME": str(self.folder)},
                start_new_session=True,
            )
        deadline = time.monotonic() + START
        while self.service() is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace").splitlines()[-3:]
                self.stop()
                raise CommandFailed(f"mxtui serve did not start: {' '.join(said)}", f"See {self.log}.")
            time.sleep(0.05)

    def stop(self) -> None:
        """Drain, then stop; killed where that takes too long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None

    def service(self) -> Service | None:
        """What it is at; None while it is not running."""
        return self._control.service()


def main() -> None:
    """Be that process. A demonstration that is killed leaves nothing running, and nothing on the disk."""
    from mxtui.errors import MxtuiError
    from mxtui.service.run import serve

    folder = Path(sys.argv[1])
    orphaned = threading.Event()
    # Not PR_SET_PDEATHSIG (prctl(2)): it signals for each thread that the parent loses, also after the first has ended
    # this service and nobody listens for signals any more.
    threading.Thread(target=_wait_for_the_end, args=(orphaned,), daemon=True).start()
    try:
        sys.exit(serve({}, folder / SETTINGS, system=Path(os.devnull)))
    except MxtuiError as error:
        sys.stderr.write(f"{error.message}. {error.hint}\n")
        sys.exit(error.exit_status)
    finally:
        if orphaned.is_set():
            shutil.rmtree(folder, ignore_errors=True)


def _wait_for_the_end(orphaned: threading.Event) -> None:
    """Of whoever started us: until then there is nothing to read, and then the end of the file."""
    with suppress(OSError):
        os.read(0, 1)
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
