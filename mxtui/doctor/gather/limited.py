"""One question, its time, and what became of it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from mxtui.doctor.facts import Fact, Unknown
from mxtui.errors import MxtuiError, Unreachable
from mxtui.primary.words import NoSuchNameError, explain

T = TypeVar("T")


async def limited(question: Awaitable[T], seconds: float) -> Fact[T]:
    """Its answer, or why there is none."""
    try:
        async with asyncio.timeout(seconds):
            return await question
    except TimeoutError as error:
        # The kernel's own ETIMEDOUT is a TimeoutError too.
        return Unknown(explain(error) if error.errno is not None else f"no answer within {seconds:g} s")
    except MxtuiError as error:
        return Unknown(error.message)
    except (OSError, EOFError, ValueError) as error:
        return Unknown(explain(error), denied=isinstance(error, NoSuchNameError))


async def in_thread(question: Callable[[], T], seconds: float) -> Fact[T]:
    """The same of a question that blocks; one that is too late goes on, and nobody waits for it."""

    def asked() -> Fact[T]:
        try:
            return question()
        except OSError as error:  # not of a network: plain words of the system
            return Unknown(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))

    return await limited(aside(asked), seconds)


async def required(question: Callable[[], T], seconds: float, path: str) -> T:
    """What nothing can be judged without, of the mail system at a path. Raises MxtuiError."""
    try:
        async with asyncio.timeout(seconds):
            return await aside(question)
    except TimeoutError:
        raise Unreachable(
            f"{path} cannot be examined: no answer within {seconds:g} s",
            "A disk or a table that hangs? Try postconf(1) and ls(1) there.",
        ) from None


async def aside(question: Callable[[], T]) -> T:
    """What it answers or raises, from a thread of its own that nobody joins.

    Not `asyncio.to_thread`: a program waits for that one's threads at its end, and a disk that hangs never lets go.
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[T] = loop.create_future()

    def tell(give: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if answered.done() else give())

    def ask() -> None:
        try:
            answer = question()
        except Exception as error:  # noqa: BLE001 (raised where it is awaited)
            raised = error
            tell(lambda: answered.set_exception(raised))
        else:
            tell(lambda: answered.set_result(answer))

    threading.Thread(target=ask, name="doctor", daemon=True).start()
    return await answered
