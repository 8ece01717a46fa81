"""A line between a console and an agent that does as a file says: `python line.py FILE COMMAND…`, in place of ssh.

`stall` passes nothing on, either way. `cut` ends it in the middle of the next answer of the agent.
"""

import os
import select
import subprocess
import sys
from pathlib import Path


def main() -> int:
    said, command = Path(sys.argv[1]), sys.argv[2:]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        ways = {0: child.stdin.fileno(), child.stdout.fileno(): 1}
        while True:
            word = said.read_text().strip() if said.exists() else ""
            ready = select.select([] if word == "stall" else list(ways), [], [], 0.02)[0]
            for source in ready:
                data = os.read(source, 1 << 16)
                if word == "cut" and source != 0 and b"told" in data:  # an answer, and no sign of life
                    os.write(1, data[: len(data) // 2])
                    os._exit(0)
                if not data:
                    os._exit(0)
                os.write(ways[source], data)


if __name__ == "__main__":
    sys.exit(main())
