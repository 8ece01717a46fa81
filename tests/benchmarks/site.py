"""Where everything is measured: a private Postfix that runs and leaves its queue alone."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.errors import CommandFailed
from tests.benchmarks.queue_factory import QUEUES, Queue, make

LEAVES_MAIL_ALONE = {
    "defer_transports": "smtp",
    "queue_run_delay": "1d",
    "minimal_backoff_time": "1d",
    "maximal_backoff_time": "1d",
}

COMMAND_TIMEOUT = 600.0


@dataclass(frozen=True)
class Ran:
    """A program that has ended well."""

    seconds: float
    output: str


@dataclass(frozen=True)
class Site:
    """A running Postfix with a queue, and settings that keep mxtui's own files beside it."""

    postfix: PrivatePostfix
    messages: int
    held: int
    domains: int
    settings: Path
    spool: Path | None = None
    """A spool to attach to instead."""
    primary: FakePrimary | None = None
    """Of all domains."""
    elsewhere: str = ""
    """The same queue, as it is named over ssh."""

    def mxtui(self, *verb: str) -> list[str]:
        """The command line of a verb, or of the console."""
        return [
            sys.executable, "-m", "mxtui", *verb,
            "-q", self.elsewhere or str(self.spool or self.postfix.config_directory), "--config", str(self.settings),
        ]  # fmt: skip

    def names(self) -> dict[str, list[str]]:
        """Which message is in which queue."""
        found: dict[str, list[str]] = {}
        for queue in QUEUES:
            top = self.postfix.queue_directory / queue
            found[queue] = sorted(name for _, _, names in os.walk(top) for name in names)
        return found

    def run(self, argv: Sequence[str]) -> Ran:
        """Run to the end and keep the output in a file, as a shell does with `>`: no reader takes part of a core.

        Raises:
            CommandFailed: it failed.
        """
        with tempfile.TemporaryFile("w+", dir=self.settings.parent) as output:
            began = time.perf_counter()
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                env={**os.environ, "PATH": SBIN},
                text=True,
                timeout=COMMAND_TIMEOUT,
                check=False,
            )
            seconds = time.perf_counter() - began
            output.seek(0)
            text = output.read()
        if done.returncode:
            raise CommandFailed(f"{' '.join(argv)}: exit status {done.returncode}\n{text[-500:]}{done.stderr[-2000:]}")
        return Ran(seconds, text)


@contextmanager
def running(queue: Queue) -> Iterator[Site]:
    """A Postfix with this queue; all its domains are routed to one primary, which is up. Gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as name, FakePrimary() as primary:
        directory = Path(name)
        directory.chmod(0o755)  # Postfix's daemons are not root
        settings = directory / "mxtui.toml"
        settings.write_text(
            f"audit = {json.dumps(str(directory / 'audit.jsonl'))}\nstate = {json.dumps(name + '/state')}\n"
            f"history = {json.dumps(name + '/history')}\n"
            f"[kept]\nfolder = {json.dumps(name + '/kept')}\n[drain]\nfolder = {json.dumps(name + '/drains')}\n"
        )
        routes = {f"d{number}.example.org": primary.port for number in range(queue.domains)}
        with PrivatePostfix(directory / "postfix", routes=routes, settings=LEAVES_MAIL_ALONE) as postfix:
            make(postfix.queue_directory, queue)
            here = Site(postfix, queue.messages, 0, queue.domains, settings)
            found = here.names()
            yield Site(postfix, queue.messages, len(found["hold"]), queue.domains, settings, primary=primary)


@contextmanager
def untouched(site: Site) -> Iterator[None]:
    """Proves that no message moved meanwhile: otherwise different queues were measured.

    Raises:
        RuntimeError: one did.
    """
    before = site.names()
    yield
    if site.names() != before:
        raise RuntimeError("messages moved while they were measured; Postfix was meant to leave them alone")
