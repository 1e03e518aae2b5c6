"""`serinus` with a wall clock that a test can set: python -m tests.api_server.moved_clock FILE run

FILE holds by how many seconds the clock is ahead of the machine's (negative: behind). It is moved before anything of
the product is imported, so that nothing in it can tell; its monotonic clock goes on as ever, as on a machine whose
time is set.
"""

import sys
import time
from pathlib import Path


def move(file: Path) -> None:
    """Let `time.time` be ahead by what the file holds at each call."""
    true = time.time
    time.time = lambda: true() + float(file.read_text())


if __name__ == "__main__":
    move(Path(sys.argv.pop(1)))
    from serinus.__main__ import main

    main()
