"""Between its messages a drain climbs the primary's ladder: one that is away costs no more than what it had in hand."""

import pytest

from tests.end_to_end.draining import DrainedQueue
from tests.support.waiting import wait_until

MESSAGES = 300


def found_unwell(queue: DrainedQueue) -> int:
    """Messages that were put off until a probe said so; none before."""
    progress = queue.standing().progress
    return progress.deferred if progress is not None and "not well" in progress.why else 0


@pytest.mark.parametrize(
    ("kind", "options"),
    [("spool_queue", ()), ("served_queue", ()), ("postfix_queue", ("--direct",)), ("postfix_queue", ())],
)
def test_one_that_goes_away_and_comes_back_is_looked_at_before_it_gets_more(
    kind: str, options: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    queue: DrainedQueue = request.getfixturevalue(kind)
    queue.write_config("[drain.primaries]\n'example.org' = 2\n")
    queue.fill(MESSAGES)
    queue.primary.behave(delay=0.05)
    queue.primary.up()
    with queue.begin("flush", "--all", "--yes", *options) as draining:
        wait_until(lambda: len(queue.primary.accepted) >= 5)
        queue.primary.down()
        queue.wait_for("backoff")
        put_off = wait_until(lambda: found_unwell(queue))
        queue.primary.up()
        draining.communicate(timeout=120)
    after = queue.standing().progress
    assert after is not None
    assert (after.phase, after.left) == ("done", 0)
    assert after.deferred == put_off, "nothing was spent to see whether it is back"
    assert after.delivered == MESSAGES - put_off
    tally = queue.tally()
    assert (tally.doubled, tally.lost) == (0, 0), tally
