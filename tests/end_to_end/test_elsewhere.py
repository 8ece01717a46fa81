"""The console on another host's queue, at a terminal, through the loss of that host and its return."""

import sys
from collections.abc import Iterator

import pytest

from tests.cli.elsewhere import Elsewhere, mail_elsewhere
from tests.end_to_end.terminal import Terminal


@pytest.fixture
def elsewhere(need_postfix: None) -> Iterator[Elsewhere]:
    with mail_elsewhere() as made:
        yield made


def test_a_host_that_goes_away_is_said_to_be_and_caught_up_with_when_it_returns(elsewhere: Elsewhere) -> None:
    first = elsewhere.mail("first@example.com")
    with Terminal(
        [sys.executable, "-m", "mxtui", "-q", "mx2"], columns=120, lines=30, env=elsewhere.environment
    ) as terminal:
        terminal.wait_for("The primary is up")
        terminal.press("2")
        terminal.wait_for(first)
        terminal.press("h")
        terminal.wait_for("What will run")
        terminal.press("Enter")
        terminal.wait_for("1  done")
        assert elsewhere.state(first) == "hold"
        terminal.press("Enter")
        terminal.wait_for(lambda screen: any(first in line and "held" in line for line in screen))

        elsewhere.server.stop()
        terminal.wait_for("STALE")
        terminal.wait_for("was lost")
        second = elsewhere.mail("second@example.com")
        for key in ("3", "5", "4", "2"):  # every screen bears it
            terminal.press(key)
        terminal.wait_for("STALE")

        elsewhere.server.start()
        terminal.wait_for(second)
        terminal.wait_for("live")
        terminal.press("q")
        terminal.wait_for_exit()
