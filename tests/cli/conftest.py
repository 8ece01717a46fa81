"""A Postfix for each module of tests: starting one takes seconds, a command a fifth of one."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Not tmp_path: pytest closes that to others, and Postfix's daemons are not root."""
    folder = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def servers(need_postfix: None) -> Iterator[ExitStack]:
    """Whatever a module of tests starts; stopped in reverse."""
    with ExitStack() as stack:
        yield stack
