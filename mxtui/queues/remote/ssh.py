"""The operator's own OpenSSH: its command line, and what it means when it fails.

Nothing is configured here that ssh_config(5) has a word for: keys, agent, jump hosts, known hosts and ControlMaster are
the operator's. It never asks: a console has no place for a password, and a host key is accepted by whoever compared it.
"""

import shlex
from collections.abc import Sequence
from typing import Final

from mxtui.errors import Unreachable
from mxtui.message.sanitize import one_line
from mxtui.model.ssh_address import Address

OPTIONS: Final = (
    "-T",
    "-o", "BatchMode=yes",
    # What a host is asked for is a queue: it gets neither the keys in the operator's agent nor the screen.
    "-o", "ForwardAgent=no",
    "-o", "ForwardX11=no",
    # Written for a shell: a forwarded port that is taken, or another command, would be in the way.
    "-o", "ClearAllForwardings=yes",
    "-o", "RemoteCommand=none",
)  # fmt: skip

OF_SSH: Final = 255
"""Exit status of ssh(1) where it is ssh that failed."""

NOT_FOUND: Final = (126, 127)
"""Exit status of a shell without such a command."""


def argv(address: Address, command: Sequence[str]) -> list[str]:
    """The command line of ssh(1) that runs `mxtui agent` there, as `command` names mxtui."""
    words = [*command, "agent", *(["-q", address.source] if address.source else [])]
    user = ["-l", address.user] if address.user else []
    port = ["-p", str(address.port)] if address.port is not None else []
    return ["ssh", *OPTIONS, *user, *port, "--", address.host, shlex.join(words)]


def by_hand(address: Address, words: str, *, terminal: bool = False) -> str:
    """What an operator would type to run something there."""
    user = f"{address.user}@" if address.user else ""
    port = f"-p {address.port} " if address.port is not None else ""
    return f"ssh {'-t ' if terminal else ''}{port}{user}{address.host}{words and f' {words}'}"


def failure(address: Address, status: int | None, said: str) -> Unreachable:
    """Why there is no agent: its sentence, and what to do. `said` is what was on stderr, the latest last."""
    host, log_in = address.host, by_hand(address, "")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = one_line(lines[-1], 300) if lines else ""
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in said:
        return Unreachable(
            f"the host key of {host} is not the one that is known: somebody may be in between",
            f"Find out why it changed before you trust it (ssh-keygen -R {host} forgets the old one).",
        )
    if "Host key verification failed" in said or "host key is known" in said:
        return Unreachable(
            f"ssh does not know the host key of {host}",
            f"Log in once by hand, and compare the key before you accept it: {log_in}",
        )
    if "Permission denied" in said and status == OF_SSH:
        return Unreachable(
            f"{host} asks for a password, or knows none of your keys: {last}",
            f"mxtui asks for no passwords. Load your key (ssh-add), until this needs none: {log_in}",
        )
    if status in NOT_FOUND:
        return Unreachable(
            f"no mxtui on {host}: {last}",
            f'Install it there, or name it: command = ["/path/to/mxtui"] below [[hosts]]. Try: '
            f"{by_hand(address, 'mxtui --version')}",
        )
    if status == OF_SSH:
        return Unreachable(f"ssh cannot reach {host}: {last or 'it does not say why'}", f"Try it by hand: {log_in}")
    return Unreachable(
        f"the agent on {host} ended{f': {last}' if last else ' without a word'}",
        f"Try it by hand: {by_hand(address, 'mxtui status')}",
    )
