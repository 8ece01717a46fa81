"""The bad input that a mail server meets: shown harmlessly, in bounded time and memory."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.message.eml import part_name
from mxtui.message.inspect import inspect
from mxtui.message.sandbox import Sandbox
from tests.message.evil import CHARSETS, ESCAPES, NAMES, PAYLOAD, bomb, deep, everywhere, many, named
from tests.message.test_hostile import UNSAFE, check, strings

pieces = st.lists(st.sampled_from([*ESCAPES.values(), b" ", b"x", b"\n", b"\xe2", b"=", b"%"]), max_size=8).map(
    b"".join
)


@pytest.mark.parametrize("family", ESCAPES)
def test_no_family_of_escapes_gets_through_anywhere(family: str) -> None:
    raw = everywhere(ESCAPES[family])
    check(raw)
    found = inspect(raw)
    assert len(found.parts) == 5
    assert found.parts[4].archive.entries
    shown = "\n".join(strings(found))
    assert "subject-" in shown
    assert "body-" in shown


@settings(max_examples=150)
@given(pieces)
def test_no_mixture_of_them_gets_through_anywhere(payload: bytes) -> None:
    check(everywhere(payload))


@pytest.mark.parametrize("charset", CHARSETS)
def test_whatever_the_charset_is_called(charset: str) -> None:
    for text in (PAYLOAD, b"+ADw-script+AD4-", b"\x1b$B!!\x1b(B", "grüße".encode()):
        words = b"Subject: =?%s?q?%s?=\n" % (charset.encode(), b"".join(b"=%02X" % octet for octet in text[:60]))
        check(words + b'Content-Type: text/plain; charset="%s"\n\n' % charset.encode() + text)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_for_a_file_is_one_that_a_shell_and_a_folder_can_bear(name: str) -> None:
    found = inspect(named(name)).parts[2]
    assert not UNSAFE.search(found.filename)
    safe = part_name("4dKq7P2GzHz9xK", found.number, found.filename)
    assert safe.startswith("4dKq7P2GzHz9xK.2.")
    assert set(safe) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert ".." not in safe
    assert len(safe) <= 100


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder_or_hides_what_it_is(name: str) -> None:
    safe = part_name("../" + name, 3, name)
    assert "/" not in safe
    assert safe[0] not in ".-"
    assert safe.isascii()
    assert safe.isprintable()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as open_:
        yield open_


LARGE: dict[str, tuple[Callable[[], bytes], str]] = {
    "deep": (lambda: deep(1000), "deeper than 20"),
    "many": (lambda: many(100_000), "the first 200 parts are listed"),
    "header": (lambda: b"Subject: x\nX: " + b"y" * (10 << 20) + b"\n\nbody", "bytes more"),
    "headers": (lambda: b"X: y\n" * (2 << 20), "300 headers of one part are listed"),
    "no end": (lambda: b"X: y" * (1 << 20), "bytes more"),
    "nul": (lambda: b"\0" * (10 << 20), "text: …"),
    "nul in headers": (lambda: b"Subject: \0\0\n\0: x\n\n\0", ""),
    "zip": (lambda: bomb(1 << 30), ""),
    "base64": (lambda: b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * (8 << 20), "text: …"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_size_and_number_are_bounded_and_each_limit_is_told(sandbox: Sandbox, kind: str) -> None:
    make, note = LARGE[kind]
    raw = make()
    began = time.monotonic()
    found = sandbox.inspect(raw)
    assert time.monotonic() - began < 10
    assert any(note in each for each in found.notes) or not note
    assert not any(UNSAFE.search(text) for text in strings(found))
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{sandbox.pid}/status").read_text())
    assert peak is not None
    assert int(peak[1]) < 300_000


def test_a_gigabyte_of_zeros_is_told_by_its_claim(sandbox: Sandbox) -> None:
    (part,) = sandbox.inspect(bomb(1 << 30)).parts
    assert part.archive.entries[0].sniffed == "zip"
    assert sum(entry.size for entry in part.archive.entries if entry.depth) == 1 << 30
