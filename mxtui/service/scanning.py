"""From settings to the gate that mail is scanned at."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from mxtui.config import Settings
from mxtui.config.serving import ServeScan
from mxtui.model.screening import Action, Rules
from mxtui.scanning.configured import scanners
from mxtui.scanning.gate import Bounds, Gate, Log, Scanner

Scanners = Callable[[Settings], Sequence[Scanner]]
"""Makes those that are configured."""


def scanners_of(settings: Settings) -> Sequence[Scanner]:
    """Those of `[spam]`, which are given what `[serve.scan]` lets through."""
    return scanners(settings.spam, settings.serve.scan.largest)


def gate_of(
    wanted: ServeScan, asked: Sequence[Scanner], log: Log, clock: Callable[[], float], counts: Counter[str]
) -> Gate | None:
    """Mail's way past scanners; None where there are none, or it is not to be scanned."""
    if not wanted.enabled or not asked:
        return None
    # The reader of the setting lets nothing else through.
    rules = Rules(cast("dict[str, Action]", dict(wanted.actions)), wanted.spamassassin_reject)
    bounds = Bounds(wanted.timeout, wanted.at_once, wanted.largest, wanted.patience)
    return Gate(asked, rules, bounds, log, clock, counts)
