"""`mxtui` alone: the console."""

import os
import sys

from mxtui.cli.attach import attach
from mxtui.cli.show import INSPECTED
from mxtui.errors import UsageError
from mxtui.index import Index
from mxtui.message.inspect import Inspection, inspect
from mxtui.monitor import Monitor


def open_console(
    source: str | None, config: str | None, *, no_color: bool, mouse: bool, ascii_only: bool, theme: str | None
) -> None:
    """Attach and run until the operator leaves."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the console needs a terminal", "mxtui status, list and the other commands do not.")
    if no_color:
        os.environ["NO_COLOR"] = "1"
    with attach(source, config) as attached:
        import time

        from mxtui.tui.run import run_console
        from mxtui.tui.services import Services, Settings

        queue, wanted = attached.queue, attached.settings.console
        monitor = Monitor(
            queue, Index(time.time()), attached.primaries(), always=attached.relayed, thresholds=attached.thresholds
        )

        def look_inside(queue_id: str) -> Inspection:
            content = queue.content(queue_id, INSPECTED)
            return inspect(content, truncated=len(content) == INSPECTED)

        services = Services(
            monitor=monitor,
            operations=attached.operations,
            inspect=look_inside,
            content=queue.content,
            own_names=frozenset({queue.source.name.lower()}),
            settings=Settings(
                theme=theme or wanted.theme,
                ascii=ascii_only or wanted.ascii,
                mouse=mouse and wanted.mouse,
                keymap=wanted.keys,
            ),
        )
        try:
            run_console(services)
        finally:
            monitor.close()
