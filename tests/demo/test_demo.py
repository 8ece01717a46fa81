"""`mxtui demo` as a newcomer runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal

DEMO = [sys.executable, "-m", "mxtui", "demo"]


def test_the_script_needs_no_terminal_and_proves_its_point() -> None:
    done = subprocess.run([*DEMO, "--script", "--outage", "5"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("was delivered exactly once")


@pytest.mark.timeout(300)  # an outage takes its time, and so does the recovery
def test_a_newcomer_sees_the_outage_come_and_go_and_takes_it_over(tmp_path: Path) -> None:
    with Terminal([*DEMO, "--outage", "6"], columns=100, lines=30, env={"TMPDIR": str(tmp_path)}) as terminal:
        terminal.wait_for("standing by")
        terminal.wait_for("All 4 primaries are up.")
        terminal.wait_for("DOWN")
        terminal.wait_for("accepting")
        terminal.wait_for("All 4 primaries are up.")
        terminal.press("F2")
        terminal.wait_for("its primary is down")
        terminal.wait_for("DOWN")
        terminal.press("F2")
        terminal.wait_for("its primary is back")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
        assert any("delivered exactly once" in line for line in terminal.screen())
    assert list(tmp_path.iterdir()) == [], "nothing is left"
