"""How the last `mxtui doctor` ended, as others see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """Its sums."""

    taken_at: float
    """Seconds since the epoch."""
    passed: int
    warned: int
    failed: int
