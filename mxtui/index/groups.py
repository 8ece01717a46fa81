"""What messages have in common: counts by reason, sender, sender's domain, recipient's domain or client."""

from typing import Literal, NamedTuple

from mxtui.model.filter import quote

Grouping = Literal["reason", "sender", "sender_domain", "domain", "client"]


class Group(NamedTuple):
    """Messages that share one feature."""

    key: str
    messages: int
    recipients: int
    bytes: int
    oldest: float
    domains: int
    """Recipient domains concerned."""


_KEYS: dict[Grouping, str] = {
    "reason": "coalesce(s.summary, '')",
    "sender": "lower(m.sender)",
    "sender_domain": "lower(substr(m.sender, instr(m.sender, '@') + 1))",
    "domain": "d.name",
    "client": "coalesce(m.client, '')",
}

LONGEST_LIST = 2_000


def filter_of(by: Grouping, key: str) -> str | None:
    """What finds the messages of a group; None where the language has no word for it."""
    match by:
        case "reason":
            return f"reason:{quote(key)}" if key else None
        case "sender":
            return f"from:{quote(key)}" if key else "from:<>"
        case "sender_domain":
            return f"from:{quote('@' + key)}" if key else "from:<>"
        case "client":
            return f"client:{quote(key)}" if key else None
        case "domain":
            return f"domain:{quote(key)}"


def group_statement(by: Grouping, where: str) -> str:
    """SQL for the groups of messages that satisfy `where`, largest first."""
    # Grouped twice, so that the size of a message with many recipients is counted once.
    return f"""
        WITH pair AS MATERIALIZED (
            SELECT {_KEYS[by]} AS key, m.id AS id, m.size AS size, m.arrival AS arrival, r.domain AS domain
            FROM message m JOIN recipient r ON r.message = m.id JOIN domain d ON d.id = r.domain
            LEFT JOIN reason s ON s.id = r.reason
            WHERE {where}
        )
        SELECT one.key, count(*), sum(one.recipients), sum(one.size), min(one.arrival), max(reach.domains)
        FROM (SELECT key, count(*) AS recipients, size, arrival FROM pair GROUP BY key, id) one
        JOIN (SELECT key, count(DISTINCT domain) AS domains FROM pair GROUP BY key) reach ON reach.key = one.key
        GROUP BY one.key ORDER BY count(*) DESC, one.key LIMIT {LONGEST_LIST}
    """
