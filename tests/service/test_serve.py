"""The life of a backup MX, from outside: real processes, real clients, a primary that comes and goes."""

import os
import re
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from tests.primary.servers import certificate
from tests.service.serving import HOSTNAME, QUICK, Serve, less_received, marked, numbers
from tests.support.feeding import deliver
from tests.support.plans import target
from tests.support.waiting import wait_until

Start = Callable[..., Serve]


@pytest.fixture
def serve(tmp_path: Path, primary: FakePrimary) -> Iterator[Start]:
    """Makes a `serve` for example.org at `primary`; whatever of them still runs at the end is killed."""
    with ExitStack() as stack:
        count = 0

        def make(*flags: str, **options: object) -> Serve:
            nonlocal count
            count += 1
            folder = tmp_path / str(count)
            folder.mkdir()
            made = Serve(folder, {"example.org": primary.port}, *flags, **options)  # type: ignore[arg-type]
            stack.push(made)
            return made

        yield make


def test_mail_is_taken_while_the_primary_is_down_and_delivered_when_it_is_up(
    serve: Start, primary: FakePrimary
) -> None:
    primary.down()
    backup = serve().start()
    wait_until(lambda: backup.events("primary") == 1)
    assert backup.state().state == "accepting"
    body = b".leading dot\r\n\r\nno\x00thing \xc3\xa9 lost" + b"x" * 900 + b"\r\n..\r\nend\r\n"
    for number in range(20):
        backup.send_mail("anna@example.org", marked(number, body))
    assert len(backup.spooled()["deferred"]) == 20
    primary.up()
    wait_until(lambda: len(primary.accepted) >= 20, what=backup.text)
    assert sorted(map(int, numbers(primary))) == list(range(20))
    by_number = dict(zip(numbers(primary), primary.accepted, strict=True))
    assert all(less_received(by_number[str(n)].content) == marked(n, body) for n in range(20))
    wait_until(lambda: backup.is_at("standing by"))
    assert backup.spooled() == {}
    assert backup.stop() == 0


def test_while_the_primary_is_up_senders_are_sent_there(serve: Start) -> None:
    backup = serve().start()
    wait_until(lambda: backup.is_at("standing by"))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        backup.send_mail("anna@example.org", marked(1))
    code, text = caught.value.recipients["anna@example.org"]
    assert (code, b"primary is up" in text) == (451, True)


def test_a_sender_that_keeps_trying_is_let_in(serve: Start, primary: FakePrimary) -> None:
    backup = serve(settings=f'{QUICK}\n[serve]\nstandby_patience = "1s"\n').start()
    wait_until(lambda: backup.is_at("standing by"))

    def tried() -> bool:
        try:
            backup.send_mail("anna@example.org", marked(1))
        except smtplib.SMTPRecipientsRefused:
            return False
        return True

    assert not tried()
    wait_until(tried)
    wait_until(lambda: numbers(primary) == ["1"])


def test_what_the_primary_offers_is_offered_also_after_a_restart_while_it_is_down(
    serve: Start, primary: FakePrimary
) -> None:
    backup = serve("--standby", "off").start()

    def offers() -> dict[str, str]:
        with backup.smtp() as client:
            client.ehlo()
            return client.esmtp_features

    wait_until(lambda: "smtputf8" in offers())
    assert offers()["size"] == str(50 << 20), "our own limit is the smaller"
    primary.down()
    assert backup.stop() == 0
    backup.start()
    assert {"smtputf8", "8bitmime", "dsn"} <= offers().keys()


def test_recipients_are_asked_of_the_primary_and_remembered_through_an_outage(
    serve: Start, primary: FakePrimary
) -> None:
    primary.behave(permanent="^(?!anna@)")
    backup = serve("--standby", "off", recipients="callout").start()
    backup.send_mail("anna@example.org", marked(1))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        backup.send_mail("nobody@example.org", marked(2))
    assert caught.value.recipients["nobody@example.org"][0] == 550
    wait_until(lambda: numbers(primary) == ["1"])
    primary.down()
    assert backup.stop() == 0
    backup.start()
    backup.send_mail("anna@example.org", marked(3))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        backup.send_mail("unheard-of@example.org", marked(4))
    assert caught.value.recipients["unheard-of@example.org"][0] == 451, "nobody can be asked: come again"


