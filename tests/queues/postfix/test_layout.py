from pathlib import Path

import pytest

from mxtui.errors import NoQueue
from mxtui.queues.postfix import instances, layout
from mxtui.queues.postfix.instances import attach
from mxtui.queues.postfix.layout import from_settings, read_layout, seconds
from mxtui.queues.postfix.run import ENVIRONMENT, Completed
from tests.conftest import PostfixFactory

SETTINGS = {
    "config_directory": "/etc/postfix",
    "queue_directory": "/var/spool/postfix",
    "command_directory": "/usr/sbin",
    "sendmail_path": "/usr/sbin/sendmail",
    "maximal_queue_lifetime": "5d",
    "bounce_queue_lifetime": "12h",
    "hash_queue_names": "deferred, defer",
    "hash_queue_depth": "2",
}


@pytest.mark.parametrize(
    ("text", "unit", "expected"), [("5d", "s", 432000), ("300", "s", 300), ("2", "h", 7200), ("1w", "s", 604800)]
)
def test_times_are_read_as_postfix_writes_them(text: str, unit: str, expected: float) -> None:
    assert seconds(text, unit) == expected


@pytest.mark.parametrize("text", ["", "d", "5 d", "-1s", "1y", "$x"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        seconds(text, "s")


def test_a_layout_is_what_the_parameters_say() -> None:
    found = from_settings(SETTINGS)
    assert found.lifetimes == (432000.0, 43200.0)
    assert found.hashing.folder("defer", "ABCDEF123") == "defer/A/B"
    assert found.maillog_file is None


def test_logging_to_a_containers_stdout_is_no_log_to_follow() -> None:
    assert from_settings(SETTINGS | {"maillog_file": "/dev/stdout"}).maillog_file is None
    assert from_settings(SETTINGS | {"maillog_file": "/var/log/maillog"}).maillog_file == Path("/var/log/maillog")


def test_no_postfix_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(ENVIRONMENT, "PATH", str(tmp_path))
    with pytest.raises(NoQueue, match="not installed") as caught:
        read_layout()
    assert "-q" in caught.value.hint


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.touch(), "is not a directory"),
        (lambda path: path.mkdir(), "neither a Postfix configuration directory"),
    ],
)
def test_what_is_no_queue_is_named(make: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "source"
    make(path)  # type: ignore[operator]
    with pytest.raises(NoQueue, match=message):
        attach(str(path))


def test_a_queue_that_no_instance_uses_asks_for_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instances, "instances", list)
    for name in instances.QUEUE_MARKS:
        (tmp_path / name).mkdir()
    with pytest.raises(NoQueue, match="none of the instances") as caught:
        attach(str(tmp_path))
    assert "configuration directory" in caught.value.hint


def test_instances_are_what_postmulti_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        b"-               -               y         /etc/postfix\n"
        b"postfix-out     mta             n         /etc/postfix out\nrubbish\n"
    )
    monkeypatch.setattr(instances, "run", lambda argv: Completed(0, text, b""))
    assert [tuple(instance) for instance in instances.instances()] == [
        ("", "", True, Path("/etc/postfix")),
        ("postfix-out", "mta", False, Path("/etc/postfix out")),
    ]


@pytest.mark.postfix
def test_a_real_postfix_tells_its_layout(postfix: PostfixFactory) -> None:
    instance = postfix(settings={"maximal_queue_lifetime": "2h", "hash_queue_depth": "2"}, long_queue_ids=True)
    found = attach(str(instance.config_directory))
    assert found.queue_directory == instance.queue_directory
    assert found.maillog_file == instance.log
    assert found.hostname == "mx2.example.net"
    assert found.version.startswith("3.")
    assert found.maximal_queue_lifetime == 7200
    assert found.hashing.depth == 2
    assert found.settings["enable_long_queue_ids"] == "yes"
    assert set(found.settings) == set(layout.PARAMETERS)
