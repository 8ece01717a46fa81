"""Settings that keep what mxtui writes in a folder of the test's own."""

from typing import Final

FOLDERS: Final = """
audit = "{folder}/audit.jsonl"
state = "{folder}/state"
history = "{folder}/history"
[kept]
folder = "{folder}/kept"
[drain]
folder = "{folder}/drains"
"""
"""With its path for `folder`; what follows belongs to `[drain]`."""
