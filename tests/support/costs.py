"""What an act costs, told in time of the processor: how long it takes depends on what else the machine does."""

import os


def cpu_seconds() -> float:
    """What this process, all its threads, and the processes that it waited for have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
