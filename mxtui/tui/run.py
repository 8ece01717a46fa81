"""Starts the console."""

import os

from mxtui.tui.services import Services

FRAMES = "30"
"""A second, at most. Mail moves no faster, and lines are slow."""


def run_console(services: Services) -> None:
    """Run until the operator leaves. Textual is imported here: it reads these at import, and takes 0.3 s to load."""
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    from mxtui.tui.app import ConsoleApp

    ConsoleApp(services).run(mouse=services.settings.mouse)
