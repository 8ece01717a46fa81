"""When a flush would do harm: a rule over what is known of the primaries."""

from collections.abc import Mapping

from mxtui.model.health import Health, Primary


def unwell(known: Mapping[str, tuple[Primary | None, Health]]) -> str:
    """Why not to flush these domains now, in a sentence; empty when nothing speaks against it.

    Unknown is no reason: a probe may be blocked where mail is not.
    """
    down = sorted(
        (domain, primary, health) for domain, (primary, health) in known.items() if primary and health.state == "down"
    )
    if not down:
        return ""
    domain, primary, health = down[0]
    more = f", and {len(down) - 1} more" if len(down) > 1 else ""
    return f"the primary of {domain} is down: {primary.host}:{primary.port} {health.rung} {health.detail}{more}"
