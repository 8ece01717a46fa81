"""Memory for messages on their way in, over all sessions: counted before it is used, so that it stays bounded."""

from collections import Counter


class Memory:
    """A budget in bytes, for all and for each client (`admission.client_of`)."""

    def __init__(self, limit: int, per_client: int) -> None:
        self.limit = limit
        self.per_client = per_client
        self.used = 0
        self.peak = 0
        self._clients: Counter[str] = Counter()

    def fits(self, client: str, size: int) -> bool:
        """Whether so much more could be had now."""
        return self.used + size <= self.limit and self._clients[client] + size <= self.per_client

    def take(self, client: str, size: int) -> bool:
        """Have so much more, or nothing."""
        if not self.fits(client, size):
            return False
        self._clients[client] += size
        self.used += size
        self.peak = max(self.peak, self.used)
        return True

    def give_back(self, client: str, size: int) -> None:
        """Return what was taken."""
        self.used -= size
        self._clients[client] -= size
        if not self._clients[client]:
            del self._clients[client]


class Hold:
    """One message's share. A context manager: leaving it gives everything back."""

    def __init__(self, memory: Memory, client: str) -> None:
        self._memory = memory
        self._client = client
        self.size = 0

    def cover(self, size: int) -> bool:
        """Have at least `size` bytes; False where they cannot be had."""
        missing = size - self.size
        if missing > 0:
            if not self._memory.take(self._client, missing):
                return False
            self.size = size
        return True

    def release(self) -> None:
        """Give everything back."""
        self._memory.give_back(self._client, self.size)
        self.size = 0

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
