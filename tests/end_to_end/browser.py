"""A browser for tests: Chromium without a window, driven and read through its DevTools protocol over two pipes.

It is kept from the network: nothing but 127.0.0.1 has an address.
"""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.end_to_end.terminal import Screen, Wanted
from tests.support.waiting import PATIENCE

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--explicitly-allowed-ports=10080",
)  # fmt: skip

# The page keeps its terminal to itself. xterm.js paints on a canvas, and its buffer is what it paints.
_CATCH_TERMINAL = """
Object.defineProperty(Object.prototype, "fitAddon", {
  configurable: true,
  set(value) {
    Object.defineProperty(this, "fitAddon", {value, writable: true});
    window.shown = this.terminal;
  },
});
"""
_LINES = """
(() => {
  if (!window.shown) return [];
  const buffer = shown.buffer.active, lines = [];
  for (let y = 0; y < shown.rows; y++) lines.push(buffer.getLine(y)?.translateToString(true, 0, shown.cols) ?? "");
  return lines;
})()
"""
_CELLS = """
(() => {
  const {left, top, width, height} = shown.element.querySelector(".xterm-screen").getBoundingClientRect();
  return [left, top, width / shown.cols, height / shown.rows];
})()
"""

_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40)}

_END = 10.0
"""Seconds for the browser to end after its pipes are closed, before it is killed."""


def find_chromium() -> str | None:
    """Where it is."""
    return shutil.which("chromium")


def _pipe() -> tuple[int, int]:
    """Neither end is a descriptor that the browser wants for something else."""
    reading, writing = os.pipe()
    above = fcntl.fcntl(reading, fcntl.F_DUPFD_CLOEXEC, 10), fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(reading)
    os.close(writing)
    return above


class Browser:
    """One page of so many pixels, showing an address."""

    def __init__(self, address: str, profile: Path, *, width: int = 1200, height: int = 800) -> None:
        chromium = find_chromium()
        assert chromium is not None
        commands, self._write = _pipe()
        self._read, answers = _pipe()
        # It speaks on descriptors 3 and 4; sh(1) knows none above 9.
        argv = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", chromium, *_FLAGS]
        argv += [f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(argv, stdout=quiet, stderr=quiet, pass_fds=(commands, answers))
        os.close(commands)
        os.close(answers)
        self._numbers = itertools.count(1)
        self._session = ""
        self._pending = b""
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=_CATCH_TERMINAL)
        self.resize(width, height)
        self._call("Page.navigate", url=address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        try:
            self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    # -- eyes -----------------------------------------------------------------------------------------------------

    @property
    def screen(self) -> Screen:
        """The lines of the terminal in the page; none before it is there."""
        lines = self._evaluate(_LINES)
        assert isinstance(lines, list)
        return lines

    def wait_for(self, wanted: Wanted) -> Screen:
        """The screen that shows it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            screen = self.screen
            if any(wanted in line for line in screen) if isinstance(wanted, str) else wanted(screen):
                return screen
            assert time.monotonic() < deadline, "\n".join([f"never shown: {wanted}", *screen])
            time.sleep(0.05)

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    # -- hands ----------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Characters, or keys by name."""
        for key in keys:
            text, code = _KEYS.get(key, (key, 0))
            about: dict[str, Any] = {"key": key, **({"windowsVirtualKeyCode": code} if code else {})}
            self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
            self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, column: int, line: int) -> None:
        """With the mouse, on a cell of the terminal."""
        left, top, width, height = self._evaluate(_CELLS)
        where = {"x": left + (column + 0.5) * width, "y": top + (line + 0.5) * height}
        self._call("Input.dispatchMouseEvent", type="mouseMoved", **where)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)

    def resize(self, width: int, height: int) -> None:
        """The window, in pixels."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    # -- the protocol ---------------------------------------------------------------------------------------------

    def _evaluate(self, expression: str) -> Any:
        done = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"]["value"]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Messages are JSON, each ended by a null byte; events between are of no interest."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        asked = json.dumps({"id": number, "method": method, "params": parameters, **session}).encode() + b"\0"
        while asked:
            asked = asked[os.write(self._write, asked) :]
        deadline = time.monotonic() + PATIENCE
        while True:
            message, end, rest = self._pending.partition(b"\0")
            if not end:
                left = max(0.0, deadline - time.monotonic())
                assert select.select([self._read], [], [], left)[0], f"no answer to {method}"
                data = os.read(self._read, 1 << 16)
                assert data, f"the browser ended at {method}"
                self._pending += data
                continue
            self._pending = rest
            said = json.loads(message)
            if said.get("id") == number:
                assert "error" not in said, said
                result = said["result"]
                assert isinstance(result, dict)
                return result
