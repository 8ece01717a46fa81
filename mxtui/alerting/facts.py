"""What alerts go by that no queue tells: settings, and a few small files."""

from pathlib import Path

from mxtui.certificates import expiry_of
from mxtui.config import Settings
from mxtui.drills import Drills
from mxtui.folders import states
from mxtui.model.alerts import Facts, Thresholds
from mxtui.sifting.weights import NOTHING, read


def facts(settings: Settings, state: Path, certificate: Path | None, sifted: Path | None = None) -> Facts:
    """As they are now; `certificate` is the file of our own, `sifted` what is remembered of the queue's messages.

    What cannot be read is not known.
    """
    weights = read(sifted) if sifted is not None else NOTHING
    return Facts(
        suspects=weights.suspects,
        campaigns=weights.suspect_campaigns,
        drilled=tuple(settings.drill.addresses),
        drills=Drills(state, *states(settings.state)).latest() if settings.drill.addresses else {},
        certificate=_certificate(certificate),
    )


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
