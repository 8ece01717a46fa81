"""SIGKILL at every step: what was acknowledged is found once, as a whole, and what was not is no half."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mxtui.queues.spool.store import Spool
from tests.queues.spool.making import TEXT, queued

STEPS = 60
"""A round has about 40; the last are of a second one."""


def test_every_message_acknowledged_before_a_kill_is_found_once_after_it(spool: Spool) -> None:
    def dies(at: int) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.queues.spool.dying", str(spool.path), str(at)],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        return done.stdout

    # Two at a time on one spool: each dies in the middle of what it does, and locks go with it.
    with ThreadPoolExecutor(2) as pool:
        said = "".join(pool.map(dies, range(1, STEPS))).split()
    acknowledged = {line[1:] for line in said if line[0] == "+"}
    delivered = {line[1:] for line in said if line[0] == "-"}
    print(f"{STEPS - 1} kills, {len(acknowledged)} messages acknowledged, {len(delivered)} delivered")
    assert len(acknowledged) > STEPS / 2
    assert len(delivered) > STEPS / 6

    found = Spool.open(spool.path)
    done = found.reconcile(time.time())
    left = queued(found)
    assert acknowledged - delivered <= set(left), "nothing that was acknowledged is lost"
    assert done.debris > 0
    assert (done.aside, done.left) == ([], [])
    assert set(left.values()) == {"deferred", "hold"}
    for queue_id in left:
        assert found.content(queue_id, 1000) == TEXT
        claim = found.claim(queue_id)
        assert claim is not None, "nobody has it any more"
        claim.release()
    again = found.reconcile(time.time())
    assert (again.debris, again.orphans, again.messages) == (0, done.orphans, len(left))
