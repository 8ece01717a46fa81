"""History of a queue on disk: a small SQLite file that whoever monitors writes, and everybody else reads."""

from mxtui.history.recorder import Recorder
from mxtui.history.store import Store

__all__ = ["Recorder", "Store"]
