import os
import socket

import pytest

from mxtui.config.readers import Listen
from mxtui.errors import ConfigError, Unreachable
from mxtui.service.sockets import adopt, bind


def test_each_address_gets_a_socket_that_listens() -> None:
    bound = bind([Listen("127.0.0.1", 0), Listen("127.0.0.2", 0)])
    assert [made.getsockname()[0] for made in bound] == ["127.0.0.1", "127.0.0.2"]
    for made in bound:
        with made, socket.create_connection(made.getsockname()):
            pass


def test_every_address_is_both_families_where_there_are_both() -> None:
    bound = bind([Listen("", 0)])
    families = [made.family for made in bound]
    for made in bound:
        made.close()
    assert families[0] == socket.AF_INET
    assert set(families[1:]) <= {socket.AF_INET6}


def test_of_several_all_or_none_are_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as probe:
            free = probe.getsockname()[1]
        with pytest.raises(
            Unreachable, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"
        ) as caught:
            bind([Listen("127.0.0.1", free), Listen("127.0.0.1", port)])
        assert "listens there already" in caught.value.hint
        bind([Listen("127.0.0.1", free)])[0].close()


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_host_is_refused(host: str) -> None:
    with pytest.raises(Unreachable, match="cannot listen on"):
        bind([Listen(host, 0)])


def test_an_inherited_socket_is_adopted_as_it_is() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    (adopted,) = adopt([os.dup(listening.fileno())])
    with adopted:
        assert adopted.getsockname() == listening.getsockname()
        assert not os.get_inheritable(adopted.fileno())
    listening.close()


def test_what_does_not_listen_for_tcp_is_not_adopted() -> None:
    with socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_INET) as silent:
        for wrong in (local, silent):
            with pytest.raises(ConfigError, match="does not listen for TCP"):
                adopt([os.dup(wrong.fileno())])
    with pytest.raises(ConfigError, match="is no socket"):
        adopt([987])
    reading, writing = os.pipe()
    os.close(writing)
    with pytest.raises(ConfigError, match="is no socket"):
        adopt([reading])
    os.close(reading)
