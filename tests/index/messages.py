"""Messages for tests of the index, by hand and by hypothesis."""

from hypothesis import strategies as st

from mxtui.model.message import QueuedMessage, Recipient, State, recipient_domain

NOW = 1_800_000_000.0

LOCALS = ["info", "Anna", "root", "a_b", "x%y"]
DOMAINS = ["example.org", "Example.NET", "sub.example.org", "münchen.example"]
REASONS = ["connect to mx1.example.org[192.0.2.1]:25: Connection refused", "452 4.2.2 Mailbox full", "Überlast"]
STATES: list[State] = ["deferred", "hold", "active", "incoming", "maildrop"]


def message(queue_id: str = "4dKq7J1hVwz9x2", **changes: object) -> QueuedMessage:
    """One sound deferred message, an hour old."""
    base = QueuedMessage(
        queue_id=queue_id,
        state="deferred",
        inode=1,
        arrival=NOW - 3600,
        size=1000,
        sender="m.keller@bank.example",
        recipients=(recipient("info@example.org"),),
        next_retry=NOW + 60,
        expires=NOW + 5 * 86400 - 3600,
        client_address="203.0.113.7",
        subject="Offene Rechnung",
    )
    return base._replace(**changes)  # type: ignore[arg-type]


def recipient(address: str, reason: str | None = REASONS[0], dsn: str | None = "4.4.1") -> Recipient:
    return Recipient(address, recipient_domain(address), reason, dsn)


addresses = st.builds("{}@{}".format, st.sampled_from(LOCALS), st.sampled_from(DOMAINS)) | st.just("postmaster")

recipients = st.builds(recipient, addresses, st.sampled_from([None, *REASONS]), st.sampled_from([None, "4.4.1"]))

queue_ids = st.sampled_from([f"4dKq7J1hVwz9x{n}" for n in range(8)])

messages = st.builds(
    QueuedMessage,
    queue_id=queue_ids,
    state=st.sampled_from(STATES),
    inode=st.integers(1, 9),
    arrival=st.integers(-700_000, 100).map(lambda seconds: NOW + seconds),
    size=st.integers(0, 3_000_000),
    sender=addresses | st.just(""),
    recipients=st.lists(recipients, max_size=4).map(tuple),
    done=st.integers(0, 3),
    next_retry=st.none() | st.integers(0, 9999).map(lambda seconds: NOW + seconds),
    expires=st.none() | st.integers(-99999, 99999).map(lambda seconds: NOW + seconds),
    forced_expire=st.booleans(),
    client_address=st.sampled_from([None, "unknown", "203.0.113.7", "2001:db8::7"]),
    subject=st.sampled_from([None, "", "Offene Rechnung", "100% [free]", "Приглашение"]),
    attempts=st.none() | st.integers(0, 20),
    fault=st.sampled_from([None, "it is cut short"]),
)
