"""The other end of `mxtui.message.sandbox`: reads messages until its input ends, and can do little else."""

import gc
import os
import resource
import sys
from typing import BinaryIO

import msgspec

from mxtui.message import charsets, markup  # noqa: F401 (no file can be opened later on)
from mxtui.message.inspect import inspect
from mxtui.message.sandbox import SIZE, Question

MEMORY = 1 << 30
"""Bytes of address space: 64 MiB of message are there twice at most, with what is decoded of them."""

NOBODY = 65534
"""User and group of nobody, as on every Linux; by number, since names may have to be asked for in a network."""

_QUESTION = msgspec.msgpack.Decoder(Question)
_ANSWER = msgspec.msgpack.Encoder()


def serve() -> None:
    """Questions on stdin, answers on stdout."""
    charsets.load()
    _confine()
    gc.disable()  # nothing here makes cycles
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while (head := questions.read(SIZE.size)) and len(head) == SIZE.size:
        (length,) = SIZE.unpack(head)
        question = _QUESTION.decode(questions.read(length))
        raw = questions.read(question.size)
        if len(raw) < question.size:
            return
        _limit_time(question.seconds)
        _answer(answers, _ANSWER.encode(inspect(raw, truncated=question.truncated, limits=question.limits)))
        del raw


def _answer(stream: BinaryIO, answer: bytes) -> None:
    stream.write(SIZE.pack(len(answer)) + answer)
    stream.flush()


def _confine() -> None:
    """No files, no memory without end, no core of hostile mail, and nobody's rights where there were root's."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _limit_time(seconds: int) -> None:
    """SIGXCPU after so much more of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
