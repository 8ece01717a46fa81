"""`make fuzz`: atheris (libFuzzer) on what reads hostile mail, guided by which of our lines a message reaches.

    python -m tests.fuzzing [seconds] [folder]

Starts from the hostile messages of the tests. A crash, a control character or more than two seconds for one message end
it with exit status 1, and the message is kept in the folder.
"""

import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mxtui.message", "mxtui.tui.draw.source"]):
    from mxtui.message.eml import part_name
    from mxtui.message.inspect import inspect
    from mxtui.tui.draw.source import broken, sanitised
    from tests.message.evil import CHARSETS, ESCAPES, NAMES, everywhere, named
    from tests.message.test_hostile import MAIL, UNSAFE, check

LONGEST = 2.0
"""Seconds for one message; instrumented code takes several times as long as usual."""

DEFAULT_TIME = 300


def one(data: bytes) -> None:
    """One message, through everything that shows it."""
    began = time.process_time()
    check(data)
    for part in inspect(data).parts:
        assert "/" not in part_name("ID", part.number, part.filename)
    lines = sanitised(data)
    assert not any(UNSAFE.search(line) for line in lines)
    broken(lines, 80, cut=False)
    took = time.process_time() - began
    assert took < LONGEST, f"{took:.1f} s"


def main() -> None:
    """Fuzz for so many seconds."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_TIME
    kept = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="mxtui-fuzz-"))
    corpus = kept / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = [MAIL, *map(everywhere, ESCAPES.values()), *map(named, NAMES)]
    seeds += [b"Content-Type: text/html; charset=%s\n\n<p>x" % each.encode() for each in CHARSETS]
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-timeout=20", "-max_len=20000", f"-artifact_prefix={kept}/", str(corpus)]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
