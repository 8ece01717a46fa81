"""From a key to its outcome."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mxtui.errors import AuditFailed
from mxtui.model.drain.interrupted import Interrupted
from mxtui.model.plan import Caution, Plan, Result
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.operations import STOPPED
from mxtui.tui import keys
from tests.tui.conftest import Open
from tests.tui.fakes import World, half_drained


async def test_a_hold_is_planned_confirmed_done_and_recorded(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:clinic.example")
        await at.press("asterisk", "h")
        await at.sees("Hold 46 messages", "postsuper -c /etc/postfix -h -", "Hold 46 ")
        await at.type("ticket 4711")
        await at.press("enter")
        await at.sees("46  done")
        assert [len(ids) for ids in at.done(Verb.HOLD)] == [46]
        assert world.monitor.nudged == 1
        (record,) = world.operations.audit.records()
        assert (record.begin.reason, record.begin.selection, dict(record.counts)) == (
            "ticket 4711", "46 marked", {"done": 46},
        )  # fmt: skip
        await at.press("enter")
        assert not at.app.marks


async def test_a_plan_that_runs_tells_how_much_longer_and_stops_after_its_batch(
    world: World, console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(plan: Plan, reason: str, undoes: str, stop: threading.Event) -> Iterator[Result]:
        first, *others = plan.targets
        yield Result(first.queue_id, plan.verb, "done")
        stop.wait()  # set by the key, and whenever the screen goes away
        for target in others:
            yield Result(target.queue_id, plan.verb, "refused", STOPPED)

    monkeypatch.setattr(world.operations, "execute", slow)
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:clinic.example")
        await at.press("asterisk", "h")
        await at.sees("Hold 46 messages")
        await at.press("enter")
        await at.sees("1 of 46   ", " left", "s Stop")
        await at.press("s")
        await at.sees("1  done", STOPPED)


async def test_esc_leaves_everything_as_it_is(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("h")
        await at.sees("Hold 700 messages")
        await at.press("escape")
        assert not world.queue.acted


@pytest.fixture
def go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Plans are not made before it is set."""
    go_on, plan = threading.Event(), world.operations.plan

    def slow(*arguments: Any, **named: Any) -> Plan:
        go_on.wait(60)
        return plan(*arguments, **named)

    monkeypatch.setattr(world.operations, "plan", slow)
    yield go_on
    go_on.set()


