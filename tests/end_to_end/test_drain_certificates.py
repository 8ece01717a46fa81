"""A primary whose certificate expires in the middle of a drain, where nothing may go without a valid one."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.primary import tls
from tests.end_to_end.draining import (
    DrainedQueue,
    PostfixQueue,
    SpoolQueue,
    Tally,
    drain,
)
from tests.primary.servers import certificate
from tests.service.serving import Serve
from tests.support.waiting import wait_until

MESSAGES = 60
BEFORE = 10
"""Messages that were accepted while it was valid."""

ADDRESS, NAME = "127.0.0.1", "mx1.example.org"
"""In both certificates, but not in this order: OpenSSL looks for a trusted one by its subject, and finds one only."""

OFFERS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS")


class Certificates(NamedTuple):
    """Of one primary, both trusted by whoever is asked here."""

    valid: ssl.SSLContext
    expired: ssl.SSLContext
    trusted: Path


@pytest.fixture
def certificates(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Certificates]:
    valid, one = certificate(folder / "valid", ADDRESS, NAME)
    expired, other = certificate(folder / "expired", NAME, ADDRESS, days=-1)
    trusted = folder / "trusted.pem"  # not in tmp_path, where Postfix may not look
    trusted.write_text(one.read_text() + other.read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    tls.context.cache_clear()
    yield Certificates(valid, expired, trusted)
    tls.context.cache_clear()


@pytest.fixture(params=["postfix", "direct", "spool", "served"])
def queue(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[DrainedQueue]:
    """Of each kind; its mail goes to a verified primary only, by our own sender because Postfix is told so."""
    kind = request.param.replace("served", "spool")
    queue: DrainedQueue = request.getfixturevalue(f"{kind}_queue")
    queue.primary.behave(extensions=OFFERS, tls=certificates.valid)
    with ExitStack() as stack:
        if isinstance(queue, PostfixQueue):  # by our own sender as its own engine is told
            _verify(stack, request.getfixturevalue("drained_postfix"), certificates.trusted)
        if isinstance(queue, SpoolQueue):
            queue.write_config('[serve]\ntls = "verify"\n')
            if request.param == "served":
                relay = {"example.org": queue.primary.port}
                queue.serve = stack.enter_context(Serve(queue.folder, relay, settings=queue.config.read_text()))
        yield queue


def _verify(stack: ExitStack, instance: PrivatePostfix, trusted: Path) -> None:
    instance.postconf(smtp_tls_security_level="verify", smtp_tls_CAfile=str(trusted), smtp_tls_verify_cert_match=NAME)
    stack.callback(instance.postconf, smtp_tls_security_level="none", smtp_tls_CAfile="")


def test_new_connections_are_refused_and_nothing_is_lost(queue: DrainedQueue, certificates: Certificates) -> None:
    queue.fill(MESSAGES)
    queue.primary.behave(messages=3)  # so that there are new ones
    queue.primary.after(BEFORE, tls=certificates.expired)
    queue.primary.up()
    course = drain(queue, patience=3, most_connections=6, ahead=1)  # which bear 18 messages
    assert course.last.phase == "stopped"
    assert ("expired" if not queue.bounces else "certificate") in course.last.why, "Postfix says why in its log only"
    assert course.last.why.startswith("3 tries in a row failed"), "it is the primary's fault, and no message's"
    stopped = queue.tally()
    assert BEFORE <= stopped.delivered < MESSAGES
    assert stopped == Tally(delivered=course.last.delivered, kept=MESSAGES - stopped.delivered, doubled=0, lost=0)
    assert all(message.tls for message in queue.primary.accepted)

    queue.primary.behave(tls=certificates.valid, messages=0)
    assert queue("release", "--all", "--yes").status == 0
    drain(queue)
    wait_until(lambda: not queue.tally().kept)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert all(message.tls for message in queue.primary.accepted)


@pytest.mark.parametrize("queue", ["direct", "spool", "served"], indirect=True)
def test_connections_made_while_it_was_valid_are_used_to_the_end(
    queue: DrainedQueue, certificates: Certificates
) -> None:
    queue.fill(MESSAGES)
    queue.primary.after(BEFORE, tls=certificates.expired)
    queue.primary.up()
    course = drain(queue, most_connections=2)
    assert (course.last.phase, course.last.delivered) == ("done", MESSAGES)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert all(message.tls for message in queue.primary.accepted)
