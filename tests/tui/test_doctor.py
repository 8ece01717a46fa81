"""The doctor on the screen: what was found, worst first, with the lines that put it right."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.doctor.finding import Finding, Report
from mxtui.errors import Unreachable
from mxtui.tui.services import Settings
from tests.tui.conftest import Open
from tests.tui.driving import Driver
from tests.tui.fakes import NOW, World
from tests.tui.test_snapshots import NARROW, WIDE, Compare, pressing

US = "mx2.example.net"

REPORT = Report(
    NOW - 61,
    1.4,
    "/var/spool/postfix",
    (
        Finding("mx_present", "pass", "2 MX records", "example.org"),
        Finding("mx_order", "warn", "10 mx1.example.org, we have 15: a gap of 5", "example.org",
                ("example.org. IN MX 10 mx1.example.org.", f"example.org. IN MX 20 {US}.")),
        Finding("mx_hosts", "fail", "\x1b[2Jmail.clinic.example is an alias (CNAME) of mx1.clinic.example",
                "clinic.example", ("; zone of clinic.example: MX to a name that has A and AAAA",)),
        Finding("sts_policy", "fail", f"mode: enforce, and {US} is not among mx1.example.org", "example.org",
                (f"https://mta-sts.example.org/.well-known/mta-sts.txt: mx: {US}",
                 '_mta-sts.example.org. IN TXT "v=STSv1; id=NEW"')),
        Finding("spf_exempt", "skipped", "DNS does not answer for school.example", "school.example"),
        Finding("relay_only", "pass", "mxtui-probe@example.com from a stranger (192.0.2.1): 554 5.7.1 no"),
        Finding("recipients_fresh", "warn", "last written 41d 07h ago", "hash:/etc/postfix/relay_recipients",
                ("; export the primary's recipients every hour, then: postmap hash:/etc/postfix/relay_recipients",)),
        Finding("smuggling", "fail", "smtpd_forbid_bare_newline = no", "",
                ("postconf -c /etc/postfix -e 'smtpd_forbid_bare_newline = normalize'",
                 "postfix -c /etc/postfix reload")),
        Finding("clock", "pass", "kept by NTP"),
    ),
)  # fmt: skip


@pytest.fixture
def examined(world: World) -> World:
    world.services = replace(world.services, examine=lambda: REPORT)
    return world


async def test_d_shows_what_is_wrong_worst_first(examined: World, console: Open) -> None:
    async with console(examined) as driver:
        await driver.press("D")
        await driver.sees("mx_hosts", "3 failed", "2 warnings", "3 passed", "1 skipped")
        text = driver.text
        order = [text.index(check) for check in ("mx_hosts", "sts_policy", "smuggling", "mx_order", "recipients_fresh")]
        assert order == sorted(order)
        assert "kept by NTP" not in text
        assert "\x1b" not in text


async def test_the_pane_has_the_reason_and_the_fix_of_the_finding_under_the_cursor(
    examined: World, console: Open
) -> None:
    async with console(examined) as driver:
        await driver.press("D", "j", "j")
        await driver.sees("postconf -c /etc/postfix -e 'smtpd_forbid_bare_newline = normalize'", "CVE-2023-51764")
        await driver.press("j")
        await driver.sees(f"example.org. IN MX 20 {US}.")


async def test_a_shows_what_passed_and_what_was_skipped_and_why(examined: World, console: Open) -> None:
    async with console(examined) as driver:
        await driver.press("D", "a")
        await driver.sees("kept by NTP", "DNS does not answer for school.example")
        await driver.press("a")
        assert "kept by NTP" not in driver.text


async def test_enter_opens_one_in_full_and_escape_leads_back(examined: World, console: Open) -> None:
    async with console(examined, (80, 24)) as driver:
        await driver.press("D", "enter")
        await driver.sees("Fail  mx_hosts  clinic.example", "RFC 2181 10.3")
        await driver.press("escape", "escape")
        await driver.sees("example.com", "queued")
        assert "mx_hosts" not in driver.text


async def test_it_looks_once_a_session_and_again_on_demand(world: World, console: Open) -> None:
    looks = []

    def look() -> Report:
        looks.append(NOW)
        return REPORT

    world.services = replace(world.services, examine=look)
    async with console(world) as driver:
        await driver.press("D", "escape", "D")
        assert len(looks) == 1
        await driver.press("c")
        assert len(looks) == 2


async def test_the_screen_lives_while_it_looks(world: World, console: Open) -> None:
    going = threading.Event()

    def slow() -> Report:
        going.wait(60)
        return REPORT

    world.services = replace(world.services, examine=slow)
    async with console(world) as driver:
        try:
            await driver.pilot.press("D")
            await driver.sees("at DNS, servers, settings and disks")
            await driver.pilot.press("c")
            await driver.sees("Check now is not possible now")
        finally:
            going.set()
        await driver.sees("mx_hosts")


async def test_what_cannot_be_examined_says_so(world: World, console: Open) -> None:
    def fails() -> Report:
        raise Unreachable("postconf gave 1: no such file", "Run it by hand to see why.")

    world.services = replace(world.services, examine=fails)
    async with console(world) as driver:
        await driver.press("D")
        await driver.sees("postconf gave 1: no such file", "Run it by hand to see why.")


async def test_a_disk_that_fails_beneath_it_is_told_and_ends_nothing(world: World, console: Open) -> None:
    def fails() -> Report:
        raise OSError(5, "Input/output error", "/var/lib/mxtui")

    world.services = replace(world.services, examine=fails)
    async with console(world) as driver:
        await driver.press("D")
        await driver.sees("/var/lib/mxtui: Input/output error")


async def test_where_nobody_can_look_the_key_says_why(world: World, console: Open) -> None:
    async with console(world) as driver:
        await driver.press("D")
        await driver.sees("Nobody can look at this host from here")


async def test_all_well_is_one_sentence(world: World, console: Open) -> None:
    well = replace(REPORT, findings=[each for each in REPORT.findings if each.verdict == "pass"])
    world.services = replace(world.services, examine=lambda: well)
    async with console(world) as driver:
        await driver.press("D")
        await driver.sees("Nothing is wrong.", "0 failed", "3 passed")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
def test_how_it_looks(snap_compare: Compare, examined: World, size: tuple[int, int]) -> None:
    driver = Driver(examined)
    assert snap_compare(driver.app, terminal_size=size, run_before=pressing(driver, "D"))


def test_how_it_looks_in_ascii(snap_compare: Compare, tmp_path: Path) -> None:
    world = World(tmp_path, settings=Settings(theme="ansi-dark", ascii=True))
    world.services = replace(world.services, examine=lambda: REPORT)
    driver = Driver(world)
    assert snap_compare(driver.app, terminal_size=NARROW, run_before=pressing(driver, "D"))
