"""Content that is not sent before the journal knows that it will be."""

from collections.abc import Awaitable, Callable, Iterator

from mxtui.delivery.session import Content, UnreadableError


class Announced(Content):
    """A message for the wire. DATA may be said before: without content it delivers nothing."""

    def __init__(self, pieces: Iterator[bytes], *, blocking: bool, announce: Callable[[], Awaitable[None]]) -> None:
        """`announce` raises OSError where the journal cannot be written; then nothing is sent."""
        super().__init__(pieces, blocking=blocking)
        self._announce: Callable[[], Awaitable[None]] | None = announce

    async def piece(self) -> bytes | None:
        """The next; None after the last. Raises UnreadableError."""
        if self._announce is not None:
            announce, self._announce = self._announce, None
            try:
                await announce()
            except OSError as error:
                raise UnreadableError(f"the journal cannot be written: {error.strerror}") from error
        return await super().piece()
