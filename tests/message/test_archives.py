"""A zip tells what is in it, and that is all that is done with it."""

import io
import struct
import time
import zipfile
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.message.archives import Listing, listing
from mxtui.message.limits import Budget, Limits


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def listed(data: bytes, **limits: int) -> tuple[Listing, tuple[str, ...]]:
    budget = Budget(replace(Limits(), **limits))  # type: ignore[arg-type]
    return listing(data, budget), budget.notes


PROGRAM = b"MZ\x90\0\x03" + b"\0" * 41_000


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_files_are_listed_with_name_and_size(method: int) -> None:
    found, notes = listed(zipped({"a.txt": b"hello", "b/c.txt": b"x" * 1000}, method))
    assert [(entry.name, entry.size) for entry in found.entries] == [("a.txt", 5), ("b/c.txt", 1000)]
    assert (found.seen, found.encrypted, notes) == (2, False, ())


def test_a_program_is_known_by_its_content_and_by_its_name() -> None:
    found, _ = listed(zipped({"Rechnung.pdf": PROGRAM, "x.JS. ": b"1", "letter.txt": b"MZ hello"}))
    assert [entry.executable for entry in found.entries] == ["program (exe)", ".js", ""]


def test_names_of_files_are_made_safe() -> None:
    found, _ = listed(zipped({"../../etc/x\n\u202efdp.exe": b"", "\x1b]0;x\x07.txt": b""}))
    assert [entry.name for entry in found.entries] == ["../../etc/x␊<U+202E>fdp.exe", "␛]0;x␇.txt"]


def test_a_zip_in_a_zip_is_listed_below_it_so_deep_and_no_deeper() -> None:
    data = zipped({"inner.txt": b"x"})
    for level in range(4):
        data = zipped({f"level{level}.zip": data})
    found, notes = listed(data)
    assert [(entry.depth, entry.name) for entry in found.entries] == [
        (0, "level3.zip"),
        (1, "level2.zip"),
        (2, "level1.zip"),
    ]
    assert notes == ("zip in a zip: not opened more than 2 levels deep",)


def test_a_document_made_of_zip_is_not_taken_for_an_archive_in_an_archive() -> None:
    found, _ = listed(zipped({"a.jar": zipped({"b.class": b""})}))
    assert [entry.name for entry in found.entries] == ["a.jar"]


def encrypted(data: bytes) -> bytes:
    """With the flags that a password sets (APPNOTE.TXT 4.4.4)."""
    central = data.index(b"PK\x01\x02")
    return data[:6] + b"\x01" + data[7 : central + 8] + b"\x01" + data[central + 9 :]


def test_a_password_is_seen() -> None:
    found, _ = listed(encrypted(zipped({"a.exe": PROGRAM})))
    assert found.encrypted
    assert [(entry.encrypted, entry.executable) for entry in found.entries] == [(True, ".exe")]


def test_a_bomb_is_listed_and_not_unpacked() -> None:
    bomb = zipped({f"{n}.bin": b"\0" * (8 << 20) for n in range(4)})
    bomb = zipped({f"{n}.zip": zipped({"zeros": b"\0" * (16 << 20)}) for n in range(8)} | {"b.zip": bomb})
    began = time.process_time()
    found, _ = listed(bomb)
    assert time.process_time() - began < 0.5
    assert len(found.entries) == 21


def test_all_that_is_unpacked_together_is_bounded() -> None:
    inner = zipped({"noise": bytes(range(256)) * 4096}, zipfile.ZIP_STORED)
    found, notes = listed(zipped({f"{n}.zip": inner for n in range(9)}), archive_bytes=3 << 20)
    assert sum(entry.depth for entry in found.entries) == 2
    assert notes == ("zip in a zip: no more than 3.1 MB are unpacked to list it",)


def test_a_zip_that_claims_to_be_small_is_not_believed() -> None:
    inner = zipped({"x": b"\0" * 100_000}, zipfile.ZIP_STORED)
    data = bytearray(zipped({"a.zip": inner}))
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 50)
    found, notes = listed(bytes(data))
    assert len(found.entries) == 1
    assert notes == ("zip in a zip: more than the 50 bytes that it claims; not opened",)


def test_many_files_end_at_the_limit_and_are_counted() -> None:
    found, notes = listed(zipped({str(n): b"" for n in range(500)}))
    assert (len(found.entries), found.seen) == (200, 500)
    assert notes == ("zip: the first 200 of 500 files are listed",)


def test_a_program_with_an_archive_behind_it_is_listed_all_the_same() -> None:
    found, _ = listed(PROGRAM + zipped({"a.pdf": PROGRAM}))
    assert [(entry.name, entry.executable) for entry in found.entries] == [("a.pdf", "program (exe)")]


def test_a_zip_cut_short_says_so() -> None:
    found, notes = listed(zipped({"a": b"x"})[:-10])
    assert found.entries == ()
    assert notes == ("zip: its directory is missing or cut off, so its files cannot be listed",)


SOUND = zipped({"a.zip": zipped({"b.js": b"x"}), "c.exe": PROGRAM[:200]})


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=12))
def test_a_damaged_zip_gets_an_answer(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SOUND)
    for position, octet in changes:
        data[position] = octet
    found, _ = listed(bytes(data))
    assert len(found.entries) <= 2 * Limits().archive_entries
    assert all(entry.name.isprintable() for entry in found.entries)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_zip_get_an_answer(data: bytes) -> None:
    listed(data + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(data), 0, 0))
    listed(b"PK\x03\x04" + zlib.compress(data))
