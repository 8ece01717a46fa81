from pathlib import Path

import pytest

from mxtui.model.filter import matches, parse
from mxtui.queues.postfix.files import FileReader
from tests.queues.postfix.following import layout_of, make_queue, put
from tests.queues.postfix.writer import QueueFile


@pytest.mark.parametrize("fields", [b"9" * 30 + b" 1 1 0 0", b"1 " + b"9" * 30 + b" 1 0 0", b"1 1 " + b"9" * 80])
def test_sizes_that_no_file_can_have_are_damage_and_not_the_end_of_the_read(tmp_path: Path, fields: bytes) -> None:
    queue = make_queue(tmp_path / "queue")
    sound = QueueFile().raw()
    put(queue, "deferred", "A1B2C3D4", sound[:2] + fields.ljust(95)[:95] + sound[97:])
    put(queue, "deferred", "A1B2C3D5")
    reader = FileReader(layout_of(queue))
    found = {message.queue_id: message for changes in reader.read() for message in changes.present}
    assert found["A1B2C3D4"].fault
    assert found["A1B2C3D5"].fault is None
    assert isinstance(reader.content("A1B2C3D4", 1000), bytes)


def test_an_arrival_beyond_every_calendar_is_damage(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "queue")
    raw = QueueFile().raw()
    start = raw.index(b"T", 97)
    length = raw[start + 1]
    put(queue, "deferred", "A1B2C3D4", raw[: start + 2] + b"9" * (length - 2) + b" 0" + raw[start + 2 + length :])
    (message,) = (message for changes in FileReader(layout_of(queue)).read() for message in changes.present)
    assert message.arrival < 1e11


def test_what_cannot_be_read_has_no_sender_rather_than_the_null_sender(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "queue")
    sound = QueueFile(sender="").raw()
    put(queue, "deferred", "A1B2C3D4", b"")
    put(queue, "deferred", "A1B2C3D5", sound[:120])
    put(queue, "deferred", "A1B2C3D6", sound[:98] + b"\xff\xff\xff\xff\x7f" + sound[98:])
    put(queue, "deferred", "A1B2C3D7", sound)
    found = {each.queue_id: each for changes in FileReader(layout_of(queue)).read() for each in changes.present}
    assert {queue_id for queue_id, message in found.items() if message.unknown_sender} == {
        "A1B2C3D4",
        "A1B2C3D5",
        "A1B2C3D6",
    }
    bounces = [queue_id for queue_id, message in found.items() if matches(parse("from:<>"), message, 0)]
    assert bounces == ["A1B2C3D7"]
