"""An outage of a day, replayed with a clock that takes no time: each alert when it should, and not otherwise.

The table is printed whatever pytest captures: what fires when is for people to read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mxtui.model.alerts import Facts
from mxtui.model.alerts.facts import KilledDrain
from mxtui.model.alerts.order import GRAVITY
from mxtui.model.drill import Drill
from mxtui.model.health import Climb, Rung
from mxtui.model.holds import DomainHold
from mxtui.model.overview import DomainStatus, QueueTotals
from mxtui.model.recovery import Recovery
from mxtui.model.source import Capabilities
from tests.model.alerts.story import DAY, HOUR, MINUTE, NOW, ROOM, RUNNING, Story, flow, health, row

EXPIRES = 1_800_691_200.0  # 2027-01-23, 08:00

DRILLED = {"example.org": Drill(NOW - DAY, "example.org", "queue", "passed", 4.0, "250 fine")}

WELL_DRILLED = Facts(("example.org",), DRILLED)

CALM = row("example.net")


@dataclass
class Scene:
    """For so long, looked at every ten seconds, all is so."""

    words: str
    seconds: float
    alerts: set[str]
    """In the end."""
    row: DomainStatus
    more: dict[str, Any] = field(default_factory=dict)
    facts: Facts = WELL_DRILLED
    asleep: float = 0.0
    """Seconds before it that nobody watched."""


def waiting(number: int, since: float, **more: Any) -> DomainStatus:
    more.setdefault("reason", "connection refused")
    return row(messages=number, oldest=since, **more)


def scenes(at: float) -> Iterator[Scene]:
    """Of one domain; another one is well all the time."""
    down = health("down", since=at + HOUR)
    yield Scene("all is well", HOUR, set(), row())
    outage = at + HOUR
    yield Scene("its primary is down, nothing waits", MINUTE, {"primary_down"}, row(health=down))
    yield Scene(
        "mail comes, as it should", 2 * HOUR, {"primary_down"}, waiting(900, outage, health=down, flow=flow(900))
    )
    busy = health("degraded", since=outage)
    yield Scene("it answers 421", 5 * MINUTE, {"primary_degraded"}, waiting(900, outage, health=busy, flow=flow(900)))
    unsteady = health("flapping", since=outage)
    yield Scene("up and down", 5 * MINUTE, {"primary_flapping"}, waiting(900, outage, health=unsteady, flow=flow(900)))
    yield Scene("up again; its mail is left alone", 9 * MINUTE, set(), waiting(900, outage, flow=flow(900)))
    yield Scene("still left alone after ten minutes", 2 * MINUTE, {"stalled"}, waiting(900, outage, flow=flow(900)))
    yield Scene("one message goes", MINUTE, set(), waiting(899, outage, flow=flow(900, 1)))
    yield Scene("one more; the rest is hours old", 5 * MINUTE, {"backlog"}, waiting(898, outage, flow=flow(900, 2)))
    refused = flow(900, 102, sent=90, refused=12)
    yield Scene("it refuses one in nine", MINUTE, {"refused"}, waiting(798, outage + 3 * HOUR, flow=refused))
    done = flow(900, 900, sent=888, refused=12)
    yield Scene("all went", 25 * MINUTE, set(), row(flow=done))
    yield Scene("it sends us its mail though it is up", MINUTE, {"accepting"}, row(flow=flow(930, 930, 918, 12)))
    quiet = flow(930, 930, 918, 12)
    yield Scene("no more of that", 30 * MINUTE, set(), row(flow=quiet))
    later = at + 5 * HOUR
    grey = waiting(30, later, flow=quiet, reason="451 greylisted")
    yield Scene("it greylists us", 9 * MINUTE, set(), grey)
    full = waiting(29, later, flow=replace(quiet, left=931), reason="452 mailbox full")
    yield Scene("for another reason now", 6 * MINUTE, {"reason_changed"}, full)
    yield Scene("that is sorted out", MINUTE, set(), row(flow=quiet))
    spam = replace(WELL_DRILLED, suspects=400, campaigns=2)
    yield Scene("two campaigns of spam wait", MINUTE, {"suspects"}, row(flow=quiet), facts=spam)
    silent = replace(WELL_DRILLED, silent=("rspamd at 127.0.0.1:11333: connection refused",))
    yield Scene("its scanner is started anew", 30.0, set(), row(flow=quiet), facts=silent)
    yield Scene("and answers again", 10.0, set(), row(flow=quiet))
    yield Scene("its scanner dies", 2 * MINUTE, {"scanner"}, row(flow=quiet), facts=silent)
    yield Scene("and comes back", 2 * MINUTE, set(), row(flow=quiet))
    yield Scene("they were deleted", MINUTE, set(), row(flow=quiet))
    short = row(messages=1, oldest=at - 4 * DAY, expires=at + 15 * HOUR, flow=quiet, reason="452 mailbox full")
    yield Scene("a full mailbox, given up in hours", MINUTE, {"expiry"}, short)
    old = row(messages=2, oldest=at - 4 * DAY, held=at - 4 * DAY, states={"hold": 2}, flow=quiet)
    yield Scene("forgotten in hold", MINUTE, {"held"}, old)
    moving = DomainHold("example.org", "migrate", "new host", "anna", later, at + 3 * DAY, "", None)
    yield Scene("it moves, and nothing catches new mail", MINUTE, {"migration"}, row(hold=moving, flow=quiet))
    yield Scene(
        "it was to have moved by now", MINUTE, {"migration_end"},
        row(hold=replace(moving, until=at + HOUR, caught_since=later), flow=quiet),
    )  # fmt: skip
    resting = replace(moving, kind="suspend")
    yield Scene("suspended by an operator", MINUTE, {"suspended"}, row(hold=resting, flow=quiet))
    yield Scene("and never resumed", MINUTE, {"hold_not_ended"}, row(hold=replace(resting, until=at), flow=quiet))
    yield Scene("nothing of all that", MINUTE, set(), row(flow=quiet))
    yield Scene("qmgr is gone", MINUTE, set(), row(flow=quiet), {"capabilities": replace(RUNNING, delivers=False)})
    yield Scene(
        "for two minutes", 90, {"forwarder"}, row(flow=quiet), {"capabilities": replace(RUNNING, delivers=False)}
    )
    stopped = Capabilities("files", running=False)
    yield Scene("Postfix is stopped", MINUTE, {"stopped"}, row(flow=quiet), {"capabilities": stopped})
    yield Scene("and started", MINUTE, set(), row(flow=quiet))
    yield Scene("room for a day", 20 * MINUTE, set(), row(flow=quiet), {"space": ROOM})
    nearly = replace(ROOM, bytes_free=19 << 30)
    yield Scene("two fifths of the disk in a minute", 70, {"disk", "filling"}, row(flow=quiet), {"space": nearly})
    yield Scene("and again more", 20 * MINUTE, set(), row(flow=quiet), {"space": ROOM})
    refused_it = Recovery("mx1.example.org:25", ("example.org",), "stopped", later, at + 3 * DAY, "it was refused")
    guarded = replace(RUNNING, recovering=(refused_it,))
    yield Scene("serve's drain was stopped", MINUTE, {"drain_stopped"}, row(flow=quiet), {"capabilities": guarded})
    unwell = replace(RUNNING, recovering=(replace(refused_it, word="settling", why="RCPT is refused"),))
    yield Scene("and is not begun", MINUTE, {"not_drained"}, row(flow=quiet), {"capabilities": unwell})
    trusted = replace(RUNNING, recovering=(replace(refused_it, word="well", why="no drain can be registered"),))
    yield Scene("and cannot be", MINUTE, {"not_drained"}, row(flow=quiet), {"capabilities": trusted})
    killed = replace(WELL_DRILLED, killed=KilledDrain(at, 5, ("4B1",)))
    in_hold = row(messages=6, oldest=later, states={"hold": 6}, flow=quiet)
    yield Scene("our own sender is killed", MINUTE, {"drain_killed"}, in_hold, {"states": {"hold": 6}}, facts=killed)
    yield Scene("and a flush puts it back", MINUTE, set(), row(flow=quiet))
    given_up = row(messages=2, oldest=later, states={"failed": 2}, flow=quiet)
    yield Scene("two of a spool's are given up", MINUTE, {"failed"}, given_up, {"states": {"failed": 2}})
    yield Scene("a file was set aside", MINUTE, {"corrupt"}, row(flow=quiet), {"states": {"corrupt": 1}})
    expiring = health(climb=Climb(NOW, (Rung("starttls", "passed", 2.0, "TLSv1.3"),), EXPIRES))
    yield Scene("its certificate ends in a week", MINUTE, {"certificate"}, row(health=expiring, flow=quiet))
    never = Facts(("example.org",), {})
    yield Scene("nobody ever drilled it", MINUTE, {"drill"}, row(flow=quiet), facts=never)
    mute = replace(WELL_DRILLED, untold="alerts could not be told by command: /bin/page: exit status 3")
    yield Scene("whoever is to be told cannot be", MINUTE, {"notify"}, row(flow=quiet), facts=mute)
    late = replace(RUNNING, caveat="file-system events are not to be had; looking every few seconds instead")
    yield Scene("there are no file-system events", MINUTE, {"figures"}, row(flow=quiet), {"capabilities": late})
    yield Scene("drilled", MINUTE, set(), row(flow=quiet))
    yield Scene(
        "the host slept for a night", 14 * MINUTE, set(), waiting(40, at + 20 * HOUR, flow=quiet), asleep=8 * HOUR
    )
    yield Scene("its clock was set back a day", 14 * MINUTE, set(), row(flow=quiet), asleep=-DAY)


def test_an_outage_of_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story()
    table, wrong, seen = [], [], set()
    for scene in scenes(story.now):
        story.sleep(scene.asleep)
        story.facts = scene.facts
        more = dict(scene.more)
        states = more.pop("states", {})
        began = story.now
        if states:
            more["queue"] = QueueTotals(2, states=states)
        story.go_on(scene.seconds, scene.row, CALM, **more)
        found = {alert.name for alert in story.alerts}
        others = {alert.domain for alert in story.alerts} - {"example.org", None}
        well = found == scene.alerts and not others
        seen |= found
        wrong += [] if well else [f"{scene.words}: {found or 'none'}, not {scene.alerts or 'none'} {others or ''}"]
        hours, minutes = divmod(int(began - NOW) // 60, 60)
        said = ", ".join(sorted(found)) or "–"
        table.append(f"{hours:3}:{minutes:02}  {scene.words:<42}  {said:<18}  {'as it should' if well else 'WRONG'}")
    assert set(GRAVITY) == seen, "every alert there is was there"
    with capsys.disabled():
        print("\n\n  when  what happens                                alerts              verdict")
        print("\n".join(table))
    assert not wrong, "\n".join(wrong)
