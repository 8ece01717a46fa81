import os
import pwd
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.health import Primary
from mxtui.model.route import Ourselves, Routed
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.rewrite import Resolved, resolve
from mxtui.queues.postfix.routing import PostfixRouter
from tests.conftest import PostfixFactory

TRANSPORT = """\
a.example smtp:[127.0.0.1]:2525
b.example relay:mx.b.example
c.example :[10.0.0.3]
d.example smtp:
.e.example smtp:e-hub.example:587
f.example smtp:[f1.example], [f2.example]:26
refused.example error:5.1.2 gone away
later.example retry:4.4.4 moving house
away.example discard:
mail.example local:
pipe.example nosuch:x
odd.example smtp:no such host
"""

ROUTES = {
    "a.example": Routed(Primary("127.0.0.1", 2525, "transport")),
    "A.Example": Routed(Primary("127.0.0.1", 2525, "transport")),
    "b.example": Routed(Primary("mx.b.example", 25, "mx", lookup_mx=True)),
    "c.example": Routed(Primary("10.0.0.3", 25, "transport")),
    "d.example": Routed(Primary("d.example", 25, "mx", lookup_mx=True)),
    "x.e.example": Routed(Primary("e-hub.example", 587, "mx", lookup_mx=True)),
    "f.example": Routed(Primary("f1.example", 25, "transport")),
    "refused.example": Routed(None, "refused by Postfix's routing: 5.1.2 gone away"),
    "later.example": Routed(None, "put off by Postfix's routing: 4.4.4 moving house"),
    "away.example": Routed(None, "discarded by Postfix's routing"),
    "mail.example": Routed(None, "delivered on this host"),
    "here.example": Routed(None, "delivered on this host"),
    "pipe.example": Routed(None, "delivered by the transport nosuch"),
    "relayed.example": Routed(Primary("relay.example", 587, "transport")),
    "elsewhere.example": Routed(Primary("relay.example", 587, "transport")),
    "bad domain": Routed(None, "not the name of a domain"),
    "mailer-daemon\n": Routed(None, "not the name of a domain"),
}


@pytest.fixture
def instance(postfix: PostfixFactory) -> PrivatePostfix:
    running = postfix(routes={"relayed.example": 1})
    table = running.config_directory / "more"
    table.write_text(TRANSPORT)
    running.postconf(
        transport_maps=f"texthash:{table}",
        default_transport="smtp",
        relay_transport="relay",
        relayhost="[relay.example]:587",
        local_transport="local",
        mydestination="here.example, $myhostname",
        proxy_interfaces="192.0.2.25",
    )
    return running


def router(instance: PrivatePostfix) -> PostfixRouter:
    return PostfixRouter(read_layout(instance.config_directory))


@pytest.mark.postfix
def test_postfix_itself_says_where_a_domain_goes(instance: PrivatePostfix) -> None:
    assert router(instance).route(list(ROUTES)) == ROUTES


@pytest.mark.postfix
def test_without_its_socket_the_settings_say_the_same(instance: PrivatePostfix) -> None:
    instance.stop()
    assert router(instance).route(list(ROUTES)) == ROUTES


@pytest.mark.postfix
def test_we_are_known_by_what_main_cf_says(instance: PrivatePostfix) -> None:
    ourselves = router(instance).ourselves()
    assert ourselves.hostname == "mx2.example.net"
    assert ourselves.named("HERE.example.")
    assert not ourselves.named("mx1.example.org")
    assert ourselves.addresses == {"192.0.2.25"}


@pytest.mark.postfix
def test_without_its_settings_we_are_known_by_name_alone(instance: PrivatePostfix) -> None:
    layout = replace(read_layout(instance.config_directory), command_directory=Path("/nonexistent"))
    assert PostfixRouter(layout).ourselves() == Ourselves("mx2.example.net")


@pytest.mark.postfix
def test_whoever_may_not_ask_postfix_reads_its_settings(instance: PrivatePostfix) -> None:
    layout = read_layout(instance.config_directory)
    with acting_as("nobody"):
        assert PostfixRouter(layout).route(list(ROUTES)) == ROUTES
        with pytest.raises(NotPermitted):
            list(resolve(layout.queue_directory, ["a@a.example"]))


@contextmanager
def acting_as(user: str) -> Iterator[None]:
    """Real user and effective: where they differ, the programs of Postfix take no -c."""
    uid = pwd.getpwnam(user).pw_uid
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.postfix
def test_a_table_that_cannot_be_read_is_said(instance: PrivatePostfix) -> None:
    instance.postconf(transport_maps="texthash:/nonexistent/table")
    routed = router(instance).route(["a.example"])["a.example"]
    assert routed == Routed(None, "Postfix cannot read one of its tables")


@pytest.fixture
def queue_directory(tmp_path: Path) -> Path:
    (tmp_path / "private").mkdir()
    return tmp_path


@pytest.fixture
def pretender(queue_directory: Path) -> Iterator[list[bytes]]:
    """Answers any question on the socket with these bytes, piece by piece, then closes."""
    pieces: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(queue_directory / "private" / "rewrite"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        yield pieces
        thread.join()


GOOD = b"flags\x000\x00transport\x00smtp\x00nexthop\x00\x00recipient\x00a@b\x00flags\x004096\x00\x00"


def test_a_reply_may_come_in_pieces_and_after_a_greeting(queue_directory: Path, pretender: list[bytes]) -> None:
    pretender.extend([b"protocol\0trivial_rew", b"rite_protocol\0\0fl", GOOD[2:30], GOOD[30:]])
    assert list(resolve(queue_directory, ["a@b"])) == [Resolved("smtp", "", 4096)]


@pytest.mark.parametrize(
    "answer", [b"", b"\0", b"protocol\0x\0\0", b"nonsense\0\0\0", GOOD[:-1], GOOD.replace(b"4096", b"-"), b"x" * 99999]
)
def test_an_answer_that_makes_no_sense_is_an_error(
    queue_directory: Path, pretender: list[bytes], answer: bytes
) -> None:
    pretender.append(answer)
    with pytest.raises(Unreachable, match="Postfix does not answer"):
        list(resolve(queue_directory, ["a@b"]))


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        list(resolve(tmp_path, ["a@b"]))
