import os
import string
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.queues.postfix import queue_file
from mxtui.queues.postfix.defer_log import Parser
from mxtui.queues.postfix.glance import client_at, glance, glance_subject
from mxtui.queues.postfix.message_file import Absent, MessageReader
from mxtui.queues.postfix.subject import raw_subject
from tests.queues.postfix.following import HASHING
from tests.queues.postfix.writer import QueueFile, defer_log, lines, pointer, record, sizes

ADDRESSES = st.emails() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)
no_deadline = settings(deadline=None)
"""Files are opened here, and a busy machine is no failure; each test has its time limit."""

ARRIVED, LIFETIMES = 1_795_355_934.25, (432000.0, 86400.0)

MESSAGES = st.binary(max_size=4000).map(lambda text: text.replace(b"\r", b"") + b"\n")


def write(folder: Path, raw: bytes, name: str = "A1B2C3D4") -> Path:
    path = folder / name
    path.write_bytes(raw)
    path.chmod(0o700)
    return path


def reader_of(folder: Path, *, subjects: bool = True) -> MessageReader:
    return MessageReader(str(folder), LIFETIMES, HASHING, subjects=subjects)


def read(path: Path, *, subjects: bool = True) -> list[object]:
    reader = reader_of(path.parent, subjects=subjects)
    with reader.folder(".") as folder:
        row = reader.read("hold", path.name, folder, None)
    assert isinstance(row, list)
    return row


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queue")


@no_deadline
@given(
    sender=ADDRESSES,
    recipients=st.lists(ADDRESSES, max_size=20),
    done=st.lists(ADDRESSES, max_size=5),
    extracted=st.lists(ADDRESSES, max_size=5),
    message=MESSAGES,
)
def test_what_was_written_is_read(
    folder: Path, sender: str, recipients: list[str], done: list[str], extracted: list[str], message: bytes
) -> None:
    file = QueueFile(sender, recipients, message, done=done, extracted=extracted)
    path = write(folder, file.raw())

    found = queue_file.read_envelope(str(path))

    assert found.fault is None
    assert found.sizes is not None
    assert found.sizes.recipients == len(found.recipients)
    assert [recipient.state for recipient in found.recipients] == [
        *["done"] * len(done),
        *["todo"] * len(recipients),
        *["todo"] * len(extracted),
    ]
    raw = file.raw()
    for recipient, address in zip(found.recipients, [*done, *recipients, *extracted], strict=True):
        assert raw[recipient.offset : recipient.offset + len(record("R", address))][1:] == record("R", address)[1:]
        assert recipient.original == recipient.address
    assert found.arrival == pytest.approx(file.arrival, abs=1e-6)
    assert queue_file.content(str(path), 1 << 20) == message


@no_deadline
@given(
    recipients=st.lists(ADDRESSES, min_size=1, max_size=30),
    extracted=st.lists(ADDRESSES, max_size=2),
    message=st.lists(
        st.sampled_from([b"Subject: a", b"subject : b", b"Subject:", b"X: y", b" folded", b"", b"text", b"x" * 3000])
    ),
)
def test_a_glance_and_the_exact_walk_agree(
    folder: Path, recipients: list[str], extracted: list[str], message: list[bytes]
) -> None:
    file = QueueFile("s@example.com", recipients, b"\n".join(message) + b"\n", extracted=extracted)
    path = write(folder, file.raw())
    raw = file.raw()
    seen = glance(raw[:4096], len(raw), client_at(raw))

    found = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mxtui.queues.postfix.message_file.glance", lambda *_: None)
        exactly = read(path)

    assert found == exactly
    assert not (seen and extracted)


@pytest.mark.parametrize(
    ("created", "lives_from"),
    [(None, ARRIVED), (int(ARRIVED) + 86_400, int(ARRIVED) + 86_400), (-1, ARRIVED), (10**15, ARRIVED)],
)
def test_a_lifetime_begins_when_the_message_was_made_though_it_arrived_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, created: int | None, lives_from: float
) -> None:
    path = write(folder, QueueFile(arrival=ARRIVED, created=created).raw())
    seen = read(path)
    monkeypatch.setattr("mxtui.queues.postfix.message_file.glance", lambda *_: None)
    assert read(path) == seen
    assert (seen[3], seen[9]) == (ARRIVED, lives_from + LIFETIMES[0])


