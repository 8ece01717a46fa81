"""What alerts go by that no queue tells, from a few small files."""

from pathlib import Path

from mxtui.certificates import expiry_of
from mxtui.config import Settings
from mxtui.drills import Drills
from mxtui.model.alerts import Facts


def facts(settings: Settings, state: Path) -> Facts:
    """As they are now. What cannot be read is not known."""
    return Facts(
        drilled=tuple(settings.drill.addresses),
        drills=Drills(state).latest() if settings.drill.addresses else {},
        certificate=_certificate(settings.serve.certificate),
    )


def _certificate(path: Path | None) -> float | None:
    if path is None:
        return None
    try:
        return expiry_of(path)
    except (OSError, ValueError):
        return None
