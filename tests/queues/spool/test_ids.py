import itertools
import threading
import time

from mxtui.queues.spool.ids import FOLDERS, TOGETHER, arrival_of, folder_of, is_id, new_id


def test_ids_tell_the_time_of_arrival() -> None:
    now = time.time()
    assert abs(arrival_of(new_id(now)) - now) < 0.001


def test_ids_increase_though_the_clock_is_set_back_an_hour() -> None:
    now = time.time()
    made = [new_id(now) for _ in range(100)] + [new_id(now - 3600) for _ in range(100)] + [new_id(now + 1)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_get_the_same_id() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend(new_id(1_700_000_000.0) for _ in range(500))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each[:14] for each in made}) == 4000


def test_messages_that_arrive_together_share_a_folder_and_all_folders_are_used() -> None:
    made = [folder_of(new_id(time.time())) for _ in range(256 * TOGETHER)]
    assert set(made) == set(FOLDERS)
    assert sum(one != other for one, other in itertools.pairwise(made)) <= 256


def test_only_such_names_are_ids() -> None:
    assert all(is_id(new_id(moment)) for moment in (-1.0, 0.0, time.time()))
    for name in ("", "0" * 17, "0" * 19, "0" * 17 + "G", "0" * 17 + "A", "../" * 6, "0" * 18 + "\n", "٠" * 18):
        assert not is_id(name)