@no_deadline
@given(st.binary(max_size=3000))
def test_no_bytes_at_all_crash_a_reader_or_keep_it_busy(folder: Path, raw: bytes) -> None:
    path = write(folder, raw)
    assert read(path)[-1] is not None
    queue_file.content(str(path), 1 << 20)
    glance(raw, len(raw), client_at(raw))
    glance_subject(raw, 0)
    Parser().parse(raw)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_damage_to_a_sound_file_crashes_a_reader(folder: Path, data: st.DataObject) -> None:
    raw = bytearray(QueueFile(extracted=["x@example.org"]).raw())
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = write(folder, bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    read(path)
    queue_file.content(str(path), 1 << 20)


@no_deadline
@given(cut=st.integers(1, 60))
def test_a_file_cut_short_says_so(folder: Path, cut: int) -> None:
    raw = QueueFile().raw()
    fault = read(write(folder, raw[:-cut]))[-1]
    assert isinstance(fault, str)


@pytest.mark.parametrize(
    ("tail", "fault"),
    [
        (pointer(97), "goes on without end"),
        (pointer(10**9), "a pointer to nowhere"),
        (record("p", "not a number"), "a pointer to nowhere"),
        (b"R\xff\xff\xff\xff\xff\xff\x01", "absurd length"),
        (b"R\xff\xff\x7f", "runs past the end"),
        (b"R", "cut short"),
    ],
)
def test_damage_is_named_with_its_place(folder: Path, tail: bytes, fault: str) -> None:
    head = sizes(10, 500, 1) + record("T", "1795355934 1") + record("S", "s@example.com")
    found = queue_file.read_envelope(str(write(folder, head + tail)))
    assert found.fault is not None
    assert fault in found.fault
    assert found.sender == "s@example.com"


@pytest.mark.parametrize("limit", [1_000, 65_536, 70_001, 10**9])
def test_lines_of_every_length_are_read_over_the_borders_of_what_is_read_at_a_time(folder: Path, limit: int) -> None:
    message = b"".join(b"x" * (n * 7919 % 300) + b"\n" for n in range(3_000))
    path = write(folder, QueueFile(message=message).raw(), "B1B2C3D4")
    assert queue_file.content(str(path), limit) == message[:limit]


def test_pointers_are_followed_in_envelope_and_content(folder: Path) -> None:
    """As a milter leaves a file that added a recipient and replaced a header: the additions lie behind the end."""
    first = record("T", "1795355934 1") + record("S", "s@example.com") + record("R", "one@example.org")
    offset = 97 + len(first) + 17 + 2
    subject, body = lines(b"Subject: old\n"), lines(b"\nbody\n")
    # The replaced header's place holds a jump and padding.
    hole = len(subject) + 6
    end = offset + hole + len(body)
    added = end + 4
    header = added + len(record("R", "two@example.org")) + 17
    raw = b"".join(
        (
            sizes(end - offset, offset, 2),
            first,
            pointer(added),
            record("M"),
            pointer(header),
            record("w", b"0" * (hole - 19)),
            body,
            record("X") + record("E"),
            record("R", "two@example.org") + pointer(offset - 2),
            record("N", b"Subject: new") + pointer(offset + hole),
        )
    )
    path = write(folder, raw)

    row = read(path)

    assert [recipient[0] for recipient in row[6]] == ["one@example.org", "two@example.org"]  # type: ignore[attr-defined]
    assert row[12] == "new"
    assert row[-1] is None
    assert queue_file.content(str(path), 1000) == b"Subject: new\n\nbody\n"


def test_a_header_line_of_a_megabyte_and_ten_thousand_recipients_take_no_time(folder: Path) -> None:
    recipients = [f"user{n}@example.org" for n in range(10_000)]
    message = b"X-Long: " + b"x" * 1_000_000 + b"\nSubject: late\n\nbody\n"
    file = QueueFile(recipients=recipients, message=message)
    path = write(folder, file.raw())
    began = time.process_time()

    row = read(path)

    assert time.process_time() - began < 2
    assert len(row[6]) == 10_000  # type: ignore[arg-type]
    assert row[12] is None  # beyond what is searched of a header
    assert queue_file.content(str(path), 1 << 30) == message


def test_only_plain_files_are_opened(folder: Path) -> None:
    sound = write(folder, QueueFile().raw(), "SOUND123")
    (folder / "LINK1234").symlink_to(sound)
    os.mkfifo(folder / "FIFO1234", 0o700)
    (folder / "FOLDER12").mkdir(mode=0o700)
    reader = reader_of(folder)
    with reader.folder(".") as here:
        for name in ("LINK1234", "FIFO1234", "FOLDER12"):
            row = reader.read("hold", name, here, None)
            assert isinstance(row, list)
            assert row[-1]
        assert reader.read("hold", "MISSING1", here, None) is Absent.GONE


@pytest.mark.parametrize(("mode", "unfinished"), [(0o600, True), (0o700, False), (0o710, False), (0o744, False)])
def test_a_file_without_the_execute_bit_is_unfinished(folder: Path, mode: int, unfinished: bool) -> None:
    path = write(folder, QueueFile().raw())
    path.chmod(mode)
    reader = reader_of(folder)
    with reader.folder(".") as here:
        found = reader.read("incoming", path.name, here, None)
        assert (found is Absent.UNFINISHED) is unfinished
        assert unfinished or found[10] is (mode == 0o710)  # type: ignore[index]
        assert isinstance(reader.read("corrupt", path.name, here, None), list)


def test_a_message_just_submitted_has_its_arrival_from_the_file(folder: Path) -> None:
    raw = record("S", "root") + record("R", "info@example.org") + record("M") + lines(b"Subject: x\n\n") + b"X\0E\0"
    path = write(folder, raw)
    os.utime(path, (1_795_000_000, 1_795_000_000))
    reader = reader_of(folder)
    with reader.folder(".") as here:
        row = reader.read("maildrop", path.name, here, None)
    assert isinstance(row, list)
    assert row[3] == 1_795_000_000
    assert row[4] == len(raw)
    assert row[-1] is None


@no_deadline
@given(
    entries=st.lists(
        st.tuples(
            st.emails(),
            st.integers(1, 10**9),
            st.sampled_from(["4.4.1", "4.0.0"]),
            st.text(string.ascii_letters + "<>:= ", min_size=1, max_size=50).map(str.strip).filter(bool),
        ),
        max_size=5,
        unique_by=lambda entry: entry[1],
    )
)
def test_each_recipients_deferral_is_found_by_its_offset(entries: list[tuple[str, int, str, str]]) -> None:
    log = Parser().parse(defer_log(entries))
    assert [(offset, log[offset].dsn, log[offset].reason) for _, offset, _, _ in entries] == [
        (offset, dsn, reason) for _, offset, dsn, reason in entries
    ]


@no_deadline
@given(
    st.lists(
        st.sampled_from(
            [
                b"",
                b"text",
                b"<a@b.example>: why",
                b"recipient=a@b.example",
                b"offset=12",
                b"status=4.4.1",
                b"action=delayed",
                b"reason=",
                b"reason=why",
                b"<c@d.example>: not\nrecipient=c@d.example\noffset=13",
                b"<a@b.example>: why\nrecipient=a@b.example\noffset=12\nstatus=4.4.1\naction=delayed\nreason=why\n",
            ]
        ),
        max_size=8,
    )
)
def test_a_log_of_one_entry_is_read_as_one_of_many(lines: list[bytes]) -> None:
    log = b"\n" + b"\n".join(lines) + b"\n\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mxtui.queues.postfix.defer_log._only", lambda _: None)
        expected = Parser().parse(log)
    assert Parser().parse(log) == expected


def test_old_logs_have_a_reason_by_address() -> None:
    log = Parser().parse(b"\n<a@example.org>: gone fishing\n\n\n<half@exam")
    assert log[b"a@example.org"].reason == "gone fishing"
    assert log[b"a@example.org"].dsn == "4.0.0"


def test_the_subject_comes_from_a_header_record_and_nowhere_else(folder: Path) -> None:
    hidden = [
        (b"X: y\n\nSubject: in the body\n", None),
        (b"X: y Subject: no\nSubject: yes\n\n", b" yes"),
        (b"Subject: " + b"x" * 3000 + b"\n\n", b" " + b"x" * 1999),
        (b"Subject:\n\n", b""),
        (b"sUbJeCt:a\n b\n\tc\nX: y\n\n", b"a b\tc"),
    ]
    for message, expected in hidden:
        path = write(folder, QueueFile(message=message).raw())
        fd, _ = queue_file.open_file(str(path))
        try:
            found = raw_subject(queue_file.content_records(fd))
            assert (found[:2000] if found is not None else None) == expected
        finally:
            os.close(fd)
