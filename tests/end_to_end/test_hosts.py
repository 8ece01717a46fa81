"""One console over a Postfix here, one behind ssh, and a host that is down: through the loss of one and its return."""

import sys
from collections.abc import Iterator

import pytest

from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from tests.cli.elsewhere import Elsewhere, mail_elsewhere
from tests.conftest import PostfixFactory
from tests.end_to_end.consoles import row
from tests.end_to_end.terminal import Terminal
from tests.queues.postfix.acting import layout_of, settled, state
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@pytest.fixture
def elsewhere(need_postfix: None) -> Iterator[Elsewhere]:
    with mail_elsewhere() as made:
        yield made


@pytest.fixture
def here(postfix: PostfixFactory, elsewhere: Elsewhere) -> PrivatePostfix:
    """Another queue for the same domain, on this host."""
    return postfix(routes={"example.org": elsewhere.primary.port}, settings={"defer_transports": "smtp"})


@pytest.fixture
def console(elsewhere: Elsewhere, here: PrivatePostfix) -> Iterator[Terminal]:
    queues = [str(here.config_directory), "mx2", f"ssh://127.0.0.1:{free_port()}"]
    named = [word for queue in queues for word in ("-q", queue)]
    argv = [sys.executable, "-m", "mxtui", *named]
    with Terminal(argv, columns=120, lines=30, env=elsewhere.environment) as terminal:
        yield terminal


def test_mail_is_held_on_all_hosts_at_once_and_one_is_lost_and_caught_up_with(
    console: Terminal, elsewhere: Elsewhere, here: PrivatePostfix
) -> None:
    there = [elsewhere.mail("a@client.example") for _ in range(2)]
    beside = here.inject("b@client.example", ["info@example.org"], count=3)
    settled(layout_of(here), beside, "deferred")

    console.wait_for(lambda screen: " live " in row(screen, "mx2 ") and row(screen, "mx2 ").split().count("2"))
    console.wait_for("AWAY  127.0.0.1  ssh cannot reach 127.0.0.1")
    console.wait_for("2 of 3 live")
    console.press("v")
    console.wait_for(lambda screen: " etc 3" in row(screen, "example.org") and " mx2 2" in row(screen, "example.org"))
    console.press("h")
    console.wait_for("Hold 5 messages for example.org on 2 hosts")
    console.press("Enter")
    console.wait_for("5 done")
    console.press("Enter")
    assert [elsewhere.state(each) for each in there] == ["hold"] * 2
    assert [state(layout_of(here), each) for each in beside] == ["hold"] * 3

    elsewhere.server.stop()
    console.press("v")
    console.wait_for(lambda screen: " away " in row(screen, "mx2 "))
    late = elsewhere.mail("c@client.example")
    console.press("v", "r")
    console.wait_for("mx2  left as it is: mx2 is away")
    console.press("Enter")
    console.wait_for("3 done")
    console.press("Enter")
    wait_until(lambda: "hold" not in {state(layout_of(here), each) for each in beside})

    elsewhere.server.start()
    console.press("v")
    console.wait_for(lambda screen: " live " in row(screen, "mx2 ") and row(screen, "mx2 ").split().count("3"))
    console.press("g", "j", "Enter")  # to that host: all other screens are its own now
    console.wait_for("1 Domains")
    console.press("2")
    console.wait_for(late)
    console.press("q")
    console.wait_for_exit()
