"""An outage from its first message to the last verdict, all of it real, on record."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mxtui.demo.ledger import Balance, BookedPrimary, Ledger
from tests.recording.backups import DOMAIN, USERS, Backup, postfix, spool
from tests.recording.watching import Flushes, Recording, Restart, output

KINDS: Final[Mapping[str, Callable[[Path, BookedPrimary], AbstractContextManager[Backup]]]] = {
    "postfix": postfix,
    "spool": spool,
}

STRANGERS: Final = rf"^(?!(user\d+|postmaster)@{re.escape(DOMAIN)}$)"
"""Whom the primary refuses when it is well."""

EVERYBODY: Final = "."


@dataclass(frozen=True, slots=True)
class Record:
    """Of one outage."""

    transcript: str
    report: str
    """Of the drain; text."""
    report_json: str
    balance: Balance
    statuses: tuple[int, ...]
    """Exit statuses of the flushes, in order."""
    phases: frozenset[str]
    """That were seen."""


def record(kind: str, count: int, folder: Path, *, away: float = 3.0) -> Record:
    """Have so many messages come while the primary is down, and see them home.

    In the middle of the drain the primary starts again, and is `away` for so many seconds.
    """
    ledger = Ledger()
    seen = Recording(folder)
    with BookedPrimary(ledger, f"mx1.{DOMAIN}") as primary:
        primary.down()
        with KINDS[kind](folder, primary) as backup:
            flushes, report, as_json = _story(seen, backup, primary, ledger, count, away)
    balance = ledger.balance()
    seen.happens("The books that the senders and the primary kept")
    for number, words in (
        (balance.by_backup, f"messages that {backup.name} answered with 250"),
        (balance.delivered, "of them at the primary"),
        (balance.waiting, "not there"),
        (balance.doubled, "there twice"),
        (balance.unpromised, "there that nobody sent"),
    ):
        seen.tell(f"{number:>11,}  {words}")
    return Record(seen.text, report, as_json, balance, tuple(flushes.statuses), frozenset(flushes.phases))


def _story(
    seen: Recording, backup: Backup, primary: BookedPrimary, ledger: Ledger, count: int, away: float
) -> tuple[Flushes, str, str]:
    def status() -> None:
        seen.tell(f"\n$ mxtui status\n{output(backup, 'status')}")

    flush = Flushes(seen, backup)
    seen.happens(f"The primary of {DOMAIN} is down. {count:,} messages for it come to {backup.name}")
    backup.receive(ledger, count)
    seen.happens("All were tried in vain, or left alone for it, and wait")
    status()
    flush("--all", "--yes")

    primary.behave(permanent=EVERYBODY)
    primary.up()
    seen.happens("The primary is up again, but knows none of its users yet")
    flush("--all", "--yes")

    primary.behave(permanent=STRANGERS)
    seen.happens(f"Its {USERS} users are known again")
    restart = Restart(primary, 2 * count // 5, away, seen)
    flush("--all", "--yes", "--reason", "the primary is well again", restart=restart)
    report, as_json = (seen.anonymous(output(backup, "drain", "report", *words)) for words in ((), ("--json",)))
    seen.tell(f"\n$ mxtui drain report\n{_without_names(report)}")
    if left := backup.waiting():
        seen.happens(
            f"Messages that were under way when the primary started again were put off. {left:,} are still here"
        )
        flush("--all", "--yes")
    status()
    return flush, report + "\n", as_json + "\n"


def _without_names(report: str) -> str:
    """The report's figures; every message that it names is in the file beside."""
    figures = re.split(r"^(?:Perhaps|Not) delivered", report, maxsplit=1, flags=re.MULTILINE)[0].rstrip()
    return (
        figures if len(figures) == len(report) else f"{figures}\n\n(and each message that was not delivered, and why)"
    )
