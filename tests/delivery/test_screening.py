"""Mail that was taken unscanned is scanned before it goes on; a scanner that is down keeps nothing for ever."""

import asyncio
import time
from pathlib import Path

import pytest

from mxtui.delivery import screening
from mxtui.demo.primary import FakePrimary
from mxtui.model.envelope import Envelope, Screened
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import Events, at_work, commit, make_spool, until
from tests.scanning.scripted import Scripted, gate

UNSCANNED = Screened("accept", 1.0, unscanned="rspamd: down", pending=True)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner that failed is asked again at once."""
    monkeypatch.setattr(screening, "FIRST", 0.1)
    monkeypatch.setattr("mxtui.scanning.gate.REST", 0.0)


def unscanned(spool: Spool, recipient: str, action: str = "no action", **more: object) -> Envelope:
    content = f"Subject: x\nX-Action: {action}\n\nHello\n".encode()
    return commit(spool, recipient, content=content, **{"screened": UNSCANNED, **more})


async def test_what_a_scanner_finds_bad_goes_to_quarantine_and_the_rest_goes_on(
    spool: Spool, primary: FakePrimary
) -> None:
    bad = [unscanned(spool, "a@example.org", action) for action in ("reject", "quarantine")]
    for action in ("no action", "soft reject", "add header"):
        unscanned(spool, "a@example.org", action)
    commit(spool, "a@example.org")
    scanner = Scripted()
    made = gate(scanner)
    async with at_work(spool, {"example.org": primary.port}, gate=made) as work:
        await until(lambda: not work.left())
        for each in bad:
            assert work.state(each.id) == "quarantine"
            assert work.stored(each.id).why.startswith("rspamd: ")
            assert work.stored(each.id).screened != UNSCANNED
        assert len(work.events.of("quarantined")) == 2
    assert len(primary.accepted) == 4
    assert len(scanner.seen) == 5, "what has no mark was scanned, or never was to be"
    assert scanner.seen[0].raw.startswith(b"Subject: x")
    assert sorted(b"X-Spam-Flag: YES\r\n" in each.content for each in primary.accepted) == [False] * 3 + [True]
    assert made.counts == {"scanned": 5, "clean": 2, "tagged": 1, "quarantined": 2}


async def test_while_the_scanner_is_down_it_waits_and_other_mail_goes(
    spool: Spool, primary: FakePrimary, hasty: None
) -> None:
    scanner = Scripted(fault="connection refused")
    made = unscanned(spool, "a@example.org")
    events = Events()
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner, log=events)) as work:
        for _ in range(5):
            work.commit("b@example.org")
        await until(lambda: len(primary.accepted) == 5 and len(scanner.seen) > 3)
        assert work.state(made.id) == "deferred"
        assert work.stored(made.id).screened == UNSCANNED
        scanner.fault = ""
        await until(lambda: not work.left())
    assert [name for name, _ in events.seen] == ["scanner_failed", "scanner_back"]
    assert primary.accepted[-1].recipients == ("a@example.org",)


async def test_patience_ends_and_it_goes_as_it_is(spool: Spool, primary: FakePrimary, hasty: None) -> None:
    scanner = Scripted(fault="down")
    unscanned(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner, patience=0.5), evidence=True) as work:
        await until(lambda: not work.left())
        assert work.events.of("goes_unscanned")
    assert b"X-Mxtui-Evidence: mx2.example.net; accept; unscanned, rspamd: down\r\n" in primary.accepted[0].content


async def test_what_one_message_does_to_a_scanner_keeps_only_that_and_not_for_ever(
    spool: Spool, primary: FakePrimary, hasty: None
) -> None:
    class Choking(Scripted):
        async def scan(self, submitted):  # type: ignore[no-untyped-def]
            self.fault = "no verdict within 10 s" if b"poison" in submitted.raw else ""
            return await super().scan(submitted)

    unscanned(spool, "poison@example.org", "poison")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(Choking(), patience=1.0)) as work:
        good = 0
        while work.left():
            good += 1
            made = unscanned(spool, "good@example.org")
            work.forwarder.added(made.id, made)
            await until(lambda made=made: not work.state(made.id))  # type: ignore[misc]
            await asyncio.sleep(0.05)
    assert [each.recipients[0] for each in primary.accepted].count("poison@example.org") == 1


async def test_near_its_end_a_message_does_not_wait_for_a_scanner(spool: Spool, primary: FakePrimary) -> None:
    unscanned(spool, "a@example.org", lifetime=3000.0)
    async with at_work(spool, {"example.org": primary.port}, gate=gate(Scripted(fault="down"))) as work:
        await until(lambda: not work.left())


async def test_without_a_scanner_it_goes_as_it_is(spool: Spool, primary: FakePrimary) -> None:
    unscanned(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())


async def test_what_waits_goes_when_scanning_is_switched_off(spool: Spool, primary: FakePrimary) -> None:
    scanner = Scripted(fault="down")
    unscanned(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner)) as work:
        await until(lambda: work.events.of("waits_for_scan"))
        work.forwarder.screen_by(None)
        await until(lambda: not work.left())


async def test_whoever_flushes_is_told_that_it_waits_and_nothing_speaks_against_the_primary(
    spool: Spool, primary: FakePrimary, hasty: None
) -> None:
    made = unscanned(spool, "a@example.org")
    bad = unscanned(spool, "a@example.org", "reject")
    scanner = Scripted(fault="down")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner)) as work:
        async with work.forwarder.errand() as errand:
            await errand.add([made.id], 1)
            settled = list(await errand.settled(10))
        (one,) = settled
        assert (one.queue_id, one.fate, one.untried) == (made.id, "deferred", True)
        assert one.verdicts[0].reply == "not scanned yet: rspamd: down"
        scanner.fault = ""
        async with work.forwarder.errand() as errand:
            await errand.add([made.id, bad.id], 1)
            async with asyncio.timeout(20):
                while not errand.done:
                    settled += await errand.settled(1)
            settled += await errand.settled(0)
        assert {each.queue_id: (each.fate, each.untried) for each in settled[1:]} == {
            made.id: ("delivered", False),
            bad.id: ("deferred", True),
        }


async def test_so_many_are_scanned_at_once(spool: Spool, primary: FakePrimary) -> None:
    scanner = Scripted()
    scanner.open.clear()
    for number in range(30):
        unscanned(spool, f"{number}@example.org")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner, at_once=4)) as work:
        await until(lambda: scanner.at_once == 4)
        scanner.open.set()
        await until(lambda: not work.left())
    assert scanner.most == 4
    assert len(primary.accepted) == 30


async def test_a_stop_breaks_a_scan_off_and_the_message_waits_as_before(spool: Spool, primary: FakePrimary) -> None:
    scanner = Scripted()
    scanner.open.clear()
    made = [unscanned(spool, "a@example.org") for _ in range(5)]
    began = 0.0
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner)) as work:
        await until(lambda: scanner.at_once)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert {work.state(each.id) for each in made} == {"deferred"}
    assert {work.stored(each.id).screened for each in made} == {UNSCANNED}
    assert not primary.accepted
    for each in made:  # nobody has it locked any more
        claim = spool.claim(each.id)
        assert claim is not None
        claim.release()


async def test_what_was_scanned_and_could_not_be_delivered_is_not_scanned_again(
    spool: Spool, primary: FakePrimary
) -> None:
    scanner = Scripted()
    made = unscanned(spool, "a@example.org", "add header")
    primary.behave(temporary="^a@")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner)) as work:
        await until(lambda: work.stored(made.id).attempts == 1)
        kept = work.stored(made.id).screened
        assert kept is not None
        assert (kept.action, kept.pending, kept.unscanned) == ("tag", False, "")
        primary.behave(temporary="nobody")
        await until(lambda: not work.left())
    assert len(scanner.seen) == 1


async def test_a_scanner_that_hangs_holds_up_no_other_mail(spool: Spool, primary: FakePrimary) -> None:
    scanner = Scripted()
    scanner.open.clear()
    made = unscanned(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, gate=gate(scanner), connections=1) as work:
        await until(lambda: scanner.at_once)
        for _ in range(30):
            work.commit("b@example.org")
        await until(lambda: len(primary.accepted) == 30)
        assert scanner.at_once
        scanner.open.set()
        await until(lambda: not work.state(made.id))
    assert len(scanner.seen) == 1
