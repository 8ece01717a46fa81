"""A past for the pictures: what nobody can wait for while pictures are made.

Of the outage it is worked out from when the mail that waits came. The quiet day's is made up, as its mail is.
"""

import math
import time
from pathlib import Path

from mxtui.cli.attach import Attached
from mxtui.doctor.finding import Finding, Report
from mxtui.doctor.record import write_result
from mxtui.folders import space_of
from mxtui.model.drain.standing import Standing
from mxtui.model.drill import Drill
from mxtui.model.history import WHOLE, Sample, Tick
from mxtui.model.plan import FlushProgress

HOUR, DAY = 3600, 86_400

NIGHT = (13 * HOUR, 15 * HOUR)
"""When nobody watched, seconds ago."""


def outage(attached: Attached, down: str, domains: list[str]) -> None:
    """The last day of a queue as it is: how much waited when, and how long."""
    arrivals: dict[str, list[float]] = {domain: [] for domain in domains}
    for changes in attached.queue.read(subjects=False):
        for message in changes.present:
            for recipient in message.recipients:
                arrivals.setdefault(recipient.domain, []).append(message.arrival)
    began = min(arrivals[down])
    attached.history.path.parent.mkdir(exist_ok=True)
    now = int(time.time()) // 60 * 60
    for at in range(now - DAY, now, 60):
        if NIGHT[0] <= now - at < NIGHT[1]:
            continue
        samples = {}
        for domain, times in arrivals.items():
            there = [arrival for arrival in times if arrival < at + 60]
            fresh = sum(arrival >= at for arrival in there)
            oldest = int(at + 60 - min(there)) if there else None
            bad = domain == down and at >= began
            passing = 0 if bad else int(2 + 2 * math.sin(at / 9_000))
            samples[domain] = Sample(len(there), oldest, fresh + passing, passing, "down" if bad else "up",
                                     60 if bad else 0, None if bad else 12.0)  # fmt: skip
        attached.history.write(Tick(at, samples), at + 60)


def quiet(attached: Attached, domains: list[str], folder: Path) -> None:
    """Three days in which all was well but for an outage, with a drain after it, a drill and a look by doctor."""
    now = int(time.time()) // 60 * 60
    space = space_of(folder)
    attached.history.path.parent.mkdir(exist_ok=True)
    down = range(now - 50 * HOUR, now - 43 * HOUR - 1140)
    for at in (*range(now - 3 * DAY, now - DAY, 300), *range(now - DAY, now, 60)):
        samples = {}
        for number, domain in enumerate(domains):
            bad = number == 0 and at in down
            flow = int(1 + number % 2 + math.sin(at / 7_000 + number))
            depth = (at - down.start) // 12 if bad else int((at // 60 + number) % 29 == 0)
            oldest = at - down.start if bad else 41 if depth else None
            samples[domain] = Sample(depth, oldest, flow, 0 if bad else flow, "down" if bad else "up",
                                     60 if bad else 0, None if bad else 9.0 + 3 * number)  # fmt: skip
        whole = sum(sample.depth for sample in samples.values())
        ages = [sample.oldest for sample in samples.values() if sample.oldest is not None]
        flow = sum(sample.arrived or 0 for sample in samples.values())
        samples[WHOLE] = Sample(whole, max(ages, default=None), flow, flow, "unknown", 0, None)
        attached.history.write(Tick(at, samples, space, flow * 150_000), at + 60)
    progress = FlushProgress(2_074, 2_060, 0, 0, 0, 1.3, None, "done", refused=14)
    began = float(down.stop + 240)
    standing = Standing("", f"domain:{domains[0]}", "through Postfix", "anna", 1, began, began, progress=progress)
    with attached.drains.running(standing.over(began + 1_620)):
        pass
    attached.drilled.add(Drill(now - 11 * DAY, domains[0], "queue", "passed", 41.0, "250 fine"))
    passed = [Finding("clock", "pass", "kept by NTP")] * 41
    write_result(Report(now - 2 * DAY - HOUR, 1.4, attached.queue.source.path, passed), attached.state)
