import os

import pytest

from tests.doctor.authority import nsd_available
from tests.doctor.world import Authorities


@pytest.fixture(scope="session")
def need_nsd() -> None:
    """Skips without nsd, and fails in CI."""
    if reason := nsd_available():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    return Authorities()
