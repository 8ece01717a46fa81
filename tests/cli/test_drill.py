"""`mxtui drill` on a real Postfix and on a real `serve`: followed by evidence, on record, and told of when it fails."""

import asyncio
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as SMTPEnvelope

from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.drilling.spool import LOOK, Pauses
from mxtui.drills import Drills
from mxtui.model.drill import Drill
from tests.cli.running import Mxtui
from tests.cli.spooled import Spooled, spooled_mail
from tests.queues.postfix.acting import QUIET

ADDRESSES = '[drill.addresses]\n"example.org" = "drill@example.org"\n'


@pytest.fixture(scope="module")
def home() -> Iterator[FakePrimary]:
    with FakePrimary() as primary:
        yield primary


@pytest.fixture(scope="module")
def instance(folder: Path, servers: ExitStack, home: FakePrimary) -> PrivatePostfix:
    """Its smtpd asks the table of holds."""
    postfix = PrivatePostfix(folder / "postfix", routes={"example.org": home.port}, settings=QUIET, long_queue_ids=True)
    postfix = servers.enter_context(postfix)
    table = f"hash:{postfix.config_directory}/mxtui_hold"
    Mxtui(postfix, folder, f'holds = "{folder}/first"\n')("suspend", "x.example", "--reason", "make it", "--yes")
    postfix.postconf(
        smtpd_recipient_restrictions=f"check_recipient_access {table}, permit_mynetworks, reject_unauth_destination"
    )
    return postfix


@pytest.fixture
def mxtui(instance: PrivatePostfix, home: FakePrimary, tmp_path: Path) -> Mxtui:
    home.up()
    home.behave(permanent="^$")
    return Mxtui(instance, tmp_path, f'holds = "{tmp_path}/holds"\n{ADDRESSES}')


def via(instance: PrivatePostfix) -> tuple[str, str]:
    return "--via", f"127.0.0.1:{instance.smtp_port}"


def recorded(instance: PrivatePostfix, folder: Path) -> list[Drill]:
    return list(Drills(str(instance.queue_directory), folder / "state").all())


