import base64

from mxtui.message.inspect import inspect
from mxtui.message.text import NO_TEXT

ALTERNATIVE = b"""\
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Bitte =F6ffnen Sie
%s
--b
Content-Type: text/html

<p>html
--b--
"""


def test_plain_text_comes_before_html() -> None:
    found = inspect(ALTERNATIVE % b"https://pay.example/1").text
    assert found.kind == "plain"
    assert found.lines == ("Bitte öffnen Sie", "hxxps://pay[.]example/1")
    assert [link.target for link in found.links] == ["hxxps://pay[.]example/1"]


def test_empty_plain_text_gives_way_to_html() -> None:
    raw = (ALTERNATIVE % b"").replace(b"Bitte =F6ffnen Sie", b" ")
    assert (inspect(raw).text.kind, inspect(raw).text.lines) == ("html", ("html",))


def test_attached_text_is_not_the_text() -> None:
    raw = b"Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nattached"
    assert inspect(raw).text == NO_TEXT


def test_text_ends_after_its_lines_and_tells_what_is_left() -> None:
    found = inspect(b"\n" + b"line\n" * 324)
    assert len(found.text.lines) == 200
    assert found.text.omitted == 5 * 124 - 1
    assert found.notes == ("text: … 619 bytes more",)


def test_text_ends_after_its_bytes_and_tells_what_is_left() -> None:
    body = base64.encodebytes(b"x" * 100_000)
    found = inspect(b"Content-Transfer-Encoding: base64\n\n" + body)
    assert sum(map(len, found.text.lines)) == 65_536
    assert abs(found.text.omitted - (100_000 - 65_536)) < 10


def test_a_short_text_has_nothing_left() -> None:
    assert inspect(b"\nhello\n").text.omitted == 0
    assert inspect(b"\nhello\n").notes == ()


def test_no_control_character_reaches_the_lines() -> None:
    lines = inspect("\n\x1b[31mred\x07 \u202etxt.exe\r\nnext\x9b0m [bold]x[/bold]".encode()).text.lines
    assert len(lines) == 2
    assert not any(character in line for line in lines for character in "\x1b\x07\x9b\u202e\r")


def test_a_link_hidden_behind_a_removed_character_is_still_defanged() -> None:
    (line,) = inspect(b"\nht\x00tps://a.example http\x7f://b.example").text.lines
    assert "https://" not in line
    assert "http://" not in line