def test_who_was_sent_to_the_primary_is_known_when_it_goes_down(serve: Start, primary: FakePrimary) -> None:
    """Standing by and asking the primary, both by default: an outage must not find nobody known."""
    primary.behave(permanent="^(?!anna@)")
    backup = serve(recipients="callout").start()
    wait_until(lambda: backup.is_at("standing by"))
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        backup.send_mail("anna@example.org", marked(1))
    assert caught.value.recipients["anna@example.org"][1].startswith(b"4.3.2 primary is up")
    wait_until(lambda: b"anna@" in (backup.spool / "recipients.jsonl").read_bytes())
    primary.down()
    wait_until(lambda: backup.is_at("accepting"))
    backup.send_mail("anna@example.org", marked(1))
    assert len(backup.spooled()["deferred"]) == 1


def test_mail_for_others_is_not_relayed(serve: Start) -> None:
    backup = serve().start()
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        backup.send_mail("someone@elsewhere.example", marked(1))
    assert caught.value.recipients["someone@elsewhere.example"][0] in (550, 554)


# -- ending -------------------------------------------------------------------------------------------------------


def test_sigterm_lets_a_message_that_is_coming_in_come_to_its_end(serve: Start, primary: FakePrimary) -> None:
    primary.down()
    backup = serve().start()
    with backup.smtp() as client:
        client.ehlo()
        client.mail("a@example.com")
        client.rcpt("anna@example.org")
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.send(b"Subject: in flight\r\n\r\nfirst half\r\n")
        backup.send(signal.SIGTERM)
        wait_until(backup.takes_nothing, what="the port is closed at once")
        client.send(b"second half\r\n.\r\n")
        code, text = client.getreply()
        assert code == 250, text
        assert client.getreply()[0] == 421
        client.close()
    assert backup.running.wait(20) == 0
    (kept,) = backup.spooled()["deferred"]
    assert b"second half" in (backup.spool / "msg" / kept[-2:] / f"{kept}.eml").read_bytes()


def test_sigterm_lets_a_delivery_end_and_a_second_one_does_not_wait(serve: Start, primary: FakePrimary) -> None:
    primary.behave(delay=1.0)
    backup = serve("--standby", "off").start()
    backup.send_mail("anna@example.org", marked(1))
    wait_until(lambda: backup.state().delivering == 1)
    assert backup.stop() == 0
    assert (numbers(primary), backup.spooled()) == (["1"], {})

    primary.behave(delay=60.0)
    backup.start().send_mail("anna@example.org", marked(2))
    wait_until(lambda: backup.state().delivering == 1)
    backup.send(signal.SIGTERM)
    wait_until(lambda: backup.events("stopping") == 2)
    assert backup.stop(signal.SIGINT) == 0
    assert len(backup.spooled()["deferred"]) == 1


# -- beginning ----------------------------------------------------------------------------------------------------


def test_a_second_serve_on_one_spool_is_refused_and_the_first_goes_on(serve: Start, tmp_path: Path) -> None:
    first = serve().start()
    second = serve()
    second.spool = first.spool
    second.begin()
    assert second.running.wait(20) == 5
    assert f"process {first.running.pid} forwards from {first.spool} already" in second.text
    first.state()


