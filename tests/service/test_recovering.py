"""What one drain to several primaries says of each of them, while it goes on with the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.delivery.host import Host, Mode
from mxtui.model.health import UNKNOWN, HealthState
from mxtui.model.next_hop import NextHop
from mxtui.service.automatic import Ended, Part
from mxtui.service.recovering import Recovering

A, B = "mx.a.example:25", "mx.b.example:25"
RELAY = {
    "a.example": NextHop("mx.a.example", 25, lookup_mx=False),
    "b.example": NextHop("mx.b.example", 25, lookup_mx=False),
}


class Forwards:
    def __init__(self) -> None:
        self.modes: Mapping[str, Mode] = {}
        self.told = 0

    def guard(self, modes: Mapping[str, Mode]) -> None:
        self.modes = {name: mode for name, mode in {**self.modes, **modes}.items() if mode != "open"}
        self.told += 1

    def host(self, name: str) -> Host | None:
        return None


class Drain:
    """One that is under way for as long as somebody wants."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.ended: Ended | None = None
        self.by_operator = False
        self.joinable = True
        self.joined: list[set[str]] = []

    def begin(
        self, primaries: Mapping[str, Sequence[str]], proven: Collection[str], left_alone: Collection[str]
    ) -> None:
        self.parts.update(dict.fromkeys(primaries, Part("going")))

    def join(
        self, primaries: Mapping[str, Sequence[str]], proven: Collection[str], left_alone: Collection[str]
    ) -> None:
        self.joined.append({*primaries})
        self.begin(primaries, proven, left_alone)

    def part(self, primary: str) -> Part:
        return self.parts[primary]

    def leave(self, primary: str, why: str = "") -> None:
        self.parts.pop(primary, None)


class Case:
    """Two primaries that were down and are drained to. Nothing settles: each look is a step."""

    def __init__(self, spool: Path) -> None:
        self.now = 1000.0
        self.drains: list[Drain] = []
        self.said: list[str] = []
        self.forwards = Forwards()
        self.recovering = Recovering(spool, self.forwards, self._make, self._log, lambda: self.now)  # type: ignore[arg-type]
        self.recovering.follow(RELAY, 0.0, 86_400.0)
        for health in ("down", "up", "up", "up"):
            self.look(a=health, b=health)
        assert {self.word(A), self.word(B)} == {"draining"}

    def _make(self) -> Drain:
        self.drains.append(Drain())
        return self.drains[-1]

    def _log(self, event: str, level: str = "info", **_: object) -> None:
        self.said.append(event)

    def look(self, *, a: HealthState = "up", b: HealthState = "up") -> None:
        self.now += 0.5
        known = {"a.example": (None, replace(UNKNOWN, state=a)), "b.example": (None, replace(UNKNOWN, state=b))}
        self.recovering.heard(known)
        self.recovering.look((), may_drain=True)

    def word(self, name: str) -> str:
        return next((each.word for each in self.recovering.standing if each.primary == name), "well")

    def why(self, name: str) -> str:
        return next(each.why for each in self.recovering.standing if each.primary == name)

    @property
    def drain(self) -> Drain:
        return self.drains[-1]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_guard_that_stops_one_is_told_while_the_other_goes_on(case: Case) -> None:
    case.drain.parts[A] = Part("stopped", True, "why")
    case.look()
    assert (case.word(A), case.why(A), case.word(B)) == ("stopped", "why", "draining")
    assert case.forwards.modes[A] == "guarded"


def test_one_whose_mail_is_through_is_open_at_once_while_the_other_goes_on(case: Case) -> None:
    case.drain.parts[A] = Part("through")
    case.look()
    assert (case.word(A), case.word(B), case.forwards.modes) == ("well", "draining", {B: "fed"})


def test_one_whose_ladder_failed_is_tried_again_while_the_other_goes_on(case: Case) -> None:
    case.drain.parts[A] = Part("stopped", False, "connection refused")
    case.look()
    assert (case.word(A), case.why(A), case.word(B)) == ("settling", "connection refused", "draining")
    case.look()
    assert (case.word(A), case.drain.joined, len(case.drains)) == ("draining", [{A}], 1)


@pytest.mark.parametrize("before", [Part("going"), Part("through"), Part("stopped", True, "why")])
def test_one_that_was_down_again_or_freed_joins_the_same_drain_when_it_is_back(case: Case, before: Part) -> None:
    case.drain.parts[A] = before
    case.look()
    case.recovering.freed(["a.example"])
    case.look(a="down")
    for _ in range(3):
        case.look()
    assert (case.word(A), case.word(B), len(case.drains)) == ("draining", "draining", 1)
    assert case.drain.joined == [{A}]


def test_who_is_back_while_others_join_waits_for_its_turn(case: Case) -> None:
    case.look(a="down")
    case.drain.joinable = False
    for _ in range(3):
        case.look()
    assert (case.word(A), case.forwards.modes[A]) == ("due", "guarded")
    case.drain.joinable = True
    case.look()
    assert (case.word(A), case.drain.joined) == ("draining", [{A}])


def test_who_comes_as_the_drain_ends_has_another(case: Case) -> None:
    case.drain.parts[A] = Part("missed")
    case.drain.joinable = False
    case.look()
    assert (case.word(A), len(case.drains)) == ("due", 1)
    case.drain.ended = Ended({B: Part("through")})
    case.look()
    assert (case.word(A), case.word(B), len(case.drains)) == ("draining", "well", 2)


def test_what_an_operator_stops_is_left_alone_at_its_end(case: Case) -> None:
    case.drain.by_operator = True
    case.drain.parts = dict.fromkeys((A, B), Part("stopped", False, "stopped by an operator"))
    case.look()
    assert (case.word(A), case.word(B)) == ("draining", "draining")
    case.drain.ended = Ended(case.drain.parts, by_operator=True)
    case.look()
    assert (case.word(A), case.word(B)) == ("stopped", "stopped")


async def test_what_is_new_is_on_disk_for_the_next_serve(case: Case, tmp_path: Path) -> None:
    case.drain.parts[A] = Part("stopped", True, "why")
    case.look()
    await case.recovering.keep()
    again = Recovering(tmp_path, case.forwards, lambda: None, case._log, lambda: case.now)  # type: ignore[arg-type, return-value]
    again.follow(RELAY, 0.0, 86_400.0)
    assert [(each.primary, each.word) for each in again.standing] == [(A, "stopped"), (B, "settling")]


def test_a_fault_that_passes_is_no_reason_to_trust_a_primary_and_one_that_stays_is_told(case: Case) -> None:
    case.drain.parts = {A: Part("going"), B: Part("through")}
    case.look()
    for failed in range(1, 6):
        assert case.word(A) == "draining"
        case.drain.ended = Ended({}, fault="serve does not answer")
        case.look()
        assert case.said.count("not_drained") == (failed == 5)
        if failed < 5:
            assert case.forwards.modes[A] == "guarded"
            assert case.why(A) == "serve does not answer"
            for _ in range(2):
                case.look()
    assert (case.word(A), case.forwards.modes) == ("well", {})
    assert {each.why for each in case.recovering.told} == {"serve does not answer"}
    case.now += 86_400.0
    case.look()
    assert not case.recovering.told


def test_however_many_turn_down_in_one_look_that_is_told_and_kept_once(case: Case) -> None:
    before = case.forwards.told
    case.look(a="down", b="down")
    assert (case.word(A), case.word(B), case.forwards.told) == ("down", "down", before + 1)
    case.look(a="down", b="down")
    assert case.forwards.told == before + 1, "nothing is new"
