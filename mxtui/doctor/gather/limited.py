"""One question, its time, and what became of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mxtui.doctor.facts import Fact, Unknown
from mxtui.errors import MxtuiError
from mxtui.primary.words import explain

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
        return Unknown(explain(error))


async def in_thread(question: Callable[[], T], seconds: float) -> Fact[T]:
    """The same of a question that blocks; one that is too late goes on, and nobody waits for it."""

    def asked() -> Fact[T]:
        try:
            return question()
        except OSError as error:  # not of a network: plain words of the system
            return Unknown(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))

    return await limited(asyncio.to_thread(asked), seconds)
