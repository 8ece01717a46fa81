"""Commands as an operator runs them: real processes on a real Postfix, judged by status, stdout and stderr."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mxtui.demo.postfix import SBIN, PrivatePostfix
from tests.support.waiting import PATIENCE

TIMEOUT = PATIENCE

NO_QUEUE_OPTION = ("audit",)


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Mxtui:
    """`mxtui` on one Postfix, with audit, kept copies and configuration in a folder of its own."""

    def __init__(self, instance: PrivatePostfix, folder: Path, settings: str = "") -> None:
        self.instance = instance
        self.folder = folder
        self.audit = folder / "audit.jsonl"
        self.config = folder / "mxtui.toml"
        folders = f'[kept]\nfolder = "{folder / "kept"}"\n[drain]\nfolder = "{folder / "drains"}"\n'
        state = f'state = "{folder / "state"}"\nhistory = "{folder / "history"}"\n'
        self.config.write_text(f'audit = "{self.audit}"\n{state}{settings}\n{folders}')

    def argv(self, verb: str, *words: str) -> list[str]:
        """The command line; options of the test's own go before the words."""
        queue = [] if verb in NO_QUEUE_OPTION else ["-q", str(self.instance.config_directory)]
        return [sys.executable, "-m", "mxtui", verb, *queue, "--config", str(self.config), *words]

    def __call__(self, verb: str, *words: str) -> Done:
        return run(self.argv(verb, *words), {"XDG_CONFIG_HOME": str(self.folder)})


def run(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Done:
    """Run it without a terminal."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **(env or {})},
        timeout=TIMEOUT,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def postfix_says(instance: PrivatePostfix, program: str, *words: str) -> bytes:
    """What one of Postfix's own programs prints."""
    argv = [program, "-c", str(instance.config_directory), *words]
    return subprocess.run(argv, env={"PATH": SBIN}, capture_output=True, timeout=TIMEOUT, check=True).stdout
