"""Values that are copied by hand, for speed: nothing that they hold gets lost."""

from dataclasses import fields, replace

from mxtui.model.holds import DomainHold
from mxtui.model.overview import Acknowledgement, Alert, DomainStatus
from tests.model.alerts.story import NOW, flow, row

ALERT = Alert(
    "backlog", "warning", "example.org", "mail waits", NOW, "BACKLOG", 7,
    Acknowledgement("backlog", "example.org", "warning", "known", "anna", NOW, NOW + 60), ("example.net",),
)  # fmt: skip


def test_a_row_with_its_alerts_is_the_same_row() -> None:
    hold = DomainHold("example.org", "migrate", "moves", "anna", NOW, NOW + 60)
    bare = row("example.org", 3, change_per_minute=1.5, history=(1, None), hold=hold, flow=flow(arrived=3))
    bare = replace(bare, settled_at=NOW + 60)
    assert all(getattr(bare, each.name) != each.default for each in fields(DomainStatus) if each.name != "alerts")
    assert bare.with_alerts((ALERT,)) == replace(bare, alerts=(ALERT,))


def test_an_alert_that_lasts_is_the_same_alert() -> None:
    assert all(getattr(ALERT, each.name) != each.default for each in fields(Alert))
    assert ALERT.lasting(NOW - 60) == replace(ALERT, since=NOW - 60)
