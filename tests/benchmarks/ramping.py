"""How long a drain takes to come up to speed where its primary is far away: paced, beside the same way unpaced."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import inf
from pathlib import Path
from statistics import median
from typing import Final

from mxtui.cli.draining import AHEAD
from mxtui.delivery.following import target
from mxtui.delivery.policy import Policy
from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from mxtui.draining import Draining
from mxtui.model.drain.batches import Batches
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Way
from mxtui.model.next_hop import NextHop
from mxtui.model.plan import Target
from mxtui.model.route import Ourselves
from mxtui.primary.route import ConfiguredRouter, MxRouter
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.spool.store import Spool
from mxtui.registered import RESERVE
from mxtui.service.alone import Forwarding
from tests.benchmarks.distance import distant
from tests.benchmarks.draining import DOMAIN, deferred, letter, sink
from tests.benchmarks.table import Figure
from tests.delivery.direct.feeding import direct
from tests.delivery.spooling import envelope
from tests.queues.postfix.acting import layout_of, targets
from tests.support.feeding import Everything

LATENCY: Final = 0.05
"""Seconds there and back."""

LIMIT: Final = 15.0
"""Seconds to so large a share of the rate at the cap."""
SHARE: Final = 0.8

WINDOW: Final = 1.0
"""Seconds over which a rate is measured."""

Curve = list[tuple[float, int]]
"""Seconds since the start, and messages delivered by then; in order, from (0, 0) on."""

Made = tuple[Way, Sequence[Target], bool]
"""A way, what it is to deliver, and whether the way is another's engine."""


def unpaced(made: Made) -> Curve:
    """The way alone: all it can take, over as many connections as a drain ever has."""
    way, found, _ = made
    feed = Everything(found)
    curve: Curve = [(0.0, 0)]
    began, delivered = time.monotonic(), 0
    for settled in way.deliver(feed, threading.Event()):
        delivered += sum(each.fate == "delivered" for each in settled)
        curve.append((time.monotonic() - began, delivered))
    return _whole(curve, len(found))


def paced(made: Made, ahead: int, reserve: int) -> Curve:
    """A drain as `mxtui flush` has it."""
    way, found, engine = made
    settings = DrainSettings(ahead=ahead, reserve=reserve)
    pace = Batches(settings) if engine else Connections(settings)
    began = time.monotonic()
    drain = Drain(found, settings, pace, began)
    curve: Curve = [(0.0, 0)]
    curve += [(time.monotonic() - began, progress.delivered) for progress in Draining(drain, way).run()]
    return _whole(curve, len(found))


def _whole(curve: Curve, count: int) -> Curve:
    if curve[-1][1] != count:
        raise RuntimeError(f"{curve[-1][1]} of {count} messages were delivered")
    return curve


def rate_at_the_cap(curve: Curve) -> float:
    """Messages a second, without the beginning and the end, of which a handful has none."""
    whole = curve[-1][1]
    middle = [(at, delivered) for at, delivered in curve if 0.3 * whole <= delivered <= 0.9 * whole]
    (first, few), (last, many) = (middle[0], middle[-1]) if len(middle) > 1 else (curve[0], curve[-1])
    return (many - few) / (last - first)


def reached(curve: Curve, rate: float) -> float:
    """Seconds until the end of a second in which so many were delivered; infinitely many where there was none."""
    for at, delivered in curve:
        before = [many for earlier, many in curve if earlier <= at - WINDOW]
        if before and delivered - before[-1] >= rate * WINDOW:
            return at
    return inf


@contextmanager
def _far_away(port: int) -> Iterator[None]:
    """A server that takes everything, found at this port."""
    with sink(real := free_port()), distant(real, LATENCY / 2, port):
        yield


def _queued(postfix: PrivatePostfix) -> list[Target]:
    paths = (postfix.queue_directory / "deferred").rglob("*")
    return targets(layout_of(postfix), [path.name for path in paths if path.is_file()])


@contextmanager
def _direct(folder: Path, count: int) -> Iterator[Made]:
    """Our sender on a Postfix queue."""
    port = free_port()
    with deferred(folder, count, port, {}) as postfix, _far_away(port):
        yield direct(layout_of(postfix), folder / "journal", port, Policy()), _queued(postfix), False


@contextmanager
def _engine(folder: Path, count: int) -> Iterator[Made]:
    """Postfix itself, with its defaults for connections."""
    port = free_port()
    with deferred(folder, count, port, {}) as postfix, _far_away(port):
        yield PostfixQueue(layout_of(postfix)), _queued(postfix), True


@contextmanager
def _spool(folder: Path, count: int) -> Iterator[Made]:
    """Our forwarder on a spool, without a serve."""
    spool = Spool.open(folder / "spool", create=True, hostname="mx2.example.net")
    content = letter()
    made = [(envelope(f"user{number}@{DOMAIN}", content=content), [content]) for number in range(count)]
    assert not any(spool.commit(made))
    port = free_port()
    with _far_away(port):
        hop = NextHop("127.0.0.1", port, lookup_mx=False)
        router = ConfiguredRouter({DOMAIN: hop}, MxRouter(Ourselves("mx2.example.net")))
        yield Forwarding(spool, router, Policy()), [target(each, "deferred") for each, _ in made], False


WAYS: Final[Sequence[tuple[str, Callable[[Path, int], AbstractContextManager[Made]], int, int]]] = (
    ("our sender on Postfix's queue", _direct, AHEAD, 0),
    ("our forwarder on a spool", _spool, 1, RESERVE),
    ("Postfix", _engine, 1, 0),
)
"""In words; how it is made; messages in hand for each connection, and in reserve."""


def ramping(messages: int, times: int) -> Iterator[Figure]:
    """Each way, paced and unpaced in turns; the median of each."""
    for words, make, ahead, reserve in WAYS:
        rates: list[float] = []
        curves: list[Curve] = []
        for _ in range(times):
            with _folder() as folder, make(folder, messages) as made:
                rates.append(rate_at_the_cap(unpaced(made)))
            with _folder() as folder, make(folder, messages) as made:
                curves.append(paced(made, ahead, reserve))
        rate = median(rates)
        yield Figure(f"{1000 * LATENCY:.0f} ms away: drained a second at the cap by {words}", rate, "")
        seconds = [reached(curve, SHARE * rate) for curve in curves]
        yield Figure(f"{1000 * LATENCY:.0f} ms away: ramp to {100 * SHARE:.0f} % of that", median(seconds), "s", LIMIT)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postfix's daemons are not root
        yield folder
