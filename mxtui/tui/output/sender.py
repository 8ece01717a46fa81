"""Sends a terminal the latest picture: frames that it had no time for are never sent."""

import threading
import time
from collections.abc import Callable
from io import TextIOBase
from typing import Any, Final

from mxtui.tui.output.pace import ASK, Pace
from mxtui.tui.output.screenful import Screenful

_ENTER, _LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""The screen of a program of its own (xterm, ctlseqs)."""

_AT_ONCE: Final = "\x1b[?2026h{}\x1b[?2026l"
"""Drawn at once where the terminal knows how to."""

_ONE_PIECE: Final = 200
"""Bytes that are there at once anyway."""

_CLOSING: Final = 2.0
"""Seconds that leaving waits for a terminal that takes nothing."""


class Sender(TextIOBase):
    """Where the driver writes. Never waits and never fails: what a lost terminal does not take is lost with it."""

    def __init__(self, file: Any, lost: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`file` is the terminal; `lost` is called when it does not take what is written."""
        self._file, self._lost, self._clock = file, lost, clock
        self._screenful = Screenful()
        self._pace = Pace()
        self._controls: list[str] = []
        self._picture = False
        """Whether the terminal shows ours."""
        self._at_once = False
        self._busy = False
        self._changed = threading.Condition()
        # It ends with the process.
        threading.Thread(target=self._work, name="mxtui-terminal", daemon=True).start()

    # -- in any thread ------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """The terminal's."""
        return int(self._file.fileno())

    def write(self, text: str) -> int:
        """Have it shown, some time soon."""
        with self._changed:
            self._at_once = self._at_once or "\x1b[?2026h" in text
            if _ENTER in text:
                self._picture = True
                self._screenful = Screenful()
            controls = self._screenful.take(text)
            if _LEAVE in controls:
                self._picture = False
            self._controls += controls
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """It is on its way anyway."""

    def answered(self) -> None:
        """The terminal told where its cursor is."""
        with self._changed:
            self._pace.answers(self._clock())
            self._changed.notify_all()

    def forget(self, columns: int, lines: int) -> None:
        """The terminal may show anything, and has this size now: what comes is sent whole."""
        with self._changed:
            self._screenful.forget(columns, lines)
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until all is sent that is no picture; blocks."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._controls or self._busy), _CLOSING)

    # -- in its own ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                text = self._next()
                self._busy = bool(text)
                self._changed.notify_all()
                if not text:
                    self._changed.wait(self._pace.wait(self._clock()))
                    continue
            try:
                self._file.write(text)
                self._file.flush()
            except OSError:
                self._lost()

    def _next(self) -> str:
        """What may go out now."""
        controls, self._controls = "".join(self._controls), []
        if controls:
            self._screenful.lose_cursor()
        picture = ""
        if self._picture and self._screenful.differs and (room := self._pace.room(self._clock())):
            picture = self._screenful.difference(room)
        if picture:
            if self._at_once and len(picture) > _ONE_PIECE:
                picture = _AT_ONCE.format(picture)
            if self._pace.sends(len(picture.encode()), self._clock()):
                picture += ASK
        return controls + picture
