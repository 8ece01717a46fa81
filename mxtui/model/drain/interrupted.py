"""What a killed run of our own sender had in hold, once it is in a definite state; and what that does to a plan.

A plan that does not know of it would leave out as held what nobody holds, or have sent again what may be there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from mxtui.model.message import Identity
from mxtui.model.plan import Caution, Plan, Result, Target
from mxtui.model.planning import same_message
from mxtui.model.source import Verb
from mxtui.model.words import NAMED, counted, some

UNANSWERED: Final = "sent and never answered: perhaps delivered"

PERHAPS: Final = f"was {UNANSWERED}"

_SENDING: Final = (Verb.RELEASE, Verb.REDIRECT, Verb.UNQUARANTINE)


class Interrupted(NamedTuple):
    """What there was."""

    doubtful: tuple[Identity, ...] = ()
    """Sent and never answered: in hold until an operator decides."""
    released: frozenset[str] = frozenset()
    """IDs that are where they were again."""

    @property
    def words(self) -> tuple[str, ...]:
        """What an operator has to know of it; nothing where no run was interrupted."""
        number, doubtful = len(self.released), [each.queue_id for each in self.doubtful]
        back = (f"{counted(number, 'message')} of a run that was interrupted taken out of hold again",)
        if len(doubtful) > NAMED:
            which = f"They stay in hold; release or delete them: {some(doubtful)}"
            perhaps = [f"{len(doubtful):,} messages were {UNANSWERED}. {which}"]
        else:
            perhaps = [f"{each} {PERHAPS}. It stays in hold; release or delete it" for each in doubtful]
        return (*(back if number else ()), *perhaps)

    def as_they_are(self, targets: Iterable[Target]) -> Iterator[Target]:
        """Messages that somebody saw before, where they are now."""
        return (each._replace(state="deferred") if each.queue_id in self.released else each for each in targets)

    def heeded(self, plan: Plan) -> Plan:
        """The plan, which may have been made before: a flush without what may have been delivered already, and a verb
        that has it sent again with a word of caution.
        """
        known = {each.queue_id: each for each in self.doubtful}

        def doubtful(target: Target) -> bool:
            found = known.get(target.queue_id)
            return found is not None and same_message(target.identity, found)

        perhaps = [target for target in plan.targets if doubtful(target)]
        if plan.verb is Verb.FLUSH:
            left_out = {target.queue_id for target in perhaps}
            going = tuple(self.as_they_are(each for each in plan.targets if each.queue_id not in left_out))
            excluded = (*plan.excluded, *(Result(target.queue_id, plan.verb, "refused", PERHAPS) for target in perhaps))
            why = (each._replace(detail=PERHAPS) if each.queue_id in known else each for each in excluded)
            return replace(plan, targets=going, excluded=tuple(why))
        if plan.verb in _SENDING and perhaps:
            was, it = ("was", "it") if len(perhaps) == 1 else ("were", "they")
            text = f"{len(perhaps):,} of them {was} sent and never answered: tried again, {it} may come twice"
            return replace(plan, cautions=(Caution("Perhaps delivered", text), *plan.cautions))
        return plan
