"""What a command loads: 0.2 s of Textual or DNS are not for somebody who wants a number."""

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import mxtui

PACKAGE = Path(mxtui.__file__).parent
SCREEN = ("textual", "rich")
NETWORK = ("dns", "aiosmtplib", "asyncio", "ssl")


def loaded_by(modules: Iterable[str], among: Iterable[str]) -> set[str]:
    """Which of some packages a fresh interpreter holds after importing some modules."""
    source = (
        "import importlib, sys\n"
        f"for name in {list(modules)!r}: importlib.import_module(name)\n"
        f"print(*(name for name in {list(among)!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.split())


def ours() -> set[str]:
    """Every module but the console's own."""
    names = {module.name for module in pkgutil.walk_packages([str(PACKAGE)], "mxtui.")}
    return {name for name in names if name != "mxtui.tui" and not name.startswith("mxtui.tui.")}


@pytest.mark.parametrize("module", ["mxtui.cli.main", "mxtui.cli.status"])
def test_status_pays_for_no_screen_and_no_network(module: str) -> None:
    assert loaded_by([module], [*SCREEN, *NETWORK, "sqlite3"]) == set()


def test_the_core_pays_for_no_network_before_it_probes() -> None:
    core = ["mxtui.operations", "mxtui.queues.postfix.postfix", "mxtui.index", "mxtui.message.inspect", "mxtui.config"]
    assert loaded_by(core, [*SCREEN, "dns", "aiosmtplib"]) == set()


def test_all_but_the_console_works_without_textual() -> None:
    assert len(ours()) > 80
    assert loaded_by(sorted(ours()), SCREEN) == set()


def test_only_the_console_names_textual() -> None:
    naming = {
        path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if not imported(path).isdisjoint(SCREEN)
    }
    assert naming
    assert {path for path in naming if not path.startswith("tui/")} == set()


def imported(path: Path) -> set[str]:
    """The top-level packages that a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found
