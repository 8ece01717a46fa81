"""What is left to Postfix, because only Postfix can do what the message asks for."""

from mxtui.queues.postfix.queue_file import Envelope

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def why_not(envelope: Envelope) -> str:
    """Why a message is not to be sent by us; empty for nearly all."""
    if envelope.fault is not None:
        return f"damaged: {envelope.fault}"
    if envelope.sizes is None or envelope.sender is None:
        return "not yet taken in by cleanup(8)"
    if envelope.forced_expire:
        return "marked to be returned"
    asked = (("FILTER", envelope.filter), ("REDIRECT", envelope.redirect), ("VERP", envelope.verp))
    if wanted := [name for name, value in asked if value is not None]:
        return f"has a {' and a '.join(wanted)} that only Postfix follows"
    todo = [each.address for each in envelope.recipients if each.state == "todo"]
    if any(_UNKNOWN in address for address in (envelope.sender, *todo)):
        return "has an address that is not UTF-8"
    return ""
