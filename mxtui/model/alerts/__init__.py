"""What needs an operator: pure rules over overviews.

    overview ─► present (one look tells)   ─┐
       └─► memory ─► moving (a run of looks) ┴─► hysteresis ─► acknowledged? ─► alerts, what was resolved

`Watch` puts them together; `news` says what of it somebody has to be told, `storms` in how few words.
"""

from mxtui.model.alerts.facts import NO_FACTS, Facts
from mxtui.model.alerts.present import alerts
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.alerts.watch import LOOKING_IN, Watch, judged

__all__ = ["LOOKING_IN", "NO_FACTS", "Facts", "Thresholds", "Watch", "alerts", "judged"]
