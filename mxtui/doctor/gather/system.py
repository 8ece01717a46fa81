"""What is examined: a mail system of some kind, as far as the doctor has to know it. Every method blocks."""

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from mxtui.doctor.facts import Disk, PostfixFacts, SpoolFacts
from mxtui.model.route import Router

PEM_LIMIT: Final = 1 << 20

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class MailSystem(Protocol):
    """A Postfix instance, or a spool."""

    @property
    def path(self) -> str:
        """Its queue."""
        ...

    def domains(self) -> Sequence[str]:
        """Those that mail is taken for, as far as they can be listed. Raises MxtuiError."""
        ...

    def router(self) -> Router:
        """Who knows each domain's primary."""
        ...

    def facts(self, domains: Sequence[str]) -> PostfixFacts | SpoolFacts:
        """How it is set up. Raises MxtuiError."""
        ...

    def listening(self) -> tuple[str, int]:
        """Where it can be reached from here. Raises MxtuiError."""
        ...

    def disk(self) -> Disk:
        """The file system under it. Raises OSError."""
        ...

    def chain(self) -> tuple[bytes, ...]:
        """Its certificates, its own first; empty where they cannot be read."""
        ...


def read_chain(path: Path) -> tuple[bytes, ...]:
    """The certificates in a PEM file, DER; keys in it are passed over. Empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(PEM_LIMIT).decode("ascii", "replace")
        return tuple(ssl.PEM_cert_to_DER_cert(block) for block in _PEM.findall(text))
    except (OSError, ValueError):
        return ()
