from mxtui.message.headers import show, split
from mxtui.message.limits import Budget, Limits


def names_and_rest(raw: bytes) -> tuple[list[str], bytes]:
    fields, body = split(raw, 0, len(raw), Budget(Limits()))
    return [field.name for field in fields], raw[body:]


def test_headers_end_at_the_empty_line() -> None:
    assert names_and_rest(b"A: 1\nB: 2\n\nC: 3\n") == (["A", "B"], b"C: 3\n")
    assert names_and_rest(b"A: 1\r\nB: 2\r\n\r\nC: 3\r\n") == (["A", "B"], b"C: 3\r\n")
    assert names_and_rest(b"\nbody") == ([], b"body")


def test_a_line_that_is_no_header_begins_the_body() -> None:
    assert names_and_rest(b"A: 1\nno header\nB: 2\n\nbody") == (["A"], b"no header\nB: 2\n\nbody")


def test_a_message_of_headers_only_has_an_empty_body() -> None:
    assert names_and_rest(b"A: 1\n\tmore\nB: 2") == (["A", "B"], b"")
    assert names_and_rest(b"") == ([], b"")


def test_a_folded_value_is_one_line() -> None:
    budget = Budget(Limits())
    fields, _ = split(b"Subject: a\n b\r\n\tc\n\n", 0, 18, budget)
    assert [header.value for header in show(fields, budget)] == ["a b c"]


def test_a_huge_header_line_survives_cut_and_noted() -> None:
    budget = Budget(Limits())
    raw = b"From: a@b.example\nSubject: " + b"x" * 1_000_000 + b"\nTo: c@d.example\n\nbody"
    fields, body = split(raw, 0, len(raw), budget)
    shown = show(fields, budget)
    assert [header.name for header in shown] == ["From", "Subject", "To"]
    assert (len(shown[1].raw), shown[1].size) == (4096, 1_000_001)
    assert raw[body:] == b"body"
    assert budget.notes == ("Subject: … 995,905 bytes more",)


def test_headers_beyond_the_limit_are_skipped_to_the_body() -> None:
    budget = Budget(Limits(headers=2))
    raw = b"A: 1\nB: 2\nC: 3\nD: 4\n\nbody"
    fields, body = split(raw, 0, len(raw), budget)
    assert ([field.name for field in fields], raw[body:]) == (["A", "B"], b"body")
    assert budget.notes == ("2 headers of one part are listed; 15 bytes follow",)