async def test_however_long_a_plan_takes_what_is_typed_meanwhile_is_its_reason(
    world: World, console: Open, go_on: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PATIENCE", 0.01)
    async with console(world) as at:
        for key in ("h", *"fuddle", "enter"):  # f would flush, u take back, d delete
            await at.pilot.press(key)
        await at.sees("Making a plan", "Esc Give up")
        go_on.set()
        await at.sees("Hold 700 messages", "Reason   fuddle")
        await at.settle()
        await at.sees("Hold 700 messages")
        await at.press("escape")
        assert "Making a plan" not in at.text


async def test_a_plan_that_takes_too_long_is_given_up_with_what_was_typed_for_it(
    world: World, console: Open, go_on: threading.Event
) -> None:
    async with console(world) as at:
        for key in ("h", *"why"):
            await at.pilot.press(key)
        await at.sees("Making a plan")
        await at.pilot.press("escape")
        await at.until(lambda: "Making a plan" not in at.text)
        go_on.set()
        await at.settle()
        assert "Hold 700 messages" not in at.text
        await at.press("h")
        await at.sees("Hold 700 messages")
        assert "why" not in at.text
        assert not world.queue.acted


async def test_what_cannot_be_undone_needs_enter_twice(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "x")
        await at.sees("Reject 1 message", "This cannot be undone.", "Enter twice")
        await at.press("enter")
        await at.sees("once more")
        assert not world.queue.acted
        await at.type("s")
        await at.sees("Enter twice")
        await at.press("enter", "enter")
        await at.sees("1  done")
        assert len(at.done(Verb.REJECT)) == 1


async def test_what_was_said_before_does_not_lie_over_a_dialog(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("r")
        await at.sees("Nothing to release")
        await at.press("h")
        await at.sees("Hold 700 messages", "Enter    Hold 700 ")
        assert "Nothing to release" not in at.text


async def test_at_80_by_24_a_warning_and_what_will_run_are_in_sight(
    world: World, console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = "Each message is returned whole, to a sender that nobody has checked: mail that was forged goes on."
    caution = Caution("Whole messages", at_once, Verb.DELETE)
    plan = world.operations.plan
    monkeypatch.setattr(
        world.operations, "plan", lambda *given, **named: replace(plan(*given, **named), cautions=(caution,))
    )
    async with console(world, (80, 24)) as at:
        await at.press("x")
        await at.sees("Whole messages", "mail that was forged goes on", "^d Delete instead", "What will run")
        await at.sees("postsuper", "Reason", "Enter twice")
        assert "lines: Down" not in at.text


async def test_what_does_not_fit_is_said_to_be_below(world: World, console: Open) -> None:
    async with console(world, (80, 16)) as at:
        await at.press("x")
        await at.sees("lines: Down for the rest")
        await at.press(*["down"] * 14)
        await at.sees("postsuper")


async def test_a_dialog_too_small_to_show_the_plan_confirms_nothing(world: World, console: Open) -> None:
    async with console(world, (20, 5)) as at:
        await at.press("h")
        await at.sees("Too small to", "show the plan")
        await at.press("enter", "enter")
        assert not world.queue.acted
        await at.pilot.resize_terminal(80, 24)
        await at.sees("What will run")
        await at.press("enter")
        await at.sees("700  done")


async def test_failures_are_named(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:clinic.example")
        await at.press("asterisk")
        gone = sorted(at.app.marks)[0]
        world.queue.gone.add(gone)
        await at.press("h", "enter")
        await at.sees("45  done", "1  no longer queued", gone, "it was delivered meanwhile")


async def test_messages_in_delivery_are_left_out_and_said_to_be(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:example.com")
        await at.press("h")
        await at.sees("Nothing to hold", "in delivery now")
        assert not world.queue.acted


async def test_marks_outside_the_filter_are_named_before_they_are_acted_on(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:clinic.example")
        await at.press("asterisk", "slash")
        await at.type(" age>1h")
        await at.press("enter")
        await at.sees("26 outside this filter")
        await at.press("d")
        await at.sees("Delete 46 messages", "20 in this view, 26 outside this filter")


async def test_undo_takes_the_last_act_back(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "h", "enter")
        await at.sees("Enter Close")
        (held,) = at.done(Verb.HOLD)
        await at.press("enter", "u")
        await at.sees("Release 1 message", "undo hold")
        await at.press("enter")
        await at.sees("Enter Close")
        assert at.done(Verb.RELEASE) == [held]


async def test_with_nothing_done_there_is_nothing_to_undo(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("2", "u")
        await at.sees("Nothing was done that can be")


async def test_the_safer_way_is_one_key_away(world: World, console: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = world.operations.plan

    def cautious(verb: Verb, *rest: object, **named: object) -> Plan:
        made = plan(verb, *rest, **named)  # type: ignore[arg-type]
        caution = Caution("Backscatter", "Most of these senders wrote nothing.", safer=Verb.DELETE)
        return replace(made, cautions=(caution,), reason_required=True) if verb is Verb.REJECT else made

    monkeypatch.setattr(world.operations, "plan", cautious)
    async with console(world) as at:
        await at.press("2", "x")
        await at.sees("▲ Backscatter", "Most of these senders wrote nothing.", "^d Delete instead")
        await at.press("enter", "enter")
        await at.sees("A reason is required")
        await at.press("ctrl+d")
        await at.sees("Delete 1 message", "A copy is kept")
        await at.press("enter")
        await at.until(lambda: at.done(Verb.DELETE))
        assert not at.done(Verb.REJECT)


async def test_an_audit_that_cannot_be_written_stops_everything(
    world: World, console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise AuditFailed("the audit cannot be written: no space left on device", "Make room.")

    monkeypatch.setattr(world.operations.audit, "begin", full)
    async with console(world) as at:
        await at.press("2", "h", "enter")
        await at.sees("no space left on device", "Make room.")
        assert not world.queue.acted


async def test_a_drain_goes_on_while_other_screens_are_looked_at(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("f", "enter")
        await at.sees("once more: the primary is down")
        await at.press("enter")
        await at.sees("Draining domain:example.org", "5–8 min left", "350", "delivered", "refused, kept", "✓ canary")
        ((plan, _),) = world.draining.begun
        assert len(plan.targets) == 700
        await at.press("escape")
        await at.sees("4 Drain ▸ 50 %", "oldest   queued")
        await at.press("j", "f")
        await at.sees("running already, started by anna")
        assert "Flush 46" not in at.text, "before there is a plan to read"


async def test_of_two_who_have_a_plan_the_second_is_told_who_was_first(world: World, console: Open) -> None:
    plan = world.operations.plan(Verb.FLUSH, map(target_of, world.queue.messages.values()), "--all")
    async with console(world) as at:
        await at.press("j", "f")
        await at.sees("Flush 46 messages")
        world.draining.now = half_drained(plan)
        await at.press("enter")
        await at.sees("running already, started by bert")


async def test_a_drain_that_somebody_else_began_is_shown_paused_and_stopped(world: World, console: Open) -> None:
    plan = world.operations.plan(Verb.FLUSH, map(target_of, world.queue.messages.values()), "--all")
    world.draining.now = half_drained(plan)
    async with console(world) as at:
        await at.sees("4 Drain ▸")
        await at.press("4")
        await at.sees("Draining everything queued", "by anna")
        await at.press("p", "s")
        await at.until(lambda: world.draining.wishes == ["pause", "stop"])
        world.draining.now = world.draining.now.over(world.clock.now)
        await at.sees("▲ Drain of everything queued ended: 382 not delivered")


async def test_a_drain_that_its_guard_stopped_says_why(world: World, console: Open) -> None:
    plan = world.operations.plan(Verb.FLUSH, map(target_of, world.queue.messages.values()), "--all")
    running = half_drained(plan)
    assert running.progress is not None
    why = "3 of the first 9 were refused, more than 5% of a trial: look at the replies"
    stopped = replace(running.progress, phase="stopped", why=why)
    world.draining.now = running.advanced(stopped, world.clock.now).over(world.clock.now)
    async with console(world) as at:
        await at.press("4")
        await at.sees("▲ Drain of everything queued stopped", "3 of the first 9 were refused")


async def test_before_any_drain_the_screen_says_how_to_start_one(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("4")
        await at.sees("This queue was not drained yet.")
        assert "(s Stop)" in at.lines[-1]


async def test_a_drain_that_gets_ready_is_shown_to(world: World, console: Open) -> None:
    world.draining.ready.clear()
    async with console(world) as at:
        await at.press("f", "enter", "enter")
        await at.sees("▸ Getting ready to drain domain:example.org", "700 messages read and put in order")
        await at.after(12)
        await at.sees("for 12s")
        await at.press("p")
        await at.sees("The drain is getting ready")
        world.draining.ready.set()
        await at.sees("Draining domain:example.org", "5–8 min left")


async def test_an_interrupted_run_is_brought_to_its_end_before_a_plan_is_made(world: World, console: Open) -> None:
    """What it had held is not left out as held, and what may have been delivered is."""
    held = [message for message in world.queue.messages.values() if message.state == "hold"]
    world.draining.interrupted = Interrupted((held[0].identity,), frozenset(each.queue_id for each in held[1:]))
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:bank.example")
        await at.press("asterisk", "f")
        await at.sees("8 messages of a run that was interrupted", f"{held[0].queue_id} was sent and never answered")
        await at.sees("Flush 8 messages", "perhaps delivered")


async def test_a_release_says_what_is_perhaps_delivered(world: World, console: Open) -> None:
    held = [message for message in world.queue.messages.values() if message.state == "hold"]
    world.draining.interrupted = Interrupted((held[0].identity,))
    async with console(world) as at:
        await at.press("2")
        await at.filter("domain:bank.example")
        await at.press("asterisk", "r")
        await at.sees("Release 9 messages", "Perhaps delivered", "1 of them was sent and never answered")
