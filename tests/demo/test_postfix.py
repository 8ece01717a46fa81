"""The private Postfix and the primary that tests and the demonstration stand on."""

import smtplib
import subprocess
import time

import pytest

from mxtui.demo.postfix import SBIN
from mxtui.demo.primary import FakePrimary
from tests.conftest import PostfixFactory
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


def test_mail_goes_through_to_the_primary(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance = postfix(routes={"example.org": primary.port})
    ids = instance.inject("sender@example.com", ["info@example.org"], b"Subject: hello\n\n.dot\nbody\n")
    wait_until(lambda: primary.accepted)
    (message,) = primary.accepted
    assert message.sender == "sender@example.com"
    assert message.recipients == ("info@example.org",)
    assert message.content.endswith(b"\r\n\r\n.dot\r\nbody\r\n")
    wait_until(lambda: f"{ids[0]}: removed" in instance.log.read_text())


def test_mail_for_a_domain_without_route_is_refused(postfix: PostfixFactory) -> None:
    with pytest.raises(smtplib.SMTPResponseException, match="loopback only"):
        postfix().inject("", ["someone@elsewhere.example"])


def test_each_refusal_of_the_primary_reaches_postfix(postfix: PostfixFactory, primary: FakePrimary) -> None:
    primary.behave(temporary="^later@", permanent="^never@")
    instance = postfix(routes={"example.org": primary.port})
    instance.inject("", ["later@example.org", "never@example.org"])
    wait_until(lambda: "450 4.2.0" in instance.log.read_text() and "550 5.1.1" in instance.log.read_text())


def test_a_primary_goes_down_and_comes_back_on_its_port(primary: FakePrimary) -> None:
    port = primary.port
    primary.down()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", port, "localhost")
    primary.up()
    with smtplib.SMTP("127.0.0.1", port, "localhost") as smtp:
        assert smtp.ehlo()[0] == 250


def test_a_busy_primary_says_421(primary: FakePrimary) -> None:
    primary.behave(busy=True)
    with pytest.raises(smtplib.SMTPConnectError, match="421"):
        smtplib.SMTP("127.0.0.1", primary.port, "localhost")


def test_it_stops_and_starts_again_and_takes_new_settings(postfix: PostfixFactory) -> None:
    instance = postfix(routes={"example.org": 9}, settings={"minimal_backoff_time": "7s"}, long_queue_ids=True)
    assert "minimal_backoff_time = 7s" in (instance.config_directory / "main.cf").read_text()
    instance.stop()
    assert not instance.is_running()
    instance.start()
    assert instance.is_running()
    assert len(instance.inject("", ["a@example.org"])[0]) > 12


def test_it_starts_without_the_second_that_postfix_lets_pass_after_a_change(postfix: PostfixFactory) -> None:
    instance = postfix(routes={"example.org": 9})
    files = [path for path in instance.config_directory.iterdir() if path.is_file()]
    assert files
    assert all(path.stat().st_mtime < time.time() - 2 for path in files)
    assert not (instance.queue_directory / "quick-start").exists(), "of use once: the next start checks everything"
    check = subprocess.run(
        ["postfix", "-c", str(instance.config_directory), "check"], env={"PATH": SBIN}, capture_output=True, check=True
    )
    assert check.stdout == check.stderr == b""
    assert "warning" not in instance.log.read_text()


def test_after_a_reload_nobody_has_the_old_configuration(postfix: PostfixFactory, primary: FakePrimary) -> None:
    instance = postfix(routes={"example.org": 9})
    for number in range(5):
        instance.route(f"d{number}.example", primary.port)
        instance.inject("", [f"a@d{number}.example"])
        wait_until(lambda: len(primary.accepted) == number + 1)  # noqa: B023 (waits here)
