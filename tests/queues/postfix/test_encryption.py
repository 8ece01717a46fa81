"""What Postfix itself writes of a connection, and what is made of it."""

import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.message.handover import Encryption, encryption
from mxtui.message.inspect import inspect
from mxtui.queues.postfix.postfix import PostfixQueue
from tests.primary.servers import certificate
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@pytest.fixture(scope="module")
def postfix(folder: Path, servers: ExitStack) -> PrivatePostfix:
    _, crt = certificate(folder / "tls", "mx2.example.net")
    settings = {
        "defer_transports": "smtp", "smtpd_tls_security_level": "may", "smtpd_tls_received_header": "yes",
        "smtpd_tls_chain_files": f"{folder}/tls/key.pem, {crt}",
    }  # fmt: skip
    return servers.enter_context(PrivatePostfix(folder / "pf", settings=settings, routes={"example.org": 9}))


def handed_in(postfix: PrivatePostfix, *, tls: bool, hello: str = "client.example") -> str:
    """A message's queue ID, once it rests."""
    with postfix.connect() as client:
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            assert client.starttls(context=context)[0] == 220
        assert client.docmd("EHLO", hello)[0] == 250
        client.mail("a@client.example")
        client.rcpt("b@example.org")
        queue_id = client.data("Subject: x\r\n\r\ny")[1].decode().rpartition("queued as ")[2].strip()
    queue = PostfixQueue.attach(str(postfix.config_directory))
    wait_until(lambda: (found := queue.find(queue_id)) is not None and found.state == "deferred")
    return queue_id


def told(postfix: PrivatePostfix, queue_id: str) -> Encryption:
    queue = PostfixQueue.attach(str(postfix.config_directory))
    client = queue.client(queue_id)
    assert client is not None
    seen = inspect(queue.content(queue_id, 1 << 20))
    return encryption(client, seen, frozenset({queue.source.name.lower()}), queue_id)


def test_protocol_and_cipher_of_an_encrypted_connection_are_told(postfix: PrivatePostfix) -> None:
    found = told(postfix, handed_in(postfix, tls=True))
    assert found.source == "received"
    assert found.tls is not None
    assert found.tls.startswith("TLSv1.")
    assert " with cipher " in found.tls


def test_one_that_was_not_encrypted_is_so_called_whatever_its_client_says(postfix: PrivatePostfix) -> None:
    name = PostfixQueue.attach(str(postfix.config_directory)).source.name
    hello = f"x (using TLSv1.3 with cipher FAKE) by {name} (Postfix) with ESMTPS id"
    assert told(postfix, handed_in(postfix, tls=False, hello=hello)) == Encryption("", "received")


def test_without_smtpd_tls_received_header_it_is_known_that_there_was_tls(postfix: PrivatePostfix) -> None:
    postfix.postconf(smtpd_tls_received_header="no")
    assert told(postfix, handed_in(postfix, tls=True)) == Encryption("TLS", "received")
