from pathlib import Path

import pytest

from mxtui.queues.spool.store import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool.open(tmp_path / "spool", create=True, hostname="mx2.example.net")
