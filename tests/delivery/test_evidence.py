"""What a message goes with: on top, in lines that every server takes, and never more than the primary does."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.delivery.evidence import fields
from mxtui.demo.primary import FakePrimary
from mxtui.model.envelope import Screened
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import CONTENT, at_work, commit, envelope, make_spool, until

SAID = "rspamd: add header, 8.2 of 6 (BAYES_SPAM 3.1, FORGED_SENDER 2.0, HFILTER_HELO_IP_A 1.0)"
TAGGED = Screened("tag", 1.0, SAID)
ACCEPTED = Screened("accept", 1.0, "rspamd: no action, 0.1 of 6")

FIELDS = (
    b"X-Spam-Flag: YES\r\n"
    b"X-Mxtui-Evidence: mx2.example.net; tag; rspamd: add header, 8.2 of 6\r\n"
    b"\t(BAYES_SPAM 3.1, FORGED_SENDER 2.0, HFILTER_HELO_IP_A 1.0)\r\n"
)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


@given(st.text(max_size=500), st.text(max_size=500), st.text("mx.-", max_size=200))
def test_whatever_a_scanner_says_stays_one_field(said: str, unscanned: str, hostname: str) -> None:
    made = fields(envelope(screened=Screened("accept", 1.0, said, unscanned)), hostname, everywhere=True)
    lines = made.split(b"\r\n")
    assert lines.pop() == b""
    assert lines[0].startswith(b"X-Mxtui-Evidence: ")
    assert all(len(line) <= 78 and line.strip() for line in lines)
    assert all(line.startswith(b"\t") for line in lines[1:])
    assert made.translate(None, b"\r\n\t").isascii()
    assert made.translate(None, b"\r\n\t").decode().isprintable()


async def test_tagged_mail_says_so_on_top_and_is_as_it_was_below(spool: Spool, primary: FakePrimary) -> None:
    forged = b"X-Mxtui-Evidence: mx2.example.net; accept\n" + CONTENT
    commit(spool, "tagged@example.org", content=forged, screened=TAGGED)
    commit(spool, "large@example.org", content=CONTENT + b"x\n" * 200_000, screened=TAGGED)
    commit(spool, "clean@example.org", screened=ACCEPTED)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    found = {each.recipients[0].partition("@")[0]: each for each in primary.accepted}
    assert found["tagged"].content == FIELDS + forged.replace(b"\n", b"\r\n")
    assert found["large"].content.startswith(FIELDS + CONTENT.replace(b"\n", b"\r\n"))
    assert found["clean"].content == CONTENT.replace(b"\n", b"\r\n")
    assert f"SIZE={len(found['tagged'].content)}" in found["tagged"].mail_parameters


async def test_all_scanned_mail_says_so_where_that_is_wanted(spool: Spool, primary: FakePrimary) -> None:
    commit(spool, "clean@example.org", screened=ACCEPTED)
    commit(spool, "unknown@example.org")
    async with at_work(spool, {"example.org": primary.port}, evidence=True) as work:
        await until(lambda: not work.left())
    found = {each.recipients[0].partition("@")[0]: each.content for each in primary.accepted}
    assert found["clean"].startswith(
        b"X-Mxtui-Evidence: mx2.example.net; accept; rspamd: no action, 0.1 of 6\r\nSubject: "
    )
    assert found["unknown"].startswith(b"Subject: ")


async def test_no_message_is_too_large_only_for_what_we_say_of_it(spool: Spool, primary: FakePrimary) -> None:
    size = len(CONTENT.replace(b"\n", b"\r\n"))
    primary.behave(extensions=("PIPELINING", f"SIZE {size + 10}"))
    commit(spool, "a@example.org", screened=TAGGED)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    assert primary.accepted[0].content == CONTENT.replace(b"\n", b"\r\n")
