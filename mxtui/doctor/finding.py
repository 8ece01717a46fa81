"""What a check found."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Verdict = Literal["pass", "warn", "fail", "skipped"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def command(*words: str) -> str:
    """A line for a shell that runs just this, whatever is in the words: domains are chosen by strangers.

    >>> command("dig", "MX", "example.org"), command("dig", "MX", "`reboot`.example")
    ('dig MX example.org', "dig MX '`reboot`.example'")
    """
    return shlex.join(words)


@dataclass(frozen=True, slots=True)
class Finding:
    """One verdict on one thing."""

    check: str
    """Its name in the catalogue, which says why it matters and where that is written."""
    verdict: Verdict
    evidence: str
    """What was seen, or why it was skipped; quotes DNS, replies and settings, so hostile."""
    subject: str = ""
    """The domain or host that it is about; empty where it is about this host."""
    fix: tuple[str, ...] = ()
    """Exact lines: commands, zone records or settings."""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one examination."""

    taken_at: float
    """Epoch seconds."""
    seconds: float
    """How long it took."""
    queue: str
    """The path of what was examined."""
    findings: Sequence[Finding] = ()

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many of each verdict."""
        return {verdict: sum(each.verdict == verdict for each in self.findings) for verdict in VERDICTS}

    @property
    def wrong(self) -> Sequence[Finding]:
        """What needs somebody: failures first."""
        return tuple(each for verdict in ("fail", "warn") for each in self.findings if each.verdict == verdict)
