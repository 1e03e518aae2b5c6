"""`serinus` with a wall clock that a test can set: python -m tests.api_server.moved_clock FILE run

FILE holds by how many seconds the clock is ahead of the machine's (negative: behind). It is moved before anything of
the product is imported, so that nothing in it can tell; its monotonic clock goes on as ever, as on a machine whose
time is set.
"""

import sys
import time
from pathlib import Path

_FILE = Path(sys.argv.pop(1))
_true = time.time


def _moved() -> float:
    return _true() + float(_FILE.read_text())


time.time = _moved

from serinus.__main__ import main  # noqa: E402

main()
