"""What a process uses, as the kernel counts it in /proc."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """A process at one moment."""

    at: float
    """Seconds of the monotonic clock."""
    cpu_seconds: float
    """User and system time of all its threads since it began."""
    rss_mib: float
    peak_mib: float


def usage(pid: int) -> Usage:
    """Of a process that runs. Raises `FileNotFoundError` when it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return Usage(
        at=time.monotonic(),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS,
        rss_mib=int(status["VmRSS"].split()[0]) / 1024,
        peak_mib=int(status["VmHWM"].split()[0]) / 1024,
    )


def cores(before: Usage, after: Usage) -> float:
    """CPU used between two moments, in cores."""
    return (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at)
