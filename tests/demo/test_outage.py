"""The embedded demonstration, headless: everything in it is real."""

import subprocess
import sys
from pathlib import Path

from mxtui.demo.ledger import Balance, Ledger
from mxtui.demo.outage import STAR, Outage
from mxtui.demo.primary import Accepted
from mxtui.demo.story import Pace, play, verdict
from tests.support.waiting import wait_until

BRIEF = Pace(calm=2.0, outage=4.0)


def arrival(mark: int, *recipients: str) -> Accepted:
    return Accepted("a@example.com", recipients, b"X-Letter: %d\r\n\r\nhello\r\n" % mark, "", (), 0.0)


def test_the_story_is_told_and_every_message_delivered_once(tmp_path: Path) -> None:
    told: list[str] = []
    with Outage(tmp_path, rate=15.0) as outage:
        assert play(outage, told.append, BRIEF), "\n".join(told)
        balance = outage.ledger.balance()
    text = "\n".join(told)
    for expected in (
        f"the primary of {STAR} goes down",
        f"the backup sees: {STAR} is down",
        "the backup is accepting, ",
        f"the backup sees: {STAR} is up",
        "was delivered exactly once",
    ):
        assert expected in text, text
    assert balance.by_primary > 0
    assert balance.by_backup > 0
    assert balance.turned_away + balance.refused > 0
    assert outage.backup.service() is None, "nothing is left running"


def test_each_trouble_of_the_primary_shows_and_ends(tmp_path: Path) -> None:
    with Outage(tmp_path, rate=0.0) as outage:
        outage.change(down=True)
        outage.internet.burst(30, STAR)
        wait_until(lambda: outage.internet.idle)
        outage.change(down=False, refusing=True)
        wait_until(lambda: "event=refused" in outage.backup.log.read_text())
        outage.change(refusing=False, greylisting=True)
        outage.change(greylisting=False, slow=True)
        assert not outage.scene.refusing
        assert outage.scene.slow


def test_a_demonstration_that_is_killed_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    script = (
        "import sys, time; from pathlib import Path; from mxtui.demo.outage import Outage\n"
        "with Outage(Path(sys.argv[1]), rate=0) as outage:\n"
        "    print('ready', flush=True); time.sleep(60)\n"
    )
    demo = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        assert demo.stdout.readline() == "ready\n"
    demo.kill()
    demo.wait()
    wait_until(lambda: not folder.exists(), what="the backup's last act is to remove it")


def test_the_books_tell_what_is_missing_doubled_or_made_up() -> None:
    ledger = Ledger()
    ledger.promised(1, ["a@example.org", "b@example.org"], "backup")
    ledger.promised(2, ["a@example.org"], "primary")
    ledger.arrived(arrival(1, "a@example.org"))
    for _ in range(2):
        ledger.arrived(arrival(2, "a@example.org"))
    ledger.arrived(arrival(3, "c@example.org"))
    balance = ledger.balance()
    assert balance == Balance(1, 2, delivered=2, waiting=1, doubled=1, unpromised=1, turned_away=0, refused=0)
    assert not balance.proven
    assert "NOT every one" in verdict(balance)[-1]
    assert "NOT every one" in verdict(balance, operated=True)[-1], "no operator can double mail"


def test_what_was_cut_off_may_be_there_already() -> None:
    ledger = Ledger()
    ledger.doubtful(1, ["a@example.org"])
    ledger.arrived(arrival(1, "a@example.org"))
    assert ledger.balance().proven
    ledger.promised(1, ["a@example.org"], "backup")
    ledger.arrived(arrival(1, "a@example.org"))
    assert ledger.balance().proven
