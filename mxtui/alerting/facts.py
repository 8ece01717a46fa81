"""What alerts go by that no queue tells: settings, and a few small files."""

from pathlib import Path

from mxtui.certificates import expiry_of
from mxtui.config import Settings
from mxtui.drills import Drills
from mxtui.errors import MxtuiError
from mxtui.folders import states
from mxtui.model.alerts import Facts, Thresholds
from mxtui.model.drill import Drill


def facts(settings: Settings, queue: str, certificate: Path | None) -> Facts:
    """Of a queue, by its path, now; `certificate` is the file of our own. What cannot be read is not known."""
    drilled, drills = tuple(settings.drill.addresses), dict[str, Drill]()
    if drilled:
        try:
            drills = dict(Drills(queue, *states(settings.state)).latest())
        except MxtuiError:
            drilled = ()  # that none was ever held is what nobody can say
    return Facts(drilled=drilled, drills=drills, certificate=_certificate(certificate))


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
