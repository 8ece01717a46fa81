"""A Postfix whose primary cannot be reached, and mail that waits in it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mxtui.delivery.direct.way import Direct
from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.model.plan import Target
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.queue_file import read_envelope
from mxtui.queues.postfix.whereabouts import locate
from tests.delivery.direct.feeding import direct, release, tell
from tests.queues.postfix.acting import QUIET, layout_of, settled, state, targets

DOMAINS = ("example.org", "example.net")


@dataclass
class Site:
    """One Postfix, for the tests of a module."""

    postfix: PrivatePostfix
    layout: Layout
    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def waiting(self, *recipients: str, count: int = 1, sender: str = "sender@example.com", **more: Any) -> list[str]:
        """Mail that Postfix could not deliver; its queue IDs."""
        ids = self.postfix.inject(sender, recipients, count=count, **more)
        settled(self.layout, ids, "deferred")
        return ids

    def held(self, *recipients: str, **more: Any) -> list[str]:
        """Mail that an operator has put on hold."""
        ids = self.waiting(*recipients, **more)
        tell(self.layout, "-h", ids, "deferred")
        return ids

    def targets(self, ids: Sequence[str]) -> list[Target]:
        return targets(self.layout, ids)

    def journal(self) -> Path:
        """A folder for another one."""
        return self.folder / f"journal{next(self.numbers)}"

    def way(self, route: int | Callable[..., Any], folder: Path | None = None, **more: Any) -> Direct:
        return direct(self.layout, folder or self.journal(), route, **more)

    def states(self, ids: Sequence[str]) -> list[str]:
        """Which queue each is in; empty when it is gone."""
        return [state(self.layout, each) for each in ids]

    def todo(self, queue_id: str) -> set[str]:
        """Who is still to get it."""
        here = locate(self.layout, queue_id)
        assert here is not None
        return {each.address for each in read_envelope(str(here.path)).recipients if each.state == "todo"}

    def mtime(self, queue_id: str) -> float:
        here = locate(self.layout, queue_id)
        assert here is not None
        return here.modified

    def finish_by_postfix(self, ids: Sequence[str], primary: FakePrimary) -> None:
        """Release what is held, and have Postfix deliver the rest; it is the judge of what was marked."""
        for domain in DOMAINS:
            self.postfix.route(domain, primary.port)
        release(self.layout, ids)
        settled(self.layout, ids, "")


@pytest.fixture(scope="module")
def site(folder: Path, servers: ExitStack) -> Site:
    nobody = free_port()
    routes = dict.fromkeys(DOMAINS, nobody)
    postfix = servers.enter_context(PrivatePostfix(folder / "postfix", routes=routes, settings=QUIET))
    return Site(postfix, layout_of(postfix), folder)
