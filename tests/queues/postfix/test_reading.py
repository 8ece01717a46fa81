"""What we read of a running Postfix's queue, beside what Postfix's own programs say of it."""

import grp
import json
import os
import pwd
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.errors import NoQueue, NotPermitted, Unreachable
from mxtui.model.age import BUCKET_MINUTES, BUCKETS, bucket
from mxtui.model.message import QueuedMessage
from mxtui.queues.postfix import showq
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.instances import attach
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.listing import Listing
from mxtui.queues.postfix.reader import Reader, open_reader
from mxtui.queues.postfix.whereabouts import locate
from tests.conftest import PostfixFactory
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix

NOBODY_LISTENS = 1
"""A port on which every connection is refused."""

SETTINGS = {
    "minimal_backoff_time": "1h",
    "maximal_backoff_time": "1h",
    "queue_run_delay": "1h",
    "always_bcc": "archive@example.org",
}

VARIED: dict[str, tuple[str, list[str], bytes, list[str]]] = {
    "plain": ("sender@example.com", ["info@example.org"], b"Subject: plain\n\nbody\n", []),
    "several recipients": (
        "sender@example.com",
        [f"user{n}@{domain}" for n in range(30) for domain in ("example.org", "b.example")],
        b"Subject: many\n\nbody\n",
        [],
    ),
    "null sender": ("", ["info@example.org"], b"Subject: bounce\n\nbody\n", []),
    "smtputf8": (
        "s\u00fcd@example.com",
        ["f\u00fc@example.org"],
        "Subject: gr\u00fc\u00dfe\n\nk\u00f6rper\n".encode(),
        ["SMTPUTF8", "BODY=8BITMIME"],
    ),
    "8 bit": ("sender@example.com", ["info@b.example"], b"Subject: caf\xe9\n\n\xff\xfe\x80\n", ["BODY=8BITMIME"]),
    "large": ("sender@example.com", ["info@example.org"], b"Subject: large\n\n" + b"0123456789abcde\n" * 65536, []),
    "long lines": (
        "sender@example.com",
        ["info@example.org"],
        b"Subject: long\nX-Long: " + b"x" * 5000 + b"\n\n" + b"y" * 2048 + b"\n" + b"z" * 9000 + b"\n\n.\n..\n",
        [],
    ),
    "encoded subject": ("sender@example.com", ["info@b.example"], b"Subject: =?utf-8?q?caf=C3=A9?=\n\nbody\n", []),
    "quoted address": ('"a b"@example.com', ['"c d"@example.org'], b"Subject: quoted\n\nbody\n", []),
    "no header": ("sender@example.com", ["info@example.org"], b"\nbody only\n", []),
    "folded subject": ("sender@example.com", ["info@example.org"], b"Subject: one\n two\n\tthree\n\nbody\n", []),
}


@pytest.fixture(params=[False, True], ids=["short IDs", "long IDs"])
def queue(request: pytest.FixtureRequest, postfix: PostfixFactory) -> PrivatePostfix:
    """A Postfix whose queue holds varied mail, deferred, on hold and expired by force."""
    instance = postfix(
        routes={"example.org": NOBODY_LISTENS, "b.example": NOBODY_LISTENS},
        settings=SETTINGS,
        long_queue_ids=request.param,
    )
    for sender, recipients, content, options in VARIED.values():
        instance.inject(sender, recipients, content, mail_options=options)
    held, expired = instance.inject("sender@example.com", ["held@example.org"], count=2)
    wait_until(lambda: len(list(deferred_logs(instance))) == len(VARIED) + 2, what="everything is deferred")
    command(instance, "postsuper", "-h", held)
    command(instance, "postsuper", "-e", expired)
    return instance


def deferred_logs(instance: PrivatePostfix) -> Iterator[Path]:
    """The deferred messages with a defer log, neither still written to: both locks are gone when qmgr has moved one."""
    for path in (instance.queue_directory / "deferred").rglob("?????*"):
        if (instance.queue_directory / "defer" / path.relative_to(instance.queue_directory / "deferred")).exists():
            yield path


