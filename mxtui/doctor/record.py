"""The last result of each queue, for whoever asks later: a file for each in `doctor/` of the state folder.

    {"taken_at": epoch, "queue": path, "pass": n, "warn": n, "fail": n, "skipped": n, "findings": [finding_object…]}

What is kept names what is not well, failures first, and no more than `KEPT` of it; the sums are of everything.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.finding import Finding, Report
from mxtui.folders import make_folder, queue_digest, read_bounded, replace_file
from mxtui.message.sanitize import one_line
from mxtui.model.forecast import Examined

FOLDER: Final = "doctor"

LIMIT: Final = 4 << 20
"""Bytes of a result that are read; with all that is kept of it, it has a few hundred thousand."""

KEPT: Final = 500
"""Findings on file; with a thousand domains there may be tens of thousands, and whoever asks wants the sums."""

SHOWN: Final = 500
"""Characters of one evidence or one line of a fix."""


def finding_object(finding: Finding) -> dict[str, Any]:
    """One finding for JSON; text from outside is sanitised."""
    check = CATALOGUE[finding.check]
    return {
        "check": finding.check,
        "family": check.family,
        "verdict": finding.verdict,
        "subject": one_line(finding.subject, 255),
        "evidence": one_line(finding.evidence, SHOWN),
        "why": check.why,
        "fix": [one_line(line, SHOWN) for line in finding.fix],
        "reference": check.reference,
    }


def report_object(report: Report, findings: Sequence[Finding] | None = None) -> dict[str, Any]:
    """A report for JSON, with all its findings or with these."""
    return {
        "taken_at": round(report.taken_at, 3),
        "seconds": round(report.seconds, 3),
        "queue": report.queue,
        **{str(verdict): many for verdict, many in report.counts.items()},
        "findings": [finding_object(finding) for finding in (report.findings if findings is None else findings)],
    }


def write_result(report: Report, folder: Path) -> None:
    """Replace the last result of its queue, for anybody to read: a monitor that is not root may ask. Raises OSError."""
    path = folder / FOLDER / f"{queue_digest(report.queue)}.json"
    make_folder(path.parent, 0o755)
    kept = json.dumps(report_object(report, report.wrong[:KEPT]), indent=1)
    replace_file(path, kept.encode(), 0o644)


def last_result(queue: str, folders: Iterable[Path]) -> Examined | None:
    """The sums of the latest result of a queue; None where there is none, or none that can be understood."""
    found = (_sums(queue, folder / FOLDER / f"{queue_digest(queue)}.json") for folder in folders)
    return max((each for each in found if each is not None), default=None)


def _sums(queue: str, path: Path) -> Examined | None:
    value: Any = None
    with suppress(OSError, ValueError, RecursionError):
        value = json.loads(read_bounded(path, LIMIT))
    match value:
        case {"queue": str() as of, "taken_at": float() | int() as at, "pass": int() as passed,
              "warn": int() as warned, "fail": int() as failed} if of == queue:  # fmt: skip
            return Examined(float(at), passed, warned, failed)
    return None
