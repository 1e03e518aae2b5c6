"""Measured figures beside those of the peers and the aims: printed, and kept in docs/operator-benchmarks.md.

Each benchmark owns one section of that page and replaces it in place; the other sections stay as they are.
"""

import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "operator-benchmarks.md"
TITLE = """# Benchmarks of the operator

Measured by `make bench-control-plane` and `make bench-cluster`, which replace their sections of this page.

- The peers (Argo Rollouts, master of August 2026, and Flagger 1.44, both at their defaults) were measured on the same
  kind of control plane; an empty cell was not measured.
- On the control plane the operator talks plain HTTP to two proxies on the loopback, which write down every request
  and pass it on to the API server (by TLS) and to Prometheus: its CPU is without TLS, its times with the proxies.
- "New image" begins when a watch tells the change of the source; "bad answer" begins when the proxy has the whole
  answer of Prometheus that carries the errors; "accepted" is when it has the API server's answer to the patch.
- On the whole cluster "patch" is when a watch tells the route's change, a few milliseconds after it was accepted;
  the last answer is when the last request that the candidate served was complete.
"""
QUIET = 3.0
"""Load average below which figures of two cores are worth something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure."""

    what: str
    measured: float | None
    """None: it could not be measured; the note says why."""
    unit: str = ""
    aim: float | None = None
    """At most this; None: there is no aim."""
    peers: Sequence[str] = ()
    """In the order of the table's columns."""
    note: str = ""
    digits: int = 3
    """Significant digits that are shown."""

    @property
    def met(self) -> str:
        """Whether the aim was met, and if not, by how much."""
        if self.measured is None:
            return "not measured"
        if self.aim is None:
            return ""
        if self.measured <= self.aim:
            return "yes"
        over = self.measured - self.aim
        times = f", {self.measured / self.aim:.1f} times the aim" if self.aim else ""
        return f"**no**: {number(over, self.digits)} over{times}"

    def cells(self) -> list[str]:
        shown = "-" if self.measured is None else f"{number(self.measured, self.digits)} {self.unit}".strip()
        aim = "" if self.aim is None else f"<= {number(self.aim, self.digits)} {self.unit}".strip()
        note = f" ({self.note})" if self.note else ""
        return [self.what, *self.peers, aim, f"{shown}{note}", self.met]


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, never in powers of ten.

    >>> [number(v) for v in (0.01234, 30.0, 1234.5, 0.0)]
    ['0.0123', '30', '1,234', '0']
    """
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{float(text):.10f}".rstrip("0").rstrip(".")


def table(rows: Sequence[Row], peers: Sequence[str] = ()) -> str:
    """A Markdown table whose columns are aligned for a terminal, too."""
    lines = [["", *peers, "aim", "measured", "met"], *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def circumstances() -> str:
    """Where and when this was measured: figures of a busy machine must not be taken for those of a quiet one."""
    load = os.getloadavg()[0]
    processors = os.cpu_count()
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    python = platform.python_version()
    return (
        f"{now}, {processors} cores, Linux {platform.release()}, Python {python}, load average at the start {load:.1f}"
    )


def wait_for_quiet(patience: float) -> None:
    """Return when the load average of the last minute is low, or after so many seconds."""
    end = time.monotonic() + patience
    while os.getloadavg()[0] >= QUIET and time.monotonic() < end:
        time.sleep(5)


def keep(section: str, text: str, page: Path = PAGE) -> None:
    """Write a section of the page (`## SECTION` and what follows, up to the next), in place of the one there was."""
    whole = page.read_text() if page.exists() else TITLE
    new = f"## {section}\n\n{text.strip()}\n"
    pattern = re.compile(rf"^## {re.escape(section)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    known = pattern.search(whole) is not None
    whole = pattern.sub(lambda _: new + "\n", whole) if known else f"{whole.rstrip()}\n\n{new}"
    page.write_text(whole.rstrip("\n") + "\n")
