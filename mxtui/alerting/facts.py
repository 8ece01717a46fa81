"""What alerts go by that no queue tells: settings, and a few small files."""

from collections import Counter
from functools import lru_cache
from pathlib import Path

from mxtui.certificates import expiry_of
from mxtui.config import Settings
from mxtui.drains import Drains
from mxtui.drills import Drills
from mxtui.errors import MxtuiError
from mxtui.folders import states
from mxtui.left import LeftByGuards
from mxtui.model.alerts import Facts, Thresholds
from mxtui.model.alerts.facts import StoppedDrain
from mxtui.model.drill import Drill
from mxtui.sifting.weights import NOTHING, read


def facts(settings: Settings, queue: str, certificate: Path | None, sifted: Path | None = None) -> Facts:
    """Of a queue, by its path, now; `certificate` is the file of our own, `sifted` what is remembered of its messages.

    What cannot be read is not known.
    """
    weights = read(sifted) if sifted is not None else NOTHING
    drilled, drills = tuple(settings.drill.addresses), dict[str, Drill]()
    if drilled:
        try:
            drills = dict(Drills(queue, *states(settings.state)).latest())
        except MxtuiError:
            drilled = ()  # that none was ever held is what nobody can say
    return Facts(
        suspects=weights.suspects,
        campaigns=weights.suspect_campaigns,
        drilled=drilled,
        drills=drills,
        certificate=_certificate(certificate),
    )


def silent_scanners(settings: Settings) -> tuple[str, ...]:
    """Configured scanners that do not answer; blocks for two seconds at most."""
    if settings.spam.rspamd is None and settings.spam.spamassassin is None:
        return ()
    from mxtui.scanning.pulse import silent

    return silent(settings.spam)


def stopped_drain(drains: Drains) -> StoppedDrain | None:
    """What guards have left of drains that somebody began, as long as it is neither drained nor decided about."""
    standing = drains.standing()
    if standing is None or standing.running:
        return None
    moments = _left(drains.folder, LeftByGuards(drains.folder).changed())
    if not moments:
        return None
    why = standing.progress.why if standing.held and standing.progress is not None else ""
    return StoppedDrain(max(moments), moments.total(), why, several=len(moments) > 1)


@lru_cache(maxsize=4)
def _left(folder: Path, changed: int) -> Counter[float]:  # noqa: ARG001 (the key: 100,000 take 0.1 s to read)
    """How many each guard has left, by when."""
    return Counter(each.at for each in LeftByGuards(folder).known().values())


def thresholds(settings: Settings) -> Thresholds:
    """When figures become alerts."""
    wanted = settings.alerts
    return Thresholds(
        expiry_warning=wanted.expiry,
        expiry_critical=wanted.expiry_critical,
        free_warning=wanted.free / 100,
        free_critical=wanted.free_critical / 100,
        settled=wanted.settled,
        backlog=wanted.backlog,
        stalled=wanted.stalled,
        silent=wanted.silent,
        refused=wanted.refused / 100,
        accepting=wanted.accepting,
        full=wanted.full,
        held=wanted.held,
        certificate=wanted.certificate,
        drill=settings.drill.every,
    )


def _certificate(path: Path | None) -> float | None:
    if path is None:
        return None
    try:
        return expiry_of(path)
    except (OSError, ValueError):
        return None
