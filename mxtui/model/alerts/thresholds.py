"""When figures become alerts. Times are in seconds, shares from 0 to 1."""

from dataclasses import dataclass

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a figure becomes an alert."""

    expiry_warning: float = DAY
    """Before the next expiry."""
    expiry_critical: float = 4 * 3600.0
    free_warning: float = 0.20
    """Free share of the queue's file system, bytes or inodes."""
    free_critical: float = 0.05
    least_free: int = 0
    """Bytes free there below which whoever receives mail takes none."""
    hold_warning: float = 3600.0
    """Before the end of a migration, for somebody has to end it."""
    settled: float = 900.0
    """A primary that has been up for so long takes what waits, and needs no help with what comes."""
    backlog: float = 1200.0
    """Age of the oldest message that is tried, once its primary is settled."""
    stalled: float = 600.0
    """With mail waiting, the primary up, and nothing leaving."""
    silent: float = 120.0
    """Without a sign of life of whoever delivers."""
    refused: float = 0.05
    """Share of recipients that are refused for good."""
    accepting: int = 20
    """Messages that came within ten to twenty minutes though the primary is settled."""
    full: float = 6 * 3600.0
    """Before the file system is full at the present rate."""
    held: float = 3 * DAY
    """Age of the oldest held message."""
    certificate: float = 14 * DAY
    """Before a certificate expires."""
    drill: float = 30 * DAY
    """Since the last drill of a domain that is drilled."""
    put_off: int = 3
    """So few messages that a primary itself puts off (a full mailbox) are no backlog."""
