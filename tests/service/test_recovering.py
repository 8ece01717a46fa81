"""What one drain to several primaries says of each of them, while it goes on with the others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.delivery.host import Host, Mode
from mxtui.model.flushing import Phase
from mxtui.model.health import UNKNOWN, HealthState
from mxtui.model.next_hop import NextHop
from mxtui.service.automatic import Ended
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
        self.modes = modes
        self.told += 1

    def host(self, name: str) -> Host | None:
        return None


class Drain:
    """One that is under way for as long as somebody wants."""

    def __init__(self, primaries: Mapping[str, Sequence[str]]) -> None:
        self.primaries = primaries
        self.phases: dict[str, Phase] = dict.fromkeys(primaries, "steady")
        self.guarded: set[str] = set()
        self.ended: Ended | None = None
        self.by_operator = False
        self.asked: list[str] = []

    def begin(self, proven: Collection[str], left_alone: Collection[str]) -> None:
        pass

    def phase(self, primary: str) -> Phase | None:
        return self.phases.get(primary)

    def stopped(self, primary: str) -> tuple[bool, str]:
        return primary in self.guarded, "why"

    def give_up(self, primary: str, why: str) -> None:
        self.phases[primary] = "stopped"

    def again(self, primary: str) -> bool:
        self.asked.append(primary)
        self.phases[primary] = "probe"
        return True


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

    def _make(self, primaries: Mapping[str, Sequence[str]]) -> Drain:
        self.drains.append(Drain(primaries))
        return self.drains[-1]

    def _log(self, event: str, level: str = "info", **_: object) -> None:
        self.said.append(event)

    def look(self, *, a: HealthState = "up", b: HealthState = "up") -> None:
        self.now += 0.5
        known = {"a.example": (None, replace(UNKNOWN, state=a)), "b.example": (None, replace(UNKNOWN, state=b))}
        self.recovering.look(known, (), may_drain=True)

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
    case.drain.phases[A] = "stopped"
    case.drain.guarded.add(A)
    case.look()
    assert (case.word(A), case.why(A), case.word(B)) == ("stopped", "why", "draining")
    assert case.forwards.modes[A] == "guarded"


def test_one_whose_ladder_failed_is_tried_again_while_the_other_goes_on(case: Case) -> None:
    case.drain.phases[A] = "stopped"
    case.look()
    assert (case.word(A), case.word(B)) == ("settling", "draining")
    case.look()
    assert (case.word(A), case.drain.asked, len(case.drains)) == ("draining", [A], 1)


def test_one_that_was_down_again_joins_the_same_drain_when_it_is_back(case: Case) -> None:
    case.look(a="down")
    assert (case.word(A), case.word(B)) == ("down", "draining")
    for _ in range(3):
        case.look()
    assert (case.word(A), case.drain.asked, len(case.drains)) == ("draining", [A], 1)


def test_what_an_operator_stops_is_left_alone_at_its_end(case: Case) -> None:
    case.drain.by_operator = True
    case.drain.phases = {A: "stopped", B: "stopped"}
    case.look()
    assert (case.word(A), case.word(B)) == ("draining", "draining")
    case.drain.ended = Ended(
        case.drain.phases, {A: "stopped by an operator", B: "stopped by an operator"}, by_operator=True
    )
    case.look()
    assert (case.word(A), case.word(B)) == ("stopped", "stopped")


def test_a_fault_that_passes_is_no_reason_to_trust_a_primary_and_one_that_stays_is_told(case: Case) -> None:
    case.drain.phases = {A: "canary", B: "done"}
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
