"""A look by a command that comes again and again: quick after the first time, and remembered for the next one."""

import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from types import MappingProxyType

import msgspec

from mxtui.cli.attach import ONE_LOOK, Attached
from mxtui.cli.status import unchanged
from mxtui.errors import MxtuiError
from mxtui.folders import make_folder, read_bounded, replace_file
from mxtui.model.alerts import LOOKING_IN, Watch, judged
from mxtui.model.alerts.memory import Memory
from mxtui.model.health import Health, Primary
from mxtui.model.overview import NO_FLOW, DomainStatus, Flow, Overview, nothing_for
from mxtui.model.totals import Totals
from mxtui.queues.cached import Counted, Moved
from mxtui.queues.postfix.outcomes import Place, outcomes
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.queue import Outcome, Recountable

COUNTER = "looking in"

MOST_REFUSING = 200

PAUSE = 1.0
"""Seconds between two tries of a primary that fails."""

LEAST = 0.5
"""Seconds that primaries get however late it is."""

PLACE = 64 * 1024
"""Bytes of how far the log was read; it has some 100."""

Known = Mapping[str, tuple[Primary | None, Health]]


class Look:
    """What one look found, and what was remembered of it."""

    def __init__(self, attached: Attached, *, probe: bool, patience: float = ONE_LOOK, until: float = inf) -> None:
        """Raises MxtuiError where the queue cannot be read. What cannot be remembered is `fault`.

        All primaries together get `patience` seconds, and not beyond `until`, a moment of `time.monotonic()`.
        """
        state, now = attached.alerts, time.time()

        def asked_for(domains: Collection[str]) -> Known:
            return attached.probe_once(domains, max(LEAST, min(patience, until - time.monotonic())))

        memory = state.memory()
        self.fault = ""
        with ThreadPoolExecutor(1) as aside:  # primaries answer while files are looked at: as a rule the same ones
            asked = sorted({*memory.domains, *attached.relayed})
            probing = aside.submit(asked_for, asked) if probe else None
            counted = _counted(attached, state.folder / "count.cache", now)
            known: Known = probing.result() if probing is not None else {}
        totals = Totals(now, counted.tallies)
        of_domains = totals.domains(unchanged)
        missing = [each.domain for each in of_domains if each.domain not in known]
        if probe and missing:
            known = {**known, **asked_for(missing)}
        if probe:
            known = {**known, **_asked_again(attached, memory, known, until)}
        self.late = len({primary for primary, health in known.values() if primary is not None and health.climb is None})
        """Primaries that did not come to an answer in that time: of those nothing is known."""
        told = _logged(attached, state.folder / "log.json")
        flows = _flows(memory, counted.moved, told)
        named = dict.fromkeys([*attached.relayed, *refusing(memory, told)])
        of_domains += [nothing_for(each) for each in named if each not in {there.domain for there in of_domains}]
        rows = [DomainStatus(each, flow=flows.get(each.domain, NO_FLOW)) for each in of_domains]
        whole, queue = totals.queue(unchanged), attached.queue
        overview = Overview(
            queue.source, queue.capabilities(), now, now, whole, tuple(rows), depth=whole.states, space=queue.space()
        )
        self.watch = Watch(attached.thresholds, memory, gap=LOOKING_IN, counter=COUNTER)
        acknowledged = state.acknowledged(now)
        self.overview = judged(overview, known, self.watch, attached.holds(), attached.facts(), acknowledged)
        try:
            state.keep(self.watch.memory)
        except MxtuiError as error:
            self.fault = error.message

    @property
    def up_since(self) -> Mapping[str, float]:
        """By domain, since when its primary was never seen otherwise."""
        known = self.watch.memory.domains.items()
        return {domain: each.up_since for domain, each in known if each.up_since is not None}


def _asked_again(attached: Attached, memory: Memory, known: Known, until: float) -> Known:
    """Primaries that were up at the last look and fail now: down only if they fail as often as `probe.fall` says.

    Costs a second for each further try, and nothing while all is well.
    """
    found: dict[str, tuple[Primary | None, Health]] = {}
    doubted = [each for each, (_, health) in known.items() if health.state == "down" and _was_up(memory, each)]
    for _ in range(attached.settings.probe.fall - 1):
        if not doubted or until - time.monotonic() < PAUSE + LEAST:
            break
        time.sleep(PAUSE)
        again = attached.probe_once(doubted, max(LEAST, min(ONE_LOOK, until - time.monotonic())))
        found.update((each, seen) for each, seen in again.items() if seen[1].state not in ("down", "unknown"))
        doubted = [each for each in doubted if each not in found]
    return found


def _was_up(memory: Memory, domain: str) -> bool:
    return (before := memory.domains.get(domain)) is not None and before.up_since is not None


def _counted(attached: Attached, cache: Path, now: float) -> Counted:
    queue = attached.queue
    if isinstance(queue, Recountable):
        return queue.count_again(now, cache)
    from mxtui.model.tally import tally

    messages = (message for changes in queue.read(subjects=False) for message in changes.present)
    return Counted(tally(messages, now), Moved({}, {}), 0)


def _logged(attached: Attached, path: Path) -> Mapping[str, Outcome]:
    """What the mail log told since the last look."""
    if not isinstance(attached.queue, PostfixQueue):
        return {}
    place, told = outcomes(attached.queue.layout.maillog_file, _place(path))
    try:
        make_folder(path.parent)
        replace_file(path, msgspec.json.encode(place), durable=False)  # lost, it is read again
    except OSError:
        return {}  # it would be counted again and again
    return told


def _place(path: Path) -> Place | None:
    try:
        return msgspec.json.decode(read_bounded(path, PLACE), type=Place | None)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _flows(memory: Memory, moved: Moved, told: Mapping[str, Outcome]) -> Mapping[str, Flow]:
    """What moved since the first look, as far as it is remembered."""
    flows = {domain: each.flow for domain, each in memory.domains.items()} if memory.counter == COUNTER else {}
    for domain in {*moved.arrived, *moved.left, *told}:
        before, outcome = flows.get(domain, NO_FLOW), told.get(domain, Outcome())
        flows[domain] = Flow(
            before.arrived + moved.arrived.get(domain, 0),
            before.left + moved.left.get(domain, 0),
            before.sent + outcome.sent,
            before.refused + outcome.refused,
        )
    return flows


def refusing(memory: Memory, told: Mapping[str, Outcome] = MappingProxyType({})) -> list[str]:
    """Domains whose primary refused something of late: of what passes through at once, nothing is queued."""
    late = [domain for domain, each in memory.domains.items() if each.before.refused or each.window.refused]
    return [*late, *(domain for domain, outcome in told.items() if outcome.refused)][:MOST_REFUSING]
