"""Runs `mxtui` as another user, from a Python that this user may not even read: all is imported before root is left.

python -m tests.cli.as_user UID GID ARGUMENT…
"""

import importlib
import os
import pkgutil
import sys

import dns.asyncbackend
import dns.rdata

import mxtui


def main() -> None:
    uid, gid, *arguments = sys.argv[1:]
    for module in pkgutil.walk_packages(mxtui.__path__, "mxtui."):
        if module.name != "mxtui.tui" and not module.name.startswith("mxtui.tui."):
            importlib.import_module(module.name)
    dns.rdata.load_all_types()  # type: ignore[no-untyped-call]
    dns.asyncbackend.get_backend("asyncio")
    os.setgroups([int(gid)])
    os.setgid(int(gid))
    os.setuid(int(uid))
    sys.argv = ["mxtui", *arguments]
    from mxtui.cli.main import run

    run()


if __name__ == "__main__":
    main()
