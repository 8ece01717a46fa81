"""From queue files to campaigns in an index, by a process that may die, and again after a restart."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mxtui.index import Index, Sort
from mxtui.model.campaign import Judged
from mxtui.model.message import Changes
from mxtui.queues.queue import Contents
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.sifting import crew, weights
from mxtui.sifting.clearing import Cleared, Clearing
from mxtui.sifting.clearing import file_beside as clearing_beside
from mxtui.sifting.sifter import Sifter
from mxtui.sifting.store import Store
from tests.sifting.corpus import Mail, Maker
from tests.sifting.planting import plant_spool

NEVER = threading.Event()


@pytest.fixture
def planted(tmp_path: Path) -> tuple[SpoolQueue, dict[str, str]]:
    """Thirty of one campaign among thirty others."""
    maker = Maker(3)
    pills = maker.campaigns()["same text, forged senders"]
    mails = [*maker.good(30), *(pills()._replace(kind="pills") for _ in range(30))]
    maker.chance.shuffle(mails)
    kinds = plant_spool(tmp_path / "spool", mails)
    return SpoolQueue(Spool.open(tmp_path / "spool")), kinds


def index_of(queue: SpoolQueue) -> Index:
    index = Index(time.time())
    for changes in queue.read():
        index.apply(changes)
    index.complete()
    return index


@contextmanager
def sifting(index: Index, contents: Contents | None, path: Path | None, **more: object) -> Iterator[Sifter]:
    sifter = Sifter(index, contents, path, **more)  # type: ignore[arg-type]
    try:
        yield sifter
    finally:
        sifter.close()


def test_a_campaign_is_found_named_and_suspect(planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path) -> None:
    queue, kinds = planted
    index = index_of(queue)
    with sifting(index, queue.contents(), tmp_path / "s.sqlite") as sifter:
        sifter.finish(NEVER)
        assert sifter.progress().done
        (campaign,) = (each for each in sifter.campaigns() if each.kind == "campaign" and each.messages >= 20)
    assert set(index.suspects()) == {queue_id for queue_id, kind in kinds.items() if kind == "pills"}
    assert campaign.messages == 30
    assert campaign.score >= 10


def test_a_suspect_of_no_campaign_is_the_last_group_and_counted_for_who_has_no_index(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path, index = tmp_path / "s.sqlite", index_of(queue)
    with sifting(index, queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        assert "single" not in {each.kind for each in sifter.suspects().groups}
        alone = next(row for row in index.view(None, Sort()).rows(0, len(index)) if not row.campaign)
        message = index.message(alone.queue_id)
        assert message is not None
        index.judge([Judged(message.identity, 14.0)])
        sifter.finish(NEVER)
        *campaigns, single = sifter.suspects().groups
        assert list(campaigns) == sifter.campaigns()
        assert (single.kind, single.messages, single.sample, single.score) == ("single", 1, alone.queue_id, 14.0)
        known, written = sifter.suspects(), weights.read(path)
        assert known.whole
        # Who has the index and who has none go by the same figures, of the same moment.
        assert (known.found.messages, known.found.campaigns) == (written.suspects, written.suspect_campaigns)
        assert known.at == written.at
    pills = sum(kind == "pills" for kind in kinds.values())
    assert (weights.read(path).suspects, weights.read(path).suspect_campaigns) == (pills + 1, 1)


def test_until_everything_was_looked_at_the_figures_are_said_to_grow(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    with sifting(index_of(queue), queue.contents(), tmp_path / "s.sqlite") as sifter:
        assert sifter.step()
        assert not sifter.suspects().whole
        sifter.finish(NEVER)
        assert sifter.suspects().whole


def test_after_a_restart_nothing_is_read_again_and_names_are_the_same(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        before = {each.name: each.messages for each in sifter.campaigns()}
    for folder in (tmp_path / "spool" / "msg").iterdir():  # whoever read them now would find nothing
        folder.rename(folder.with_name(f"{folder.name}-away"))
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        after = {each.name: each.messages for each in sifter.campaigns()}
        assert after.keys() == before.keys()
        assert all(before[name] - after[name] in (0, 1) for name in before)
        # One in so many is looked at all the same, and not trusted where it cannot be read.
        assert sifter.progress().skipped <= 60 // 50 + 1


def test_new_mail_joins_the_campaign_that_was_remembered(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        name = sifter.campaigns()[0].name
    more = Maker(4).campaigns()["same text, forged senders"]
    plant_spool(tmp_path / "spool", [more() for _ in range(3)], seed=9)
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        assert (sifter.campaigns()[0].name, sifter.campaigns()[0].messages) == (name, 33)


def test_who_may_read_nothing_goes_by_what_another_remembers(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
        index = index_of(queue)
        with sifting(index, None, path) as other:
            other.finish(NEVER)
            assert [each.name for each in other.campaigns()] == [each.name for each in sifter.campaigns()]
    with sifting(index_of(queue), None, tmp_path / "none.sqlite", why_not="it is not yours") as other:
        other.finish(NEVER)
        assert other.progress().fault == "it is not yours"


def test_what_is_cleared_is_not_suspect_under_whatever_name_it_comes(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    clearing = Clearing(tmp_path / "cleared.json")
    index = index_of(queue)
    with sifting(index, queue.contents(), tmp_path / "s.sqlite", clearing=clearing) as sifter:
        sifter.finish(NEVER)
        campaign = sifter.campaigns()[0]
        sketch = sifter.sketch_of(campaign)
        clearing.clear(Cleared("another name", sketch.hex(), "anna", "our own mailing", time.time()))
        sifter.finish(NEVER)
        assert sifter.campaigns()[0].cleared
        assert index.suspects() == []
        Clearing(tmp_path / "cleared.json").withdraw(campaign.name, sketch)
        sifter.finish(NEVER)
        assert len(index.suspects()) == 30


def test_a_message_of_no_campaign_is_cleared_by_its_content_also_where_it_comes_again(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    clearing = Clearing(clearing_beside(path))
    index = index_of(queue)
    with sifting(index, queue.contents(), path, clearing=clearing) as sifter:
        sifter.finish(NEVER)
        alone = next(row.queue_id for row in index.view(None, Sort()).rows(0, len(index)) if not row.campaign)
        assert sifter.clear_message(alone, "anna", "a friend") == "this content"
        assert index.is_cleared(alone)
        (cleared,) = clearing.contents()

    again = index_of(queue)  # after a restart, and by who reads nothing himself
    with sifting(again, None, path, clearing=Clearing(clearing_beside(path))) as sifter:
        sifter.finish(NEVER)
        assert [
            row.queue_id for row in again.view(None, Sort()).rows(0, len(again)) if again.is_cleared(row.queue_id)
        ] == [alone]
        message = again.message(alone) or pytest.fail("queued")
        assert not weights.suspicion(path, 0.0)(message.identity)
        sifter.withdraw_message(alone)
        assert not again.is_cleared(alone)
        assert weights.suspicion(path, 0.0)(message.identity)
    assert len(cleared) == 64


def test_a_message_of_a_campaign_clears_all_of_it(planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path) -> None:
    queue, kinds = planted
    index = index_of(queue)
    clearing = Clearing(tmp_path / "cleared.json")
    with sifting(index, queue.contents(), tmp_path / "s.sqlite", clearing=clearing) as sifter:
        sifter.finish(NEVER)
        pill = next(queue_id for queue_id, kind in kinds.items() if kind == "pills")
        assert sifter.clear_message(pill, "anna", "our own mailing").endswith(", 30 messages")
        assert index.suspects() == []
        assert sifter.is_cleared(pill)
        sifter.withdraw_message(pill)
        assert len(index.suspects()) == 30


def test_a_message_that_kills_its_reader_is_skipped_and_no_other(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    victim = min(kinds)
    contents = queue.contents()
    index = index_of(queue)
    deadly = Contents("tests.sifting.deadly", (*contents.arguments, victim))
    with sifting(index, deadly, tmp_path / "s.sqlite") as sifter:
        sifter.finish(NEVER)
        assert sifter.progress().skipped == 1
    assert index.judging() == (59, 0)


def test_a_reader_that_hangs_is_killed(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, kinds = planted
    monkeypatch.setattr(crew, "PATIENCE", 0.5)
    monkeypatch.setattr(crew, "STARTING", 5.0)
    contents = queue.contents()
    index = Index(time.time())
    message = queue.find(min(kinds))
    assert message is not None
    index.apply(Changes([message]))
    hanging = Contents("tests.sifting.deadly", (*contents.arguments, "", message.queue_id))
    with sifting(index, hanging, tmp_path / "s.sqlite") as sifter:
        sifter.finish(NEVER)
        assert sifter.progress().skipped == 1


def test_damage_costs_time_and_nothing_else(planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"SQLite format 3\0 and then something else" * 99)
    index = index_of(queue)
    with sifting(index, queue.contents(), path) as sifter:
        sifter.finish(NEVER)
    assert index.judging() == (60, 0)


def test_only_one_of_two_reads(planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path) -> None:
    queue, _ = planted
    path = tmp_path / "s.sqlite"
    first, second = index_of(queue), index_of(queue)
    with sifting(first, queue.contents(), path) as one, sifting(second, queue.contents(), path) as other:
        one.finish(NEVER)
        other.finish(NEVER)
        assert second.judging()[0] == 60  # by what the first remembers
        assert [each.name for each in other.campaigns()] == [each.name for each in one.campaigns()]


def test_what_is_remembered_of_a_used_again_queue_id_is_not_believed(
    planted: tuple[SpoolQueue, dict[str, str]], tmp_path: Path
) -> None:
    queue, kinds = planted
    path = tmp_path / "s.sqlite"
    with sifting(index_of(queue), queue.contents(), path) as sifter:
        sifter.finish(NEVER)
    pill = next(queue_id for queue_id, kind in kinds.items() if kind == "pills")
    message = queue.find(pill)
    assert message is not None
    index = Index(time.time())
    index.apply(Changes([message._replace(arrival=message.arrival + 5)]))
    with sifting(index, None, path) as other:
        other.finish(NEVER)
    assert index.judging()[0] == 0
    store = Store(path, writing=False)
    assert store.find(pill) is not None
    store.close()


def test_mail_of_the_corpus_is_mail(planted: tuple[SpoolQueue, dict[str, str]]) -> None:
    maker = Maker(1)
    some = [*maker.good(50), *(make() for make in maker.campaigns().values())]
    assert all(isinstance(each, Mail) and b"\n\n" in each.raw and b"\r" not in each.raw for each in some)
