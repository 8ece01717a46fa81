"""Real servers for tests: a private Postfix, and a primary that does as told."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Protocol

import pytest
from hypothesis import HealthCheck, settings

from mxtui.demo import ports
from mxtui.demo.postfix import PrivatePostfix, postfix_available
from mxtui.demo.primary import FakePrimary
from tests.support.roomy import sitecustomize as sitecustomize  # disks have room, here and in what tests run

# How long an example takes says what else the machine does. In CI hypothesis's own profile stays in force beneath,
# which tries the same ones each time.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


ROOMY: Final = str(Path(__file__).parent / "support" / "roomy")


def pytest_configure() -> None:
    """Ports of its own for each worker: a server that is down leaves its port to whoever asks next, in any process."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOMY, os.environ.get("PYTHONPATH")]))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports.PORTS = range(10_000 + worker, 20_000, workers)


class PostfixFactory(Protocol):
    """Starts a private Postfix that lives as long as the test."""

    def __call__(
        self,
        *,
        routes: Mapping[str, int] | None = None,
        settings: Mapping[str, str] | None = None,
        long_queue_ids: bool = False,
    ) -> PrivatePostfix: ...


@pytest.fixture
def postfix(need_postfix: None) -> Iterator[PostfixFactory]:
    """A factory of private Postfix instances; each is stopped and removed after the test."""
    with ExitStack() as stack:

        def start(
            *,
            routes: Mapping[str, int] | None = None,
            settings: Mapping[str, str] | None = None,
            long_queue_ids: bool = False,
        ) -> PrivatePostfix:
            # Not tmp_path: pytest closes that to others, and Postfix's daemons are not root.
            directory = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            instance = PrivatePostfix(directory, routes=routes, settings=settings, long_queue_ids=long_queue_ids)
            return stack.enter_context(instance)

        yield start


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not tmp_path: pytest closes that to others, and Postfix's daemons are not root."""
    folder = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def servers(need_postfix: None) -> Iterator[ExitStack]:
    """Whatever a module of tests starts and shares: a Postfix takes seconds. Stopped in reverse."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def need_postfix() -> None:
    """Skips without Postfix, and fails in CI."""
    if reason := postfix_available():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def primary() -> Iterator[FakePrimary]:
    """A primary that is up and accepts everything until told otherwise."""
    with FakePrimary() as server:
        yield server


@pytest.fixture
def primaries() -> Iterator[Callable[[], FakePrimary]]:
    """A factory for tests that need more than one primary."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(FakePrimary())