def test_a_taken_port_is_a_clear_error(serve: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        backup = serve(port=taken.getsockname()[1]).begin()
        assert backup.running.wait(20) == 4
    assert "Something listens there already" in backup.text
    assert "Traceback" not in backup.text


@pytest.mark.parametrize(
    ("settings", "flags", "expected"),
    [
        ('[serve]\nrecipient = "any"\n', (), ":2: serve.recipient: no such setting"),
        ('[serve]\ncertificate = "/nowhere/crt.pem"\n', (), ":2: serve.certificate: the certificate /nowhere/crt.pem"),
        ("", ("--tls-certificate", "/nowhere/crt.pem"), "--tls-certificate: the certificate /nowhere/crt.pem"),
        ("", ("--user", "nobody-here"), "--user: this host has no user nobody-here"),
        ("", ("--recipients", "/nowhere/list"), "--recipients: the list of recipients /nowhere/list"),
        ("", ("--standby", "perhaps"), "--standby: 'perhaps' will not do"),
    ],
)
def test_a_wrong_configuration_ends_before_anything_begins(
    serve: Start, settings: str, flags: tuple[str, ...], expected: str
) -> None:
    backup = serve(*flags, settings=settings).begin()
    assert backup.running.wait(20) == 2, backup.text
    assert expected in backup.text
    assert "Traceback" not in backup.text


def test_systemd_hands_over_the_socket_and_is_told_of_each_step(
    serve: Start, primary: FakePrimary, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        listening = socket.create_server(("127.0.0.1", 0))
        primary.down()
        backup = serve(port=0, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"})
        backup.port = listening.getsockname()[1]
        # LISTEN_PID has to be the process itself: a shell that becomes it knows its number. dash knows ten descriptors.
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@" 3<&' + str(listening.fileno())
        argv = ["bash", "-c", script, "bash", *backup.argv()]
        env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), **backup.env}
        with backup.log.open("ab") as log:
            backup.process = subprocess.Popen(argv, stderr=log, env=env, pass_fds=(listening.fileno(),))
        listening.close()
        said: list[str] = []

        def heard(text: str) -> bool:
            while not any(text in one for one in said):
                said.append(manager.recv(4096).decode())
            said.clear()
            return True

        assert heard("READY=1")
        assert heard("WATCHDOG=1")
        backup.send_mail("anna@example.org", marked(1))
        backup.send(signal.SIGHUP)
        assert heard("RELOADING=1\nMONOTONIC_USEC=")
        assert heard("READY=1")
        backup.send(signal.SIGTERM)
        assert heard("STOPPING=1")
        assert backup.running.wait(20) == 0


def test_root_is_gone_once_the_port_is_taken(folder: Path, primary: FakePrimary, need_postfix: None) -> None:
    primary.down()
    with Serve(folder, {"example.org": primary.port}, "--user", "nobody") as backup:
        status = Path(f"/proc/{backup.running.pid}/status").read_text()
        assert re.search(r"^Uid:\t(\d+)\t\1\t\1\t\1$", status, re.MULTILINE)
        assert "Uid:\t0" not in status
        backup.send_mail("anna@example.org", marked(1))
        assert (backup.spool.stat().st_mode & 0o777, backup.spool.stat().st_uid != 0) == (0o700, True)
        assert backup.state().state == "accepting", "root may ask"
        assert backup.stop() == 0


# -- reloading ----------------------------------------------------------------------------------------------------


def test_sighup_follows_recipients_certificate_and_domains(serve: Start, primary: FakePrimary, tmp_path: Path) -> None:
    primary.down()
    known = tmp_path / "known"
    known.write_text("anna@example.org\n")
    backup = serve(recipients=str(known)).start()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        backup.send_mail("ben@example.org", marked(1))
    with backup.smtp() as client:
        client.ehlo()
        assert not client.has_extn("starttls")
    certificate(tmp_path, HOSTNAME)
    known.write_text("anna@example.org\nben@example.org\n@example.net\n")
    backup.config.write_text(
        f'{QUICK}\n[serve]\ncertificate = "{tmp_path}/crt.pem"\nkey = "{tmp_path}/key.pem"\n'
        '[serve.relay]\n"example.net" = "127.0.0.1:1"\n'
    )
    backup.send(signal.SIGHUP)
    wait_until(lambda: backup.events("reloaded"), what=backup.text)
    backup.send_mail("ben@example.org", marked(1))
    backup.send_mail("anybody@example.net", marked(2))
    with backup.smtp() as client:
        client.starttls()
        client.sendmail("a@example.com", ["anna@example.org"], marked(3))
    assert len(backup.spooled()["deferred"]) == 3


def test_a_broken_configuration_keeps_the_old_one_and_says_so(serve: Start, primary: FakePrimary) -> None:
    primary.down()
    backup = serve().start()
    mistakes = ("[serve]\nstandbye = false\n", '[serve]\ncertificate = "/nowhere"\n', "what?")
    for failures, broken in enumerate(mistakes, 1):
        backup.config.write_text(broken)
        backup.send(signal.SIGHUP)
        wait_until(lambda: backup.events("reload_failed") == failures, what=backup.text)  # noqa: B023 (awaited here)
        backup.send_mail("anna@example.org", marked(1))
    assert "serve.standbye: no such setting" in backup.text
    assert "Did you mean serve.standby?" in backup.text


def test_what_only_a_restart_can_change_is_said(serve: Start) -> None:
    backup = serve().start()
    backup.config.write_text('[serve]\nretry = "1m"\n')
    backup.send(signal.SIGHUP)
    wait_until(lambda: backup.events("reloaded"), what=backup.text)
    assert "event=needs_restart setting=serve.retry" in backup.text
    assert "setting=probe" in backup.text


def test_the_name_stays_the_one_it_began_with_until_a_restart(serve: Start, primary: FakePrimary) -> None:
    primary.down()
    backup = serve().start()
    del backup.flags[-2:]  # the flag would win over the file
    backup.stop()
    backup.config.write_text('[serve]\nhostname = "one.example.net"\n')
    backup.start()
    for reloads, name in enumerate(("two", "one"), 1):
        backup.config.write_text(f'[serve]\nhostname = "{name}.example.net"\n')
        backup.send(signal.SIGHUP)
        wait_until(lambda: backup.events("reloaded") == reloads, what=backup.text)  # noqa: B023 (awaited here)
        with backup.smtp() as client:
            assert client.ehlo()[1].startswith(b"one.example.net")
    assert backup.events("needs_restart") == 1, "back to what it runs with is no change"


def test_what_hampers_it_from_the_start_is_said_then(serve: Start) -> None:
    backup = serve()
    backup.config.write_text('[serve]\nlimits.free = "900T"\n')
    backup.flags[backup.flags.index(HOSTNAME)] = "mx2"
    backup.start()
    assert "level=warning event=short_hostname hostname=mx2" in backup.text
    assert "level=warning event=no_room" in backup.text


@pytest.mark.parametrize("which", ["eml", "json"])
def test_what_turns_out_to_be_damaged_while_it_serves_is_logged_and_a_flush_of_it_ends(
    serve: Start, primary: FakePrimary, which: str
) -> None:
    primary.down()
    backup = serve().start()
    backup.send_mail("anna@example.org", marked(1))
    (queue_id,) = backup.spooled()["deferred"]
    wait_until(lambda: backup.events("left_alone"), what=backup.text)
    (damaged,) = backup.spool.rglob(f"{queue_id}.{which}")
    damaged.write_bytes(b"not what was there")
    assert deliver(backup.control, [target(queue_id)]).left == 0
    assert backup.spooled() == {"corrupt": [queue_id]}
    assert re.search(rf"level=warning event=set_aside id={queue_id} why=", backup.text)


# -- asking -------------------------------------------------------------------------------------------------------


def test_a_suspended_service_takes_mail_and_delivers_none_until_resumed(serve: Start, primary: FakePrimary) -> None:
    backup = serve("--standby", "off").start()
    backup.control.suspend()
    assert backup.state().state == "suspended"
    backup.send_mail("anna@example.org", marked(1))
    assert len(backup.spooled()["deferred"]) == 1
    backup.control.resume()
    wait_until(lambda: numbers(primary) == ["1"])


def test_the_log_has_one_event_a_line_and_nothing_raw(serve: Start, primary: FakePrimary) -> None:
    primary.hostname = "mx1\x1b[2J\nlevel=error event=forged"
    primary.behave(busy=True)
    backup = serve().start()
    backup.send_mail("anna@example.org", marked(1))
    wait_until(lambda: backup.events("deferred"), what=backup.text)
    assert backup.stop() == 0
    assert "\x1b" not in backup.text
    assert all(re.match(r"level=\w+ event=\S+( \w+=|$)", line) for line in backup.text.splitlines())


def test_help_names_every_flag() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mxtui", "serve", "--help"], capture_output=True, text=True, check=True
    )
    for flag in ("--listen", "--relay", "--recipients", "--standby", "--tls-certificate", "--user", "--expire"):
        assert flag in done.stdout