def test_it_goes_through_postfix_and_the_log_is_the_evidence(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    assert [each["name"] for each in mxtui("alerts", "--json").objects] == ["drill"], "never drilled"
    done = mxtui("drill", "--json", *via(instance))
    (drill,) = done.objects
    assert (done.status, drill["result"], drill["path"]) == (0, "passed", "primary")
    assert "status=sent" in drill["detail"]
    assert set(drill) == {"at", "domain", "path", "result", "seconds", "detail"}
    assert [each.result for each in recorded(mxtui.instance, mxtui.folder)] == ["passed"]
    assert mxtui("alerts", "--json").objects[0]["name"] == "drill"
    assert "resolved" in mxtui("alerts", "--json").objects[0]


def test_by_the_queue_it_is_held_seen_there_and_let_go(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    done = mxtui("drill", "--by-queue", "--yes", "--json", *via(instance))
    (drill,) = done.objects
    assert (done.status, drill["result"], drill["path"]) == (0, "passed", "queue"), done.err
    assert drill["detail"].startswith("kept in hold; ")
    assert mxtui("suspend", "--list", "--json").out == b"", "nothing is left behind"
    assert not list((instance.queue_directory / "hold").iterdir())


def test_a_primary_that_is_down_fails_it(mxtui: Mxtui, instance: PrivatePostfix, home: FakePrimary) -> None:
    home.down()
    done = mxtui("drill", "--timeout", "2s", "--json", *via(instance))
    (drill,) = done.objects
    assert (done.status, drill["result"]) == (1, "failed")
    assert "is still queued after 2 s; status=deferred" in drill["detail"]
    alerts = {each["name"]: each["text"] for each in mxtui("alerts", "--json").objects}
    assert "failed" in alerts["drill"]
    mxtui("delete", "--all", "--yes", "--no-copy")


def test_a_primary_that_refuses_it_fails_it(mxtui: Mxtui, instance: PrivatePostfix, home: FakePrimary) -> None:
    home.behave(permanent="^drill@")
    (drill,) = mxtui("drill", "--json", *via(instance)).objects
    assert (drill["result"], "status=bounced" in drill["detail"]) == ("failed", True)


def test_what_this_host_takes_for_itself_has_not_come_through(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    instance.postconf(transport_maps="inline:{example.org=discard:}")
    try:
        (drill,) = mxtui("drill", "--json", *via(instance)).objects
    finally:
        instance.postconf(transport_maps=f"texthash:{instance.config_directory}/transport")
    assert (drill["result"], "delivered here and not to the primary" in drill["detail"]) == ("failed", True)
    assert "relay=none" in drill["detail"]


def test_a_filter_that_keeps_it_is_not_the_primary(mxtui: Mxtui, instance: PrivatePostfix, home: FakePrimary) -> None:
    with FakePrimary() as other:
        instance.postconf(content_filter=f"smtp:[127.0.0.1]:{other.port}")
        try:
            (drill,) = mxtui("drill", "--json", *via(instance)).objects
        finally:
            instance.postconf(content_filter="")
    assert (drill["result"], "no line says where it went" in drill["detail"]) == ("failed", True)
    assert f"routed to 127.0.0.1:{home.port}" in drill["detail"]


class Filter:
    """An after-queue content filter (FILTER_README): hands mail in again, and answers as amavisd does."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def handle_DATA(self, server: SMTP, session: Session, envelope: SMTPEnvelope) -> str:
        def again() -> str:
            with smtplib.SMTP("127.0.0.1", self.port, "localhost", timeout=30) as smtp:
                smtp.ehlo_or_helo_if_needed()
                smtp.mail(envelope.mail_from or "")
                smtp.rcpt(envelope.rcpt_tos[0])
                return smtp.data(envelope.original_content or b"")[1].decode()

        said = await asyncio.to_thread(again)
        return f"250 2.0.0 from MTA(smtp:[127.0.0.1]:{self.port}): 250 {said}"


@pytest.mark.parametrize("up", [True, False])
def test_through_a_filter_it_is_followed_to_the_primary(
    mxtui: Mxtui, instance: PrivatePostfix, home: FakePrimary, *, up: bool
) -> None:
    again = free_port()
    master = instance.config_directory / "master.cf"
    before = master.read_text()
    master.write_text(f"{before}127.0.0.1:{again} inet n - n - - smtpd\n  -o content_filter=\n")
    filtering = Controller(Filter(again), hostname="127.0.0.1", port=free_port())
    filtering.start()
    home.behave(permanent="^$" if up else "^drill@")
    instance.postconf(content_filter=f"smtp:[127.0.0.1]:{filtering.port}")
    try:
        (drill,) = mxtui("drill", "--json", *via(instance)).objects
    finally:
        filtering.stop()
        master.write_text(before)
        instance.postconf(content_filter="")
    assert drill["result"] == ("passed" if up else "failed"), drill
    assert " took it as " in drill["detail"]
    assert f"relay=127.0.0.1[127.0.0.1]:{home.port}" in drill["detail"]


def test_a_backup_that_does_not_take_it_fails_it(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    done = mxtui("drill", "elsewhere.example", "--to", "x@elsewhere.example", "--json", "--via", "127.0.0.1:1")
    (drill,) = done.objects
    assert (done.status, "could not be handed the drill" in drill["detail"]) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere.example",),
        ("--to", "no address"),
        ("--timeout", "soon"),
        ("--via", "a:b:c"),
        ("--by-queue",),
        ("example.org", "--to", "drill@client.example"),
    ],
)
def test_what_cannot_be_drilled_is_no_failed_drill(mxtui: Mxtui, words: tuple[str, ...]) -> None:
    assert mxtui("drill", *words).status == 2
    assert recorded(mxtui.instance, mxtui.folder) == []


def test_the_drills_are_on_record(mxtui: Mxtui, instance: PrivatePostfix) -> None:
    mxtui("drill", "--reason", "first of the month", *via(instance))
    assert "example.org  straight  passed" in mxtui("drill", "--list").text
    (act,) = [each for each in mxtui("audit", "--json").objects if each["verb"] == "drill"]
    assert act["reason"] == "first of the month"


def test_a_record_cut_short_by_a_crash_hides_no_other(tmp_path: Path) -> None:
    drills = Drills("/queue", tmp_path)
    drills.add(Drill(1.0, "a.example", "primary", "passed", 0.5, "250 fine"))
    with drills.path.open("ab") as file:
        file.write(b'{"at": 2.0, "dom\n\xff\n[]\n')
    drills.add(Drill(3.0, "a.example", "queue", "failed", 9.0, "\x1b[2Jnot seen"))
    assert [each.at for each in drills.all()] == [1.0, 3.0]
    assert "\x1b" not in drills.latest()["a.example"].detail


# -- our own spool -------------------------------------------------------------------------------------------------


@pytest.fixture
def spooled(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooled]:
    with spooled_mail(tmp_path, primary) as spooled:
        primary.up()
        yield spooled


@pytest.mark.parametrize(("words", "path"), [((), "primary"), (("--by-queue", "--yes"), "queue")])
def test_a_spool_is_drilled_though_serve_stands_by(
    spooled: Spooled, primary: FakePrimary, words: tuple[str, ...], path: str
) -> None:
    done = spooled("drill", "example.org", "--to", "drill@example.org", "--json", *words)
    (drill,) = done.objects
    assert (done.status, drill["result"], drill["path"]) == (0, "passed", path), done.err
    assert "delivered: " in drill["detail"]
    assert [each.recipients for each in primary.accepted if b"X-Mxtui-Drill" in each.content] == [
        ("drill@example.org",)
    ]


@pytest.mark.parametrize("words", [(), ("--by-queue", "--yes")])
def test_without_a_serve_the_way_out_is_tried_and_the_drill_has_failed_all_the_same(
    spooled: Spooled, primary: FakePrimary, words: tuple[str, ...]
) -> None:
    assert spooled.backup.stop() == 0
    done = spooled("drill", "example.org", "--to", "drill@example.org", "--json", *words)
    (drill,) = done.objects
    assert (done.status, drill["result"]) == (1, "failed")
    assert "no serve runs on this spool: no mail can come in; the way out works: " in drill["detail"]
    assert [each.recipients for each in primary.accepted if b"X-Mxtui-Drill" in each.content] == [
        ("drill@example.org",)
    ]


def test_a_spool_whose_primary_is_down_fails_it(spooled: Spooled, primary: FakePrimary) -> None:
    primary.down()
    (drill,) = spooled("drill", "example.org", "--to", "drill@example.org", "--json", "--timeout", "3s").objects
    assert (drill["result"], "it is still queued after 3 s" in drill["detail"]) == ("failed", True)


def test_a_primary_that_says_not_now_is_asked_ever_more_seldom(spooled: Spooled, primary: FakePrimary) -> None:
    assert spooled.backup.stop() == 0
    primary.behave(temporary="^drill@")
    before = primary.connections
    done = spooled("drill", "example.org", "--to", "drill@example.org", "--json", "--timeout", "4s")
    assert (done.objects[0]["result"], "450" in done.objects[0]["detail"]) == ("failed", True)
    assert 1 <= primary.connections - before <= 3


def test_pauses_grow_only_by_verdicts() -> None:
    pauses = Pauses()
    assert [pauses.after(heard=False) for _ in range(9)] == [LOOK] * 9
    waited = [pauses.after(heard=True) for _ in range(7)]
    assert waited == [2, 4, 8, 16, 32, 60, 60]
