"""One message laid open: what speaks against it, what it belongs to, its source, its parts, and what goes wrong."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from mxtui.errors import MxtuiError, NoQueue, Unreadable
from mxtui.model.envelope import Client
from mxtui.model.evidence import CampaignFacts, Evidence, Judgement, Scan
from mxtui.tui.draw.source import broken, find, sanitised
from tests.message.test_archives import encrypted, zipped
from tests.tui.conftest import Open
from tests.tui.fakes import HOUR, NOW, World, queue_id

FORGED = Evidence("helo", "Forged HELO", "mx1.example.org", 4.0, "mxtui")
SPF = Evidence("spf_fail", "SPF fail", "not a server of rechnung.example", 8.2, "spf")
KNOWN = Evidence("known", "Known sender", "2 earlier messages passed", -0.8, "mxtui")
CLIENT = Client("203.0.113.77", "", "mx1.example.org", "ESMTPS", "TLSv1.2 with cipher AES128")


class FakeCampaigns:
    """One, of four messages."""

    def __init__(self, members: Sequence[str]) -> None:
        self._members = members

    def of(self, queue_id: str) -> CampaignFacts | None:
        if queue_id not in self._members:
            return None
        return CampaignFacts("c7f3", "same body once links are taken out", 4, 3, 51_800_000, NOW - 6 * HOUR)

    def members(self, campaign: str) -> Sequence[str]:
        return self._members if campaign == "c7f3" else ()


def judged_by(world: World, judge: Callable[[str], Judgement]) -> World:
    world.services = replace(world.services, judge=judge, client=lambda _: CLIENT)
    return world


def said(*evidence: Evidence, scans: Sequence[Scan] = (), cleared: str = "") -> Callable[[str], Judgement]:
    return lambda _: Judgement(NOW, evidence, tuple(scans), cleared)


async def test_a_suspect_is_called_so_and_its_score_can_be_taken_apart(world: World, console: Open) -> None:
    judged_by(world, said(SPF, FORGED, KNOWN))
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("SUSPECT 11.4", "11.4 points, suspect from 10.0", "+8.2", "SPF fail", "−0.8", "Known sender")
        assert at.line("+8.2").count("━") > at.line("+4.0").count("━") > at.line("−0.8").count("━") > 0


async def test_on_a_small_terminal_evidence_comes_first(world: World, console: Open) -> None:
    judged_by(world, said(SPF, FORGED))
    async with console(world, (80, 24)) as at:
        await at.press("2", "enter")
        await at.sees("SUSPECT 12.2", "Envelope")
        assert at.text.index("Evidence") < at.text.index("Envelope")


async def test_points_below_the_threshold_are_shown_without_a_badge(world: World, console: Open) -> None:
    judged_by(world, said(FORGED))
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("4.0 points, suspect from 10.0")
        assert "SUSPECT" not in at.text


async def test_where_nobody_judges_there_is_no_pane(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("Envelope", "Hops")
        assert "Evidence" not in at.text
        assert "Campaign" not in at.text


async def test_who_cleared_it_is_told_and_it_is_no_suspect(world: World, console: Open) -> None:
    judged_by(world, said(SPF, FORGED, cleared="by anna: our own invoices"))
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("not spam", "by anna: our own invoices", "12.2 points")
        assert "SUSPECT" not in at.text


async def test_a_scanner_that_is_down_leaves_a_message_unscanned_and_never_clean(world: World, console: Open) -> None:
    found = Scan("rspamd", NOW, 18.2, 6.0, "add header", (Evidence("GTUBE", "", "", 15.0, "rspamd"),))
    down = Scan("spamassassin", NOW, fault="connection refused")
    judged_by(world, said(FORGED, scans=(found, down)))
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("unscanned", "18.2 of 6.0", "add header", "GTUBE +15.0")
        await at.sees("spamassassin", "did not scan it: connection refused")


async def test_the_message_is_shown_while_it_is_judged(world: World, console: Open) -> None:
    go_on = threading.Event()

    def slow(_: str) -> Judgement:
        go_on.wait(20)
        return Judgement(NOW, (SPF,))

    judged_by(world, slow)
    async with console(world) as at:
        await at.press("2")
        await at.pilot.press("enter")
        await at.sees("judging…", "203.0.113.77 → mx2.example.net")
        go_on.set()
        await at.sees("8.2 points")


async def test_a_judgement_that_comes_late_is_not_taken_for_the_next_messages(world: World, console: Open) -> None:
    go_on = threading.Event()
    first: list[str] = []

    def slow(which: str) -> Judgement:
        first.append(which)
        if which == first[0]:
            go_on.wait(20)
            return Judgement(NOW, (SPF,))
        return Judgement(NOW, (FORGED,))

    judged_by(world, slow)
    async with console(world) as at:
        await at.press("2")
        await at.pilot.press("enter")
        await at.sees("judging…")
        await at.pilot.press("n")
        await at.sees("2 of 773", "4.0 points")
        go_on.set()
        await at.settle()
        assert "4.0 points" in at.text


async def test_why_there_is_no_judgement_is_said(world: World, console: Open) -> None:
    def broken_(_: str) -> Judgement:
        raise MxtuiError("the results of scans cannot be read", "See the log.")

    judged_by(world, broken_)
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("the results of scans cannot be read. See the log.", "Hops")


async def test_one_key_marks_the_whole_campaign(world: World, console: Open) -> None:
    ids = [queue_id(number) for number in range(3_000, 3_004)]
    world.services = replace(world.services, campaigns=FakeCampaigns(ids))
    async with console(world) as at:
        await at.press("2")
        await at.filter(f"id:{ids[0]}")
        await at.press("enter")
        await at.sees("Campaign c7f3", "4 messages   3 senders   51.8 MB", "c mark them all")
        await at.press("c")
        await at.sees("4 messages of campaign c7f3 marked.")
        assert at.app.marks == set(ids)


async def test_a_message_that_is_part_of_no_campaign_says_so(world: World, console: Open) -> None:
    world.services = replace(world.services, campaigns=FakeCampaigns(()))
    async with console(world) as at:
        await at.press("2", "enter")
        assert "(c Mark campaign)" in at.lines[-1]
        await at.press("c")
        await at.sees("It is not known to be part of a campaign.")


async def test_the_client_is_told_as_this_server_saw_it(world: World, console: Open) -> None:
    world.services = replace(world.services, client=lambda _: CLIENT)
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("203.0.113.77   no reverse name", "ESMTPS", "tls      TLSv1.2 with cipher AES128")
        assert "our own primary's name" in at.line("≠ helo")


@pytest.mark.parametrize(("known", "said"), [("", "tls      not encrypted"), (None, "tls      not known")])
async def test_what_is_not_known_of_a_connection_is_not_called_unencrypted(
    world: World, console: Open, known: str | None, said: str
) -> None:
    world.services = replace(world.services, client=lambda _: replace(CLIENT, tls=known))
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees(said)


async def test_where_our_own_received_header_tells_of_tls_it_is_named(world: World, console: Open) -> None:
    world.services = replace(world.services, client=lambda _: replace(CLIENT, tls=None))
    shown = queue_id(4_000)
    world.queue.mail = (
        b"Received: from x (unknown [203.0.113.77])\n\t(using TLSv1.3 with cipher AES256 (256/256 bits))\n"
        b"\tby mx2.example.net (Postfix) with ESMTPS id %s; 1 Jan 2026 00:00:00 GMT\n\nx\n" % shown.encode()
    )
    async with console(world) as at:
        await at.press("2")
        await at.filter(f"id:{shown}")
        await at.press("enter")
        await at.sees("tls      TLSv1.3 with cipher AES256   by our own Received header")


async def test_results_of_a_trusted_service_are_told_from_those_of_others(world: World, console: Open) -> None:
    world.queue.mail = (
        b"Authentication-Results: Mx1.Example.ORG 1; spf=pass\nAuthentication-Results: evil.example; spf=pass\n\nx\n"
    )
    world.services = replace(world.services, trusted=frozenset({"evil.example"}))
    async with console(world, (200, 60)) as at:
        await at.press("2", "enter")
        await at.sees("spf=pass")
        assert at.line("evil.example; spf=pass").rstrip().endswith("trusted")
        assert at.line("Mx1.Example.ORG").rstrip().endswith("foreign, untrusted")


async def test_a_message_that_cannot_be_laid_open_says_why_and_the_next_is_read(world: World, console: Open) -> None:
    inspect, first = world.services.inspect, []

    def dies(which: str, most: int) -> object:
        first.append(which)
        if which == first[0]:
            raise Unreadable("reading this message took more than 10 s and was stopped", "Its raw source can be saved.")
        return inspect(which, most)

    world.services = replace(world.services, inspect=dies)  # type: ignore[arg-type]
    async with console(world) as at:
        await at.press("2", "enter")
        await at.sees("took more than 10 s and was stopped. Its raw", "Envelope")
        await at.press("n")
        await at.sees("Hops", "application/zip")


async def test_programs_passwords_and_misleading_links_are_marked(world: World, console: Open) -> None:
    html = b'<a href="https://evil.example/x">https://bank.example</a>'
    world.queue.mail = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n" + html + b"\n--b\n"
        b"Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: 8bit\n\n"
        + encrypted(zipped({"x\u202efdp.exe": b"MZ"}))
        + b"\n--b\nContent-Type: image/png; name=b.png\n\n%PDF-1\n--b--\n"
    )  # fmt: skip
    async with console(world, (200, 60)) as at:
        await at.press("2", "enter")
        await at.sees("encrypted (zip)", "x<U+202E>fdp.exe", "runs (.exe), encrypted", "b.png  pdf")
        await at.sees("hxxps://evil[.]example/x", "shows hxxps://bank[.]example")
        assert "≠" in at.line("hxxps://evil[.]example/x")


# -- raw source ---------------------------------------------------------------------------------------------------


async def test_words_are_found_in_the_source_and_stepped_through(world: World, console: Open) -> None:
    world.queue.mail = b"Subject: x\n\n" + b"".join(b"line %d\n" % n for n in range(200)) + b"Needle\nneedle\n"
    async with console(world) as at:
        await at.press("2", "enter", "v")
        await at.sees("line 1 of 205", "line 20")
        await at.press("slash")
        await at.type("NEEDLE")
        await at.sees("1 of 2", "Needle")
        await at.press("enter", "n")
        await at.sees("2 of 2")
        await at.press("n")
        await at.sees("1 of 2")
        await at.press("N")
        await at.sees("2 of 2")
        await at.press("escape")
        await at.until(lambda: "of 2" not in at.text.replace("of 205", ""))
        await at.press("escape")
        await at.sees("Envelope")


async def test_what_is_nowhere_is_said_to_be(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("2", "enter", "v", "slash")
        await at.type("haystack")
        await at.sees("nowhere")
        await at.press("enter", "n")
        await at.sees("Nothing was searched for that is here.")


async def test_the_source_goes_to_its_end_and_back(world: World, console: Open) -> None:
    world.queue.mail = b"Subject: x\n\n" + b"y" * 100_000 + b"\nend\n"
    async with console(world, (80, 24)) as at:
        await at.press("2", "enter", "v", "G")
        await at.sees(" end")
        await at.press("pageup")
        assert " end" not in at.text
        await at.press("g")
        await at.sees("Subject: x")


async def test_a_source_that_is_cut_off_says_so_at_its_end(world: World, console: Open) -> None:
    world.queue.mail = b"Subject: x\n\n" + b"y\n" * 700_000
    async with console(world, (80, 24)) as at:
        await at.press("2", "enter", "v", "G")
        await at.sees("the rest is not shown; e saves it all")


async def test_a_message_that_left_meanwhile_has_no_source(world: World, console: Open) -> None:
    def gone(which: str, most: int) -> bytes:
        raise NoQueue(f"{which} is no longer queued", "It may have been delivered.")

    world.services = replace(world.services, content=gone)
    async with console(world) as at:
        await at.press("2", "enter", "v")
        await at.sees("is no longer queued. It may have been delivered.")


@pytest.mark.parametrize("width", [10, 33, 80])
def test_rows_hold_everything_and_fit(width: int) -> None:
    lines = sanitised(("a: b\n\n" + "日本語" * 40 + "e\u0301" * 50 + "x" * 200 + "\n").encode())
    source = broken(lines, width, cut=False)
    for number, line in enumerate(lines):
        assert "".join(line[row.start : row.end] for row in source.rows if row.line == number) == line
    assert all(cell_len(lines[row.line][row.start : row.end]) <= width for row in source.rows)


def test_places_are_found_in_any_case_and_led_to_their_row() -> None:
    source = broken(["a" * 25 + "Xy", "xY", "İxy"], 10, cut=False)
    places = find(source, "xy")
    assert [(place.line, place.start) for place in places] == [(0, 25), (1, 0), (2, 1)]
    assert [source.rows[source.row_of(place)].start for place in places] == [20, 0, 0]


# -- parts --------------------------------------------------------------------------------------------------------


async def test_a_part_is_chosen_and_saved_decoded_for_its_owner_alone(
    world: World, console: Open, tmp_path: Path
) -> None:
    file = tmp_path / "part"
    async with console(world) as at:
        await at.press("2", "enter", "s")
        await at.sees("Save a part", "1  text/plain", "2  application/zip", "Rechnung_88413.zip")
        await at.press("enter")
        await at.sees("Save part 2 of", ".2.Rechnung_88413.zip", "Nothing here opens or runs it.")
        await at.press("ctrl+u")
        await at.type(str(file))
        await at.press("enter")
        await at.sees("saved to")
    assert file.read_bytes().startswith(b"PK\x03\x04")
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_number_that_no_part_has_is_asked_again(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "enter", "s")
        await at.type("7")
        await at.press("enter")
        await at.sees("no part has this number")
        await at.press("escape")
        await at.sees("Envelope")


async def test_a_message_of_one_part_asks_for_the_file_at_once(world: World, console: Open) -> None:
    world.queue.mail = b"Subject: x\n\nbody\n"
    async with console(world) as at:
        await at.press("2", "enter", "s")
        await at.sees("Save part 1 of")


async def test_another_message_under_the_same_id_is_not_saved_for_it(
    world: World, console: Open, tmp_path: Path
) -> None:
    async with console(world) as at:
        await at.press("2", "enter", "s", "enter")
        world.queue.mail = world.queue.mail.replace(b"UEsDBBQA", b"UEsDBBQB")
        await at.press("ctrl+u")
        await at.type(str(tmp_path / "part"))
        await at.press("enter")
        await at.sees("is another message by now")
    assert "part" not in os.listdir(tmp_path)  # noqa: PTH208
