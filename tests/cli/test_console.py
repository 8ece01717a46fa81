"""What is settled before the console opens."""

from pathlib import Path

import pytest

from mxtui.cli import console
from mxtui.errors import UsageError
from mxtui.queues.postfix.instances import Instance


def test_where_nobody_can_be_asked_nobody_guesses_which_of_several_queues_is_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = [Instance(name, "", True, Path(f"/etc/postfix{name}")) for name in ("", "-out")]
    monkeypatch.setattr(console, "instances", lambda: known)
    with pytest.raises(UsageError) as told:
        console.choose()
    assert "/etc/postfix-out" in told.value.hint
    known.pop()
    assert console.choose() is None
