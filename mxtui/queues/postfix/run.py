"""The one place that runs Postfix's programs: argv only, bounded in time and output, in a clean environment."""

import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mxtui.errors import CommandFailed

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
"""All a child gets. MAIL_CONFIG above all is left out: the instance is always named with -c."""

TIMEOUT = 30.0
"""Seconds; postconf takes 10 ms, postsuper on thousands of IDs 0.1 s."""

LIMIT = 16 * 1024 * 1024
"""Bytes of output kept per stream."""

_CHUNK = 65536


class CutShort(CommandFailed):
    """The program ran and was ended by us: what it had done by then is not known."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended."""

    status: int
    """Exit status; minus the signal when it was killed."""
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """What it said on stderr, as text; hostile (it may quote addresses and file names)."""
        return self.stderr.decode("utf-8", "replace").strip()


def run(argv: Sequence[str], *, input: bytes | None = None, timeout: float = TIMEOUT, limit: int = LIMIT) -> Completed:  # noqa: A002 (subprocess's own word)
    """Run `argv` to its end.

    Raises CommandFailed when it cannot be started, CutShort when it takes more than `timeout` seconds or writes more
    than `limit` bytes to one stream. Any exit status is returned: Postfix's mean little (postsuper(1)
    gives 0 for unknown IDs).
    """
    with started(argv, stdin=input is not None) as child:
        deadline = time.monotonic() + timeout
        collected = {"stdout": bytearray(), "stderr": bytearray()}
        rest = memoryview(input or b"")
        with selectors.DefaultSelector() as ready:
            assert child.stdout is not None
            assert child.stderr is not None
            ready.register(child.stdout, selectors.EVENT_READ, "stdout")
            ready.register(child.stderr, selectors.EVENT_READ, "stderr")
            if child.stdin is not None:
                os.set_blocking(child.stdin.fileno(), False)
                ready.register(child.stdin, selectors.EVENT_WRITE, "stdin")
            while ready.get_map():
                events = ready.select(max(0.0, deadline - time.monotonic()))
                if not events:
                    raise _too(argv, f"took more than {timeout:g} s")
                for key, _ in events:
                    if key.data == "stdin":
                        assert child.stdin is not None
                        try:
                            rest = rest[os.write(key.fd, rest[:_CHUNK]) :]
                        except BrokenPipeError:  # it has read enough; its output says why
                            rest = rest[:0]
                        if not rest:
                            ready.unregister(child.stdin)
                            child.stdin.close()
                        continue
                    chunk = os.read(key.fd, _CHUNK)
                    if not chunk:
                        ready.unregister(key.fileobj)
                        continue
                    collected[key.data] += chunk
                    if len(collected[key.data]) > limit:
                        raise _too(argv, f"wrote more than {limit} bytes")
        try:
            status = child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _too(argv, f"took more than {timeout:g} s") from None
    return Completed(status, bytes(collected["stdout"]), bytes(collected["stderr"]))


@contextmanager
def started(argv: Sequence[str], *, stdin: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A running program with pipes, for output that is streamed; killed when the block is left before its end.

    Raises CommandFailed when it cannot be started.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            bufsize=0,
            process_group=0,  # Ctrl-C, or a terminal that closes, must not end postsuper(1) between two messages
        )
    except OSError as error:
        raise CommandFailed(f"{argv[0]} cannot be run: {error.strerror}", "Is Postfix installed?") from error
    try:
        yield child
    finally:
        if child.poll() is None:
            with suppress(PermissionError):  # sudo's child is root's, and ends when its pipes do
                child.kill()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        child.wait()


def _too(argv: Sequence[str], what: str) -> CutShort:
    return CutShort(f"{argv[0]} {what} and was ended", "Try it by hand to see why.")
