"""Debian's sshd on loopback with keys of its own, and an `ssh` whose configuration leads there."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mxtui.demo.ports import free_port

SSHD: Final = Path("/usr/sbin/sshd")

PATIENCE: Final = 20.0

HOST: Final = "mx2.test"
"""As the configuration of `ssh` names it."""


class Sshd:
    """One server. `bin` in front of PATH makes `ssh` find it under its name."""

    def __init__(self, folder: Path, name: str = HOST) -> None:
        self.folder = folder
        self.name = name
        self.port = free_port()
        self.bin = folder / "bin"
        self.there = folder / "there"
        """Home of mxtui's settings for whoever logs in."""
        self.key, self.host_key = folder / "key", folder / "host_key"
        self.known_hosts = folder / "known_hosts"
        self.config = folder / "ssh_config"
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Keys and configurations."""
        for path in (self.bin, self.there / "mxtui"):
            path.mkdir(parents=True)
        for path in (self.key, self.host_key):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        (self.folder / "authorized_keys").write_bytes(self.key.with_suffix(".pub").read_bytes())
        self.know_host_key()
        programs = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = (
            f"PATH={programs} XDG_CONFIG_HOME={self.there} XDG_STATE_HOME={self.there} PYTHONDONTWRITEBYTECODE=1"
            f" PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
        )
        (self.folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.host_key}\nPidFile none\nStrictModes no\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/authorized_keys\nPermitRootLogin yes\nPasswordAuthentication no\n"
            f"KbdInteractiveAuthentication no\nMaxStartups 100\nSetEnv {environment}\n"
        )
        self.lead(self.port)
        ssh_by(self.bin, self.config)

    def know_host_key(self) -> None:
        """As an operator who has logged in once."""
        public = self.host_key.with_suffix(".pub").read_text().split()
        self.known_hosts.write_text(f"{self.name} {public[0]} {public[1]}\n")

    def lead(self, port: int) -> None:
        """Where `ssh` finds it."""
        self.config.write_text(
            f"Host {self.name}\n  HostName 127.0.0.1\n  HostKeyAlias {self.name}\n  Port {port}\n  User root\n"
            f"  IdentityFile {self.key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )

    def start(self) -> None:
        """Until it takes connections."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")], stderr=log)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError((self.folder / "log").read_text())

    def stop(self) -> None:
        """It takes no connections any more, and those that there are are lost."""
        if self._process is not None:
            sessions = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            for process in (self._process.pid, *map(int, sessions)):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGTERM)
            self._process.wait()
            self._process = None

    @property
    def path(self) -> str:
        """PATH with our `ssh` in front."""
        return f"{self.bin}:{os.environ['PATH']}"


def ssh_by(folder: Path, config: Path) -> None:
    """An `ssh` in a folder that goes by this configuration."""
    (folder / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n')
    (folder / "ssh").chmod(0o755)


@contextmanager
def sshd(folder: Path, name: str = HOST) -> Iterator[Sshd]:
    """Running, as long as the context lasts."""
    server = Sshd(folder, name)
    server.make()
    try:
        server.start()
        yield server
    finally:
        server.stop()
