"""A message of the spool as scanners are told of it."""

from ipaddress import ip_address

from mxtui.model.envelope import Client, Envelope
from mxtui.model.evidence import Submitted


def submitted(envelope: Envelope, raw: bytes) -> Submitted:
    """`raw` is the message as stored, whole."""
    return Submitted(
        raw=raw,
        truncated=False,
        sender=envelope.sender,
        recipients=tuple(each.address for each in envelope.recipients),
        client=_stranger(envelope.client),
        arrival=envelope.arrival,
        queue_id=envelope.id,
    )


def _stranger(client: Client) -> Client | None:
    """Who handed it in, unless that was this host: scanners trust its own mail, whoever it came from before."""
    try:
        return None if ip_address(client.address).is_loopback else client
    except ValueError:
        return None
