"""`mxtui agent`: the far end of a console on another host, over stdin and stdout. Operators do not type it."""

import os
import sys
import time

import click

from mxtui import __version__
from mxtui.cli.answering import Answers
from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.errors import UsageError
from mxtui.queues.remote.calls import ACTS, READS
from mxtui.queues.remote.frames import Hello
from mxtui.queues.remote.serving import Serving


@click.command("agent")
@common_options
def agent_command(queue: str | None, config: str | None, no_color: bool) -> None:
    """Answer a console on another host (-q ssh://…), which runs this through ssh, with the rights of who logs in."""
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise UsageError("an agent talks to another mxtui, not to people", "mxtui -q ssh://HOST starts one there.")
    source, sink = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints where it does no harm
    with attach(queue, config, here="agent") as attached:
        hello = Hello(READS, ACTS, __version__, attached.queue.source, time.time(), attached.relayed)
        Serving(source, sink, Answers(attached, queue, config).handlers()).run(hello)
