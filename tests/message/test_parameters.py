import pytest

from mxtui.message.parameters import parse


@pytest.mark.parametrize(
    ("raw", "filename"),
    [
        (b"attachment; filename=a.zip", "a.zip"),
        (b'attachment; filename="a b;c.zip" ; x=y', "a b;c.zip"),
        (b'attachment; filename="a\\"b.zip"', 'a"b.zip'),
        (b'attachment;\n\tfilename="never closed.zip', "never closed.zip"),
        (b"attachment; filename*=utf-8'de'Rechnung%20%C3%BC.zip", "Rechnung ü.zip"),
        (b"attachment; filename*0=Rech; filename*1=nung.zip", "Rechnung.zip"),
        (b"attachment; filename*1=\"_8'8.zip\"; filename*0*=utf-8''Rech%6Eung", "Rechnung_8'8.zip"),
        (b"attachment; filename=a.txt; filename*=utf-8''b.exe", "b.exe"),
        (b"attachment; filename=first.exe; filename=second.txt", "first.exe"),
        (b'attachment; filename="=?utf-8?B?w7wuemlw?="', "ü.zip"),
        (b"attachment; FILENAME = A.zip", "A.zip"),
        (b"attachment; filename*=no-such''%FC.zip", "ü.zip"),
        (b"attachment; filename*=bare.zip", "bare.zip"),
        (b"attachment", ""),
        (b"", ""),
    ],
)
def test_a_file_name_is_read_as_mail_programs_read_it(raw: bytes, filename: str) -> None:
    assert parse(raw).text("filename") == filename


def test_a_comment_does_not_hide_the_value() -> None:
    assert parse(b" Base64 (not really)").value == "base64"


def test_a_boundary_is_taken_byte_for_byte() -> None:
    assert parse(b'multipart/mixed; boundary="=?utf-8?q?x?="').raw("boundary") == b"=?utf-8?q?x?="
    assert parse(b'multipart/mixed; boundary="\xff\xfe"').raw("boundary") == b"\xff\xfe"
