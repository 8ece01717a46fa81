"""Messages and bytes a second at most, as token buckets."""

from typing import Final

from mxtui.model.drain.settings import DrainSettings

BURST: Final = 0.25
"""Seconds' worth that may go at once after a rest: what a way asks for in one go, four times a second."""


class Bucket:
    """Tokens that come back at `rate` a second. It may be overdrawn by one message, which the next ones wait for: a
    message of more bytes than go in a second would else never go."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._most = rate * BURST
        self._tokens = self._most
        self._at = now

    def ready(self, now: float) -> bool:
        """Whether something may go."""
        elapsed = max(0.0, now - self._at)
        self._tokens = min(self._most, self._tokens + elapsed * self._rate)
        self._at = max(self._at, now)
        return self._tokens > 0

    def spend(self, amount: float) -> None:
        """It went."""
        self._tokens -= amount


class Limits:
    """Both limits of a drain, where they are set."""

    def __init__(self, settings: DrainSettings, now: float) -> None:
        self._messages = Bucket(settings.messages_per_second, now) if settings.messages_per_second else None
        self._bytes = Bucket(settings.bytes_per_second, now) if settings.bytes_per_second else None

    def ready(self, now: float) -> bool:
        """Whether another message may go."""
        buckets = [bucket for bucket in (self._messages, self._bytes) if bucket is not None]
        return all(bucket.ready(now) for bucket in buckets)

    def spend(self, size: int) -> None:
        """A message of `size` bytes went."""
        if self._messages is not None:
            self._messages.spend(1)
        if self._bytes is not None:
            self._bytes.spend(size)
