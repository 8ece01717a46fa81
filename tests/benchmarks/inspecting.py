"""How long a message takes from its file to the lines of the inspector, in a process that is there already."""

import base64
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from textual.theme import BUILTIN_THEMES

from mxtui.cli.message import inspect_message
from mxtui.message.differences import Envelope, differences
from mxtui.message.limits import WHOLE
from mxtui.message.sandbox import Sandbox
from mxtui.queues.postfix import queue_file
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.tui.draw.inspector.layout import body
from mxtui.tui.draw.inspector.opened import Opened
from mxtui.tui.draw.scene import Scene
from mxtui.tui.look import make_look
from tests.benchmarks.table import Figure
from tests.queues.postfix.writer import QueueFile
from tests.queues.spool.making import put

SMALL, LARGE = 50_000, 25_000_000

LIMITS = {SMALL: 0.15, LARGE: 1.0}
"""Seconds."""

NAMES = {SMALL: "50 kB", LARGE: "25 MB"}


def inspecting(times: int) -> Iterator[Figure]:
    """From a spool, and the reading alone of the same from Postfix's own format."""
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder, Sandbox() as sandbox:
        spool = Spool.open(Path(folder) / "spool", create=True, hostname="mx2.example.net")
        queue = SpoolQueue(spool)
        began = time.perf_counter()
        sandbox.inspect(b"\n")
        yield Figure("inspector: its process, once for a console", time.perf_counter() - began)
        for size in (SMALL, LARGE):
            raw = letter(size)
            message = queue.find(put(spool, text=raw).id)
            assert message is not None

            def shown(queue_id: str = message.queue_id) -> object:
                found = queue.find(queue_id)
                assert found is not None
                seen = inspect_message(queue, queue_id, sandbox)
                remarks = differences(seen, Envelope(found.sender, found.arrival))
                return body(_scene(), Opened(found, seen, remarks))

            yield Figure(f"inspector: {NAMES[size]} on the screen", _took(shown, times), limit=LIMITS[size])
            path = Path(folder) / f"A{size}"
            path.write_bytes(QueueFile(message=raw).raw())
            path.chmod(0o700)
            # It waits for nothing but warm files: what else the machine does is not its cost.
            read = _took(lambda path=path: queue_file.content(str(path), WHOLE), times, time.thread_time)  # type: ignore[misc]
            yield Figure(f"inspector: {NAMES[size]} out of Postfix's format", read, limit=LIMITS[size] / 2)


def letter(size: int) -> bytes:
    """Text, HTML and an attachment that makes up its size."""
    head = b"From: Shop <news@shop.example>\nSubject: Offers\nContent-Type: multipart/mixed; boundary=b\n"
    text = b"\n--b\nContent-Type: text/plain\n\n" + b"See https://shop.example/offers and be quick.\n" * 40
    html = b"\n--b\nContent-Type: text/html\n\n" + b"<p>See <a href='https://shop.example/'>offers</a></p>\n" * 100
    start = b"\n--b\nContent-Type: application/pdf; name=offers.pdf\nContent-Transfer-Encoding: base64\n\n"
    room = size - len(head) - len(text) - len(html) - len(start)
    attached = base64.encodebytes(b"%PDF-1.7\n" + random.Random(1).randbytes(max(0, room * 56 // 77)))
    return head + text + html + start + attached + b"\n--b--\n"


def _took(deed: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> float:
    seconds = []
    for _ in range(max(3, times)):
        began = clock()
        deed()
        seconds.append(clock() - began)
    return median(seconds)


def _scene() -> Scene:
    theme = BUILTIN_THEMES["tokyo-night"]
    variables = theme.to_color_system().generate()
    look = make_look(variables, dark=True, native=False, mono=False, ascii_only=False)
    return Scene(look, time.time(), 140, 40)
