"""What an operator may set about a drain. Times in seconds."""

from dataclasses import dataclass

from mxtui.model.drain.rate import Rate


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """Of one drain. Raises ValueError for what makes no sense."""

    connections: int = 2
    """At first; one more with each message that is taken."""
    most_connections: int = 20
    """At once, however well it goes."""
    ahead: int = 1
    """Messages in hand for each connection: what is next is made ready while the one before is on its way."""
    reserve: int = 0
    """More of them for each connection, once there are as many connections as may be. A verdict takes its time to come
    back, and so does what is taken in its place: to a primary 50 ms away one in hand for each is half its speed."""
    batch_growth: int = 5
    """How much larger than a batch that went well the next is, for an engine that is not ours: 1, 5, 25, 125 …"""
    most_in_batch: int = 625
    """Messages in the hands of such an engine at once. It bounces at once, so this is what one bad minute can cost; and
    it is more than a second's work, so that the engine never waits for us."""
    most_in_hand: int = 10_000
    """Messages in hand at once, of all primaries together: half of what qmgr(8) has room for."""
    messages_per_second: float | None = None
    bytes_per_second: float | None = None
    canary: bool = True
    """One message goes first, and nothing else until it was delivered."""
    trial: int = 50
    """Messages after which a recovered primary is believed."""
    refused_share: float = 0.05
    """More refused than this, of what was settled and at least of a trial, and it stops."""
    deferred_share: float = 0.5
    """More put off than this, of the last 50 that were settled, and it stops."""
    backoff_first: float = 5.0
    """The first pause after a failure; the next doubles while nothing goes well in between."""
    backoff_longest: float = 300.0
    patience: int = 8
    """Failures in a row, each after its pause, until it stops: with the pauses above, ten minutes."""
    force: bool = False
    """Also when the primary is not well; the canary and the shares go on guarding."""
    limit: int | None = None
    """At most so many messages."""

    @property
    def rate(self) -> Rate:
        """What may go a second."""
        return Rate(self.messages_per_second, self.bytes_per_second)

    def __post_init__(self) -> None:
        counts = (
            self.connections,
            self.ahead,
            self.most_in_batch,
            self.most_in_hand,
            self.trial,
            self.patience,
            self.limit,
        )
        if not all(count is None or count >= 1 for count in counts) or self.batch_growth < 2 or self.reserve < 0:
            raise ValueError("a drain's counts begin at 1, its reserve at 0, and a batch grows at least twofold")
        if self.connections > self.most_connections:
            raise ValueError("more connections at first than at most")
        if not all(rate is None or rate > 0 for rate in (self.messages_per_second, self.bytes_per_second)):
            raise ValueError("a rate is more than nothing; to stand still, pause")
        if not all(0 < share <= 1 for share in (self.refused_share, self.deferred_share)):
            raise ValueError("a share is above 0 and at most 1, which is never exceeded")
        if not 0 < self.backoff_first <= self.backoff_longest:
            raise ValueError("the first pause is above 0 and at most the longest")