def command(instance: PrivatePostfix, program: str, *arguments: str) -> bytes:
    done = subprocess.run(
        [f"/usr/sbin/{program}", "-c", str(instance.config_directory), *arguments], capture_output=True, check=True
    )
    return done.stdout


def everything(reader: Reader) -> dict[str, QueuedMessage]:
    return {message.queue_id: message for changes in reader.read() for message in changes.present}


def as_postqueue_tells(message: QueuedMessage) -> dict[str, object]:
    return {
        "queue_name": message.state,
        "queue_id": message.queue_id,
        "arrival_time": int(message.arrival),
        "message_size": message.size,
        "forced_expire": message.forced_expire,
        "sender": message.sender or "MAILER-DAEMON",
        "recipients": sorted((recipient.address, recipient.reason) for recipient in message.recipients),
    }


def test_files_tell_what_postqueue_tells_field_by_field(queue: PrivatePostfix) -> None:
    listed = {}
    for line in command(queue, "postqueue", "-j").splitlines():
        told = json.loads(line)
        told["recipients"] = sorted((one["address"], one.get("delay_reason")) for one in told["recipients"])
        listed[told["queue_id"]] = told

    found = everything(FileReader(read_layout(queue.config_directory)))

    assert {queue_id: as_postqueue_tells(message) for queue_id, message in found.items()} == listed
    assert len(listed) == len(VARIED) + 2
    assert {message.state for message in found.values()} == {"deferred", "hold"}
    assert sum(message.forced_expire for message in found.values()) == 1
    assert not [message.fault for message in found.values() if message.fault]


def test_the_bcc_behind_the_content_is_a_recipient(queue: PrivatePostfix) -> None:
    for message in everything(FileReader(read_layout(queue.config_directory))).values():
        assert "archive@example.org" in {recipient.address for recipient in message.recipients}


def test_files_tell_more_than_listings(queue: PrivatePostfix) -> None:
    found = everything(FileReader(read_layout(queue.config_directory)))

    subjects = {message.subject for message in found.values()}
    assert {"plain", "caf\u00e9", "gr\u00fc\u00dfe", "one two three", "long", None} <= subjects
    for message in found.values():
        assert message.client_address == "127.0.0.1"
        assert message.expires == pytest.approx(message.arrival + 5 * 86400)
        assert {recipient.dsn for recipient in message.recipients} == {"4.4.1"}
        if message.state == "deferred":
            assert message.next_retry is not None
            assert message.next_retry - message.arrival == pytest.approx(3600, abs=60)
        assert (
            message.inode == next(queue.queue_directory.rglob(f"{message.state}/**/{message.queue_id}")).stat().st_ino
        )


def test_the_message_is_what_postcat_prints_byte_by_byte(queue: PrivatePostfix) -> None:
    reader = FileReader(read_layout(queue.config_directory))
    for queue_id in everything(reader):
        printed = command(queue, "postcat", "-qbh", queue_id)

        assert reader.content(queue_id, 1 << 30) == printed
        assert reader.content(queue_id, 100) == printed[:100]


def test_all_roads_tell_the_same(queue: PrivatePostfix) -> None:
    layout = read_layout(queue.config_directory)
    files = {message.queue_id: as_postqueue_tells(message) for message in everything(FileReader(layout)).values()}

    for road in (showq.list_queue(layout), Listing(layout).messages()):
        listed = list(road)
        assert {message.queue_id: as_postqueue_tells(message) for message in listed} == files
        assert all(message.expires for message in listed)


