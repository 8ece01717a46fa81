import subprocess
import sys

import pytest

from mxtui.message.encoded_words import SUBJECT_LENGTH, decode_subject, decode_words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?iso-8859-1?q?Andr=E9?= Pirard", "André Pirard"),
        (b"=?utf-8?B?w7ZmZm5lbg==?=", "öffnen"),
        (b"=?UTF-8*de?q?gr=C3=BCn?=", "grün"),
        (b"(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?=  =?iso-8859-1?q?=E9?= c", "aé c"),
        (b"=?utf-8?q?=E2=82?= =?utf-8?q?=AC?=", "€"),
        (b"=?utf-8?q?=E2=82?= =?utf-8?b?rA==?=", "€"),
        (b"=?utf-8?q?with spaces?=", "with spaces"),
        ("grün".encode(), "grün"),
        ("grün".encode("latin-1"), "grün"),
        (b"=?no-such-charset?q?gr=FCn?=", "grün"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?b?YWJj?", "=?utf-8?b?YWJj?"),
        (b"=?utf-8?b?YWJ!?=", "ab"),
        (b"=?gb2312?B?xOO6ww==?=", "你好"),
    ],
)
def test_words_are_decoded_as_readers_of_mail_do(raw: bytes, text: str) -> None:
    assert decode_words(raw) == text


@pytest.mark.parametrize("codec", ["punycode", "idna", "zlib", "unicode_escape", "hex", "undefined", "os"])
def test_a_codec_that_is_no_charset_is_never_used(codec: str) -> None:
    assert decode_words(b"=?%s?q?\\x41-?=" % codec.encode()) == "\\x41-"


def test_a_subject_is_one_bounded_line() -> None:
    assert decode_subject(b" Offene Rechnung 88413\n") == "Offene Rechnung 88413"
    assert decode_subject(b" =?utf-8?q?Offene?=\n =?utf-8?q?_Rechnung?=\n") == "Offene Rechnung"
    for raw in (b"x" * 5_000_000, b"=?utf-8?q?x?= " * 100_000, b"\xff" * 10_000):
        assert len(decode_subject(raw)) <= SUBJECT_LENGTH


def test_no_escape_sequence_survives_in_a_subject() -> None:
    assert "\x1b" not in decode_subject(b"\x1b]0;owned\x07 =?utf-8?q?=1B[31m=0A?=")
    assert "\u202e" not in decode_subject("Rechnung_\u202efdp.exe".encode())


def test_decoding_subjects_needs_no_heavy_module() -> None:
    """It runs in the queue scanner's start-up path; `email.header` alone is 10 ms."""
    program = "import sys, mxtui.message.encoded_words; print(*(m for m in sys.modules if m.startswith('email')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
