"""Targets into jobs: in custody, read to their end, with a host for each recipient. In a thread, many in one go."""

from collections.abc import Callable, Sequence

from mxtui.delivery.direct.job import Job, routed
from mxtui.delivery.host import HostKey
from mxtui.errors import MxtuiError
from mxtui.model.plan import Target
from mxtui.queues.postfix.direct.custody import Custodian, Held, Left

Route = Callable[[str], HostKey]
"""Where a domain's mail goes. May block, and raise MxtuiError."""


def take(custodian: Custodian, route: Route, targets: Sequence[Target]) -> tuple[list[Job], list[Left]]:
    """What can be sent, and what was left or put back. Raises OSError: no room in the journal, nothing was touched."""
    jobs: list[Job] = []
    left: list[Left] = []
    spared: list[Held] = []
    for each in custodian.take(targets):
        if isinstance(each, Left):
            left.append(each)
            continue
        try:
            jobs.append(routed(each, route))
        except MxtuiError as error:
            spared.append(each)
            left.append(Left(each.target, error.message))
    if spared:
        custodian.spare(spared)
    return jobs, left
