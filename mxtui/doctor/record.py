"""The last result, for whoever asks later: `doctor.json`; and the drills that were run: `drills.jsonl`.

    {"taken_at": epoch, "queue": path, "pass": n, "warn": n, "fail": n, "skipped": n, "findings": [finding_object…]}

What is kept names what is not well, failures first, and no more than `KEPT` of it; the sums are of everything.
What others wrote is read tolerantly: a line that makes no sense is passed over.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.facts import Drill, Fact, Unknown
from mxtui.doctor.finding import Finding, Report
from mxtui.folders import make_folder, read_bounded, replace_file
from mxtui.message.sanitize import one_line

RESULT: Final = "doctor.json"
DRILLS: Final = "drills.jsonl"

LIMIT: Final = 8 << 20
"""Bytes of drills that are read, the latest."""

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
    """Replace the last result, for anybody to read: a monitor that is not root may ask. Raises OSError."""
    make_folder(folder)
    kept = json.dumps(report_object(report, report.wrong[:KEPT]), indent=1)
    replace_file(folder / RESULT, kept.encode(), 0o644)


def read_drills(folder: Path) -> Fact[tuple[Drill, ...]]:
    """The drills on record; none where there is no record."""
    path = folder / DRILLS
    try:
        lines = read_bounded(path, LIMIT, end=True).splitlines()
    except FileNotFoundError:
        return ()
    except OSError as error:
        return Unknown(f"{path}: {error.strerror}")
    return tuple(drill for line in lines if (drill := _drill(line)) is not None)


def _drill(line: bytes) -> Drill | None:
    value: Any = None
    with suppress(ValueError, RecursionError):
        value = json.loads(line)
    match value:
        case {"at": int() | float() as at, "domain": str(domain), "result": "passed" | "failed" as result}:
            detail: object = value.get("detail", "")
            return Drill(
                float(at), domain.lower(), result == "passed", one_line(detail) if isinstance(detail, str) else ""
            )
    return None


def last_result(folder: Path) -> Mapping[str, Any] | None:
    """The last result as it was written; None where there is none."""
    with suppress(OSError, ValueError, RecursionError):
        value: Any = json.loads(read_bounded(folder / RESULT, LIMIT))
        if isinstance(value, dict):
            return value
    return None
