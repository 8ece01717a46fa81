"""How a drain goes, on one line of a terminal that is as wide as it is."""

import os

import pytest

from mxtui.cli.flush import live_line
from mxtui.model.plan import FlushProgress


@pytest.mark.parametrize("columns", [20, 60, 80, 200])
@pytest.mark.parametrize("before", [0, 8])
def test_it_never_wraps_and_says_what_matters_first(monkeypatch: pytest.MonkeyPatch, columns: int, before: int) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    progress = FlushProgress(
        queued=100_000, delivered=12_345, deferred=67, bounced=8, left=87_580, per_second=123.4, eta_seconds=710.0,
        phase="steady",
    )  # fmt: skip
    line = live_line(progress, before)
    assert len(line) < columns - before
    if columns >= 80:
        assert "87,580 left" in line
