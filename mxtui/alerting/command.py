"""A command of the operator's that is told: argv, JSON on standard input, a bounded time."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from mxtui.errors import CommandFailed

ENVIRONMENT: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}

COMPLAINT: Final = 500
"""Bytes of what it complained of that are kept."""


def tell(argv: Sequence[str], message: Any, timeout: float) -> None:
    """Run it. Killed with all that it started when it takes longer. Raises CommandFailed."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=ENVIRONMENT,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise CommandFailed(f"{argv[0]}: {error.strerror}", "It is command in [notify].") from error
        try:
            # One that reads nothing, and leaves, has been told as much as it wanted: communicate() takes no offence.
            process.communicate(msgspec.json.encode(message) + b"\n", timeout=timeout)
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{argv[0]} took longer than {timeout:g} s and was killed") from None
        finally:
            _end(process)
        if process.returncode:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - COMPLAINT))
            said = errors.read().decode("utf-8", "replace").strip()
            raise CommandFailed(f"{argv[0]}: exit status {process.returncode}{said and ': '}{said}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """It and all that it left behind in its session's own group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
