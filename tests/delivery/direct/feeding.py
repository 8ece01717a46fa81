"""A feed as a drain would be one, and a run of the direct way over it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mxtui.delivery.direct.way import Direct
from mxtui.delivery.host import HostKey
from mxtui.delivery.policy import Policy, Timeouts
from mxtui.model.drain.way import Feed, Settled, Way
from mxtui.model.plan import Target
from mxtui.model.route import Ourselves
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import postsuper
from mxtui.queues.postfix.run import run
from mxtui.queues.postfix.sockets import request_delivery

OURSELVES = Ourselves("mx2.example.net")

QUICK = Policy(
    xclient=False, idle=0.5, grace=3.0, timeouts=Timeouts(connect=2.0, reply=3.0, block=2.0, final=3.0, quit=0.5)
)
"""The defaults, for people in a hurry."""


class Given:
    """Everything at once, over so many connections."""

    def __init__(self, targets: Sequence[Target], connections: int = 2) -> None:
        self.left = list(targets)
        self.connections = connections
        self.stopped = False

    def take(self, most: int) -> Sequence[Target]:
        taken, self.left = self.left[:most], self.left[most:]
        return taken

    @property
    def over(self) -> bool:
        return not self.left

    def connections_to(self, host: str) -> int:
        return self.connections

    def connections_for(self, target: Target) -> int:
        return self.connections


def to(port: int) -> Callable[[str], HostKey]:
    """`--to 127.0.0.1:PORT`."""
    return lambda domain: HostKey("127.0.0.1", port, lookup_mx=False)


def direct(layout: Layout, folder: Path, route: int | Callable[[str], HostKey], policy: Policy = QUICK) -> Direct:
    return Direct(layout, folder, to(route) if isinstance(route, int) else route, ourselves=OURSELVES, policy=policy)


def run_through(way: Way, feed: Feed) -> Iterator[Settled]:
    """What is settled, one after the other."""
    for some in way.deliver(feed, threading.Event()):
        yield from some


def deliver(way: Direct, targets: Sequence[Target], connections: int = 2) -> dict[str, Settled]:
    """A whole run; each message is settled once."""
    settled = list(run_through(way, Given(targets, connections)))
    by_id = {each.queue_id: each for each in settled}
    assert len(by_id) == len(settled)
    assert set(by_id) == {target.queue_id for target in targets}
    return by_id


def tell(layout: Layout, option: str, queue_ids: Sequence[str], *queues: str) -> None:
    """What an operator does with postsuper(1)."""
    run(postsuper(layout, (option, "-", *queues)), input=b"".join(each.encode() + b"\n" for each in queue_ids))


def release(layout: Layout, queue_ids: Sequence[str]) -> None:
    """Out of hold where they are held, and tried now."""
    tell(layout, "-H", queue_ids, "hold")
    for _ in request_delivery(layout.queue_directory, queue_ids):
        pass
