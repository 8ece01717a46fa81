"""A page at a time."""

from collections import deque

from mxtui.cli.plain.pages import KEPT, LONGEST, PAGE, Output, Pages


def said_by(pages: list[str]) -> Pages:
    return Pages(lambda text: pages.append(text.removesuffix("\n")))


def numbers(count: int) -> deque[str]:
    return deque(map(str, range(count)))


def test_a_list_is_said_in_pages_and_what_is_left_is_counted() -> None:
    said: list[str] = []
    pages, waiting = said_by(said), numbers(PAGE + 5)
    pages.show((waiting.popleft() for _ in range(len(waiting))), lambda: len(waiting))
    assert said[-2:] == [str(PAGE - 1), "5 more: type more."]
    pages.more()
    assert said[-1] == str(PAGE + 4)
    pages.more()
    assert said[-1] == "There is no more."


def test_what_a_command_says_is_cut_into_pages_and_its_conclusion_is_heard() -> None:
    said: list[str] = []
    pages = said_by(said)
    output = Output(pages)
    for number in range(PAGE + 5):
        output.write(b"failed %d\n" % number)
    output.write(b"20 held, 5 failed")
    output.end(conclusion=True)
    assert said[PAGE:] == ["5 more lines: type more.", "20 held, 5 failed"]
    pages.more()
    assert said[-1] == f"failed {PAGE + 4}"


def test_before_a_question_everything_is_said() -> None:
    said: list[str] = []
    output = Output(said_by(said))
    output.write(b"caution\n" * (PAGE + 5))
    output.say_all()
    assert said == ["caution"] * (PAGE + 5)


def test_what_is_kept_is_bounded_and_what_was_not_is_counted() -> None:
    said: list[str] = []
    pages = said_by(said)
    output = Output(pages)
    output.write(b"line\n" * (PAGE + KEPT + 7))
    output.end(conclusion=False)
    for _ in range(KEPT // PAGE + 1):
        pages.more()
    assert said[-1] == "7 more lines were not kept."


def test_bytes_of_a_stranger_are_harmless_and_a_line_without_end_is_cut() -> None:
    said: list[str] = []
    output = Output(said_by(said))
    output.write(b"\x1b[2J\xff\xe2\x80\xae\n" + b"x" * 100_000 + b"\n")
    for _ in range(100):
        output.write(b"y" * 1_000)
    assert len(said) > 2, "what never ends is not kept for ever"
    output.end(conclusion=False)
    assert "".join(said).isprintable()
    assert max(map(len, said)) <= LONGEST