def test_domains_and_ages_are_counted_as_qshape_counts(queue: PrivatePostfix) -> None:
    reader = FileReader(read_layout(queue.config_directory))
    for number, queue_id in enumerate(sorted(everything(reader))):
        age_in_place(queue, queue_id, 60 * 7 * number * number)

    printed = command(queue, "qshape", "deferred", "hold").decode().splitlines()

    shaped_at = time.time()
    buckets: dict[str, Counter[int]] = {}
    for message in everything(reader).values():
        if message.forced_expire:
            continue  # qshape passes over mode 0710
        for recipient in message.recipients:
            buckets.setdefault(recipient.domain, Counter())[bucket(shaped_at - message.arrival)] += 1
    assert printed[0].split() == ["T", *map(str, BUCKET_MINUTES), f"{BUCKET_MINUTES[-1]}+"]
    shaped = {domain: [int(count) for count in counts] for domain, *counts in map(str.split, printed[2:])}
    assert shaped == {
        domain: [sum(counts.values()), *(counts[n] for n in range(BUCKETS))] for domain, counts in buckets.items()
    }


def age_in_place(queue: PrivatePostfix, queue_id: str, seconds: int) -> None:
    """Make a message older, where qshape looks: in its `T` record, which keeps its length."""
    here = locate(read_layout(queue.config_directory), queue_id)
    assert here is not None
    path = here.path
    raw = path.read_bytes()
    start = raw.index(b"T", 97) + 2
    arrived = int(raw[start : start + 10])
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"%d" % (arrived - seconds))
    os.utime(path, (status.st_atime, status.st_mtime))


def test_the_envelope_names_everything(queue: PrivatePostfix) -> None:
    reader = FileReader(read_layout(queue.config_directory))
    found = next(message for message in everything(reader).values() if message.sender == "" and message.subject)

    envelope = reader.envelope(found.queue_id)

    assert envelope.sender == ""
    assert [(recipient.address, recipient.state) for recipient in envelope.recipients] == [
        ("info@example.org", "todo"),
        ("archive@example.org", "todo"),
    ]
    assert envelope.recipients[0].dsn_original == "rfc822;info@example.org"
    assert envelope.attributes["client_address"] == "127.0.0.1"
    assert envelope.attributes["helo_name"] == "client.example.com"
    assert envelope.attributes["protocol_name"] == "ESMTP"
    assert envelope.fault is None


def test_a_message_that_is_gone_is_a_clear_error(queue: PrivatePostfix) -> None:
    reader = FileReader(read_layout(queue.config_directory))
    queue_id = next(iter(everything(reader)))
    command(queue, "postsuper", "-d", queue_id)

    assert reader.find(queue_id) is None
    for ask in (lambda: reader.content(queue_id, 100), lambda: reader.envelope(queue_id)):
        with pytest.raises(NoQueue, match=queue_id):
            ask()


def test_a_queue_directory_leads_to_its_configuration(queue: PrivatePostfix) -> None:
    assert attach(str(queue.queue_directory)).config_directory == queue.config_directory
    assert attach(str(queue.config_directory)).queue_directory == queue.queue_directory


def test_each_user_takes_the_best_road_open_to_them(queue: PrivatePostfix) -> None:
    layout = read_layout(queue.config_directory)

    def count() -> str:
        reader = open_reader(layout)
        try:
            return f"{reader.road} {len(everything(reader))}"
        except (NotPermitted, Unreachable) as error:
            return f"{reader.road} {type(error).__name__} {error.message}"

    postfix, postdrop, total = pwd.getpwnam("postfix"), grp.getgrnam("postdrop").gr_gid, len(VARIED) + 2
    assert as_user(0, [0], count) == f"files {total}"
    assert as_user(postfix.pw_uid, [postfix.pw_gid], count) == f"files {total}"
    assert as_user(65534, [postdrop], count) == f"showq {total}"
    # Whoever is in no such group depends on postqueue(1), which refuses instances that the default one does not list.
    assert as_user(65534, [65534], count).startswith("postqueue NotPermitted")


def as_user(uid: int, groups: Sequence[int], act: Callable[[], str]) -> str:
    """What `act` says in a process of that user."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(groups[0])
        os.setuid(uid)
        try:
            os.write(writing, act().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_reading_works_while_postfix_is_stopped(queue: PrivatePostfix) -> None:
    layout = read_layout(queue.config_directory)
    queue.stop()

    assert len(everything(open_reader(layout))) == len(VARIED) + 2
    with pytest.raises(Unreachable, match="showq"):
        list(showq.list_queue(layout))
