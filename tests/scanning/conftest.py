"""Real scanners, one of each for all tests of a worker: rspamd takes ten seconds to begin."""

from collections.abc import Iterator

import pytest

from tests.support.scanners import Running, rspamd, spamd


@pytest.fixture(scope="session")
def real_rspamd() -> Iterator[Running]:
    with rspamd() as running:
        yield running


@pytest.fixture(scope="session")
def real_spamd() -> Iterator[Running]:
    with spamd() as running:
        yield running
