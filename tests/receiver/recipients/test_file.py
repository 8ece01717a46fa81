import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from mxtui.errors import ConfigError
from mxtui.receiver.paths import parse_address
from mxtui.receiver.recipients.file import RecipientFile, read


class Watched:
    """A list in a file, its clock and its log."""

    def __init__(self, path: Path, text: str, **options: Any) -> None:
        self.path = path
        self.path.write_text(text, encoding="utf-8")
        self.now = 0.0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.file = RecipientFile(path, self._log, clock=lambda: self.now, **options)

    def _log(self, event: str, **fields: Any) -> None:
        self.events.append((event, fields))

    async def knows(self, address: str) -> bool:
        return (await self.file.check(parse_address(address))).outcome == "good"

    def replace(self, text: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)
        self.now += 1


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "recipients", "# ours\nB@Example.org\n\n@all.example  # whole domain\nb#c@example.org\n")


async def test_addresses_and_whole_domains_are_known(watched: Watched) -> None:
    assert await watched.knows("b@example.org")
    assert await watched.knows("B@EXAMPLE.ORG")
    assert await watched.knows("anybody@all.example")
    assert await watched.knows("b#c@example.org")
    assert not await watched.knows("c@example.org")
    assert not await watched.knows("anybody@sub.all.example")
    assert len(watched.file) == 3


async def test_internationalised_addresses_are_known_in_either_spelling(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "recipients", "büro@bücher.example\n")
    assert await watched.knows("BÜRO@xn--bcher-kva.example")


async def test_an_extension_is_known_where_a_delimiter_is_set(tmp_path: Path) -> None:
    plain = Watched(tmp_path / "plain", "b@example.org\n")
    assert not await plain.knows("b+list@example.org")
    extended = Watched(tmp_path / "extended", "b@example.org\n", delimiter="+")
    assert await extended.knows("b+list@example.org")
    assert not await extended.knows("+b@example.org")


async def test_a_changed_list_is_in_force_within_a_second(watched: Watched) -> None:
    watched.replace("new@example.org\n")
    assert await watched.knows("new@example.org")
    assert not await watched.knows("b@example.org")
    assert watched.events == [("recipients_reloaded", {"file": str(watched.path), "addresses": 1})]


@pytest.mark.parametrize(
    "broken", ["", "# nobody\n", "b@example.org\nhalf a li", "b@example.org\n@\n", "b@example.org,c"]
)
async def test_a_broken_list_keeps_the_last_good_one_and_says_so(watched: Watched, broken: str) -> None:
    watched.replace(broken)
    assert await watched.knows("b@example.org")
    assert await watched.knows("anybody@all.example")
    assert [(event, fields["level"]) for event, fields in watched.events] == [("recipients_broken", "error")], "once"
    watched.replace("c@example.org\n")
    assert await watched.knows("c@example.org")


async def test_a_list_that_is_gone_keeps_the_last_good_one_and_says_so_once(watched: Watched) -> None:
    watched.path.unlink()
    for _ in range(3):
        watched.now += 1
        assert await watched.knows("b@example.org")
    assert [event for event, _ in watched.events] == ["recipients_broken"]
    watched.replace("c@example.org\n")
    assert await watched.knows("c@example.org")


async def test_bytes_that_are_not_text_are_a_broken_list(watched: Watched) -> None:
    watched.path.write_bytes(b"\xff\xfe@example.org\n")
    watched.now += 1
    assert await watched.knows("b@example.org")
    assert [event for event, _ in watched.events] == ["recipients_broken"]


async def test_many_who_ask_at_once_have_it_read_once(watched: Watched) -> None:
    watched.replace("new@example.org\n")
    await asyncio.gather(*(watched.knows("new@example.org") for _ in range(50)))
    assert len(watched.events) == 1


@pytest.mark.parametrize("text", ["", "nonsense\n"])
def test_without_a_good_list_there_is_no_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        Watched(tmp_path / "recipients", text)
    with pytest.raises(ConfigError, match="cannot be used"):
        RecipientFile(tmp_path / "missing", lambda event, **fields: None, clock=lambda: 0.0)


def test_the_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipients"
    path.write_text("a@example.org\n\nb@@\x1b\n")
    with pytest.raises(ValueError, match=r"^line 3 is no address: b@@␛$"):
        read(path)


def test_a_monstrous_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "recipients"
    path.touch()
    os.truncate(path, 10**9)
    with pytest.raises(ValueError, match="more than"):
        read(path)
