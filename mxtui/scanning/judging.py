"""All that is known of a message put together, in points of one score. Pure; `scanning.judge` asks and remembers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mxtui.message.inspect import Inspection
from mxtui.message.sanitize import one_line
from mxtui.model.evidence import Evidence, Judgement, Scan

LEAST: Final = -5.0
"""What a scanner can take away: a message that one finds splendid may still be one of ten thousand."""

MOST: Final = 2.0
"""And add, as a multiple of the threshold."""

_CALLS_IT_SPAM: Final = frozenset(("add header", "rewrite subject", "quarantine", "reject", "discard", "spam"))
"""Words of scanners. `soft reject` and `greylist` are about whoever hands it in."""

_CLAIMS: Final = (
    "authentication-results",
    "x-spam-status",
    "x-spam-flag",
    "x-spam-score",
    "x-spamd-result",
    "x-spam-level",
)

SHOWN: Final = 6
"""Claims in the message that are listed."""


def judgement(
    at: float,
    evidence: Iterable[Evidence],
    scans: Sequence[Scan] = (),
    *,
    suspect: float,
    weights: Mapping[str, float],
    cleared: str = "",
) -> Judgement:
    """Everything, gravest first. `weights` multiply what a source, or one name, says; `suspect` is the threshold."""
    weighed = [_weighed(each, weights) for each in evidence]
    weighed += _gravest_counts([_weighed(of_scan(scan, suspect), weights) for scan in scans if scan.scanned])
    return Judgement(at, tuple(sorted(weighed, key=lambda each: -each.points)), tuple(scans), cleared)


def of_scan(scan: Scan, suspect: float) -> Evidence:
    """A verdict in our points: what a scanner itself calls spam reaches the threshold."""
    share = scan.score / scan.required if scan.required > 0 else 0.0
    points = min(MOST * suspect, max(LEAST, share * suspect))
    if scan.action.lower() in _CALLS_IT_SPAM:
        points = max(points, suspect)
    elif scan.action:
        points = min(points, suspect - 0.1)
    names = ", ".join(each.name for each in scan.symbols[:3])
    detail = f"{scan.score:g} of {scan.required:g}, {scan.action}" + (f": {names}" if names else "")
    return Evidence(scan.scanner, scan.scanner, one_line(detail, 200), round(points, 1), scan.scanner)


def _gravest_counts(verdicts: Sequence[Evidence]) -> list[Evidence]:
    """Verdicts of several scanners, of which one counts: they look at the same things, so that each would count twice.

    It is the one nearest to what its own scanner calls spam, or farthest beyond: points are shares of that.
    """
    gravest = max(verdicts, key=lambda each: each.points, default=None)
    return [each if each is gravest else _beside(each, gravest) for each in verdicts if gravest is not None]


def _beside(verdict: Evidence, gravest: Evidence) -> Evidence:
    detail = one_line(f"not added to that of {gravest.title}: {verdict.detail}", 200)
    return replace(verdict, detail=detail, points=0.0)


def claims(seen: Inspection, trusted: frozenset[str]) -> list[Evidence]:
    """What others wrote into it: said, and counted only where the topmost is of a host that is believed.

    Anyone can write such a field, with any name in it. One below a Received line, the first of which is our own, came
    with the message (RFC 8601, 5 and 7.1).
    """
    found: list[Evidence] = []
    received = False
    for header in seen.headers:
        name = header.name.lower()
        if name == "received":
            received = True
        if name not in _CLAIMS or len(found) == SHOWN:
            continue
        service = header.value.partition(";")[0].strip().lower().split(" ")[0]
        believed = name == "authentication-results" and service in trusted and not received
        points = _claimed(header.value) if believed else 0.0
        title = one_line(header.name, 40) if believed else f"{one_line(header.name, 40)}, untrusted"
        found.append(Evidence("header_claim", title, one_line(header.value, 200), points, "header"))
    return found


def _claimed(value: str) -> float:
    """Of results that are believed."""
    lower = value.lower()
    return 3.0 if "dmarc=fail" in lower else 2.0 if "spf=fail" in lower else -1.0 if "dmarc=pass" in lower else 0.0


def _weighed(evidence: Evidence, weights: Mapping[str, float]) -> Evidence:
    weight = weights.get(evidence.name, weights.get(evidence.source, 1.0))
    if weight == 1.0:
        return evidence
    return replace(evidence, points=round(evidence.points * weight, 2))
