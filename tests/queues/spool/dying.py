"""A program that dies by SIGKILL before its n-th step to the disk: `python -m tests.queues.spool.dying SPOOL N`.

It takes two messages, records a result for each, puts one on hold and removes the other, over and over. On stdout it
says what is certain: `+ID` was acknowledged, `-ID` was delivered.
"""

import sys
from dataclasses import replace
from pathlib import Path

from mxtui.queues.spool.store import Spool
from tests.queues.spool.disks import DeadlyDisk
from tests.queues.spool.making import TEXT, envelope


def main(path: Path, at: int) -> None:
    disk = DeadlyDisk(at)
    spool = Spool.open(path, disk=disk)
    while True:
        made = [envelope() for _ in range(2)]
        if spool.commit([(each, [TEXT]) for each in made]) != [None, None]:
            raise SystemExit("not committed")
        print("".join(f"+{each.id}\n" for each in made), end="", flush=True)
        for each, state in zip(made, ("hold", "deferred"), strict=True):
            claim = spool.claim(each.id)
            assert claim is not None
            with claim:
                claim.record(replace(each, attempts=1))
                if state == "hold":
                    claim.move("hold")
                else:
                    print(f"-{each.id}", flush=True)
                    claim.finish()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
