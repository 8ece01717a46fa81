"""Several queues for one console: each reached when it can be, and let go of when the console is left."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING

from mxtui.cli.attach import attach
from mxtui.cli.console import services
from mxtui.cli.draining import naming
from mxtui.cli.members import Member
from mxtui.errors import MxtuiError

if TYPE_CHECKING:
    from mxtui.tui.services import Services, Settings


class Consoles:
    """See `tui.services.Fleet`."""

    def __init__(self, members: Sequence[Member], config: str | None, settings: "Settings") -> None:
        self.settings = settings
        self._members = {member.name: member for member in members}
        self._config = config
        self._lock = threading.Lock()
        self._open: list[ExitStack] = []
        self._left = False

    @property
    def names(self) -> Sequence[str]:
        """In the order in which they were named."""
        return list(self._members)

    def connect(self, name: str) -> "Services":
        """Reach one of them. Raises MxtuiError."""
        source = self._members[name].source
        with ExitStack() as stack:
            attached = stack.enter_context(attach(source, self._config))
            known = stack.enter_context(services(attached, self.settings, None, naming(source, self._config)))
            with self._lock:
                if self._left:
                    raise MxtuiError("the console was left")
                self._open.append(stack.pop_all())
            return known

    def __enter__(self) -> "Consoles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._left = True
            opened, self._open = self._open, []
        for stack in opened:
            with suppress(MxtuiError):
                stack.close()
