"""The processes of a cluster: started inside its network, recorded, and ended only by what was recorded.

A process id alone can be recycled, so the record also holds when the process began and the boot it belongs to; a
signal is sent through a handle of the process (pidfd) after that was compared, and never by name. The child writes
its record itself before it becomes the program, so a run that is killed in between leaves no process unrecorded.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout

_BOOT = "/proc/sys/kernel/random/boot_id"
# $0 is the record. Field 22 of stat is the start time; exec changes neither it nor the id.
_RECORD_AND_BECOME = f"""\
read -r boot < {_BOOT}
read -r stat < /proc/$$/stat
record=$0
argv_start() {{ shift 21; began=$1; }}
argv_start $stat
echo "$$ $began $boot" > "$record.tmp" && mv "$record.tmp" "$record" && exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One started process: enough to recognise it among all that ever had its id."""

    name: str
    pid: int
    began: int
    boot: str

    def alive(self) -> bool:
        return self.boot == _boot() and _began(self.pid) == self.began

    def signal(self, number: int) -> None:
        """Send a signal to this very process; nothing happens when it has ended."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


def start(layout: Layout, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
    """Start a program inside the cluster's network, output to `logs/NAME.log`; does nothing if NAME runs already."""
    if alive(layout, name):
        return
    layout.records.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(parents=True, exist_ok=True)
    record = layout.records / name
    record.unlink(missing_ok=True)
    command = [*layout.enter, "/bin/sh", "-c", _RECORD_AND_BECOME, str(record), *map(str, argv)]
    with log(layout, name).open("ab") as out:
        child = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, cwd=layout.state, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
    until = time.monotonic() + 10
    while not record.exists():
        if child.poll() is not None or time.monotonic() > until:
            raise ClusterError(f"{name} of cluster {layout.name} did not start:\n{tail(layout, name)}")
        time.sleep(0.002)
    child.returncode = 0  # it outlives this program: no warning that it was not waited for


def alive(layout: Layout, name: str) -> bool:
    """Whether the process that was started under this name still runs."""
    record = _read(layout.records / name)
    return record is not None and record.alive()


def all_alive(layout: Layout) -> bool:
    """Whether everything that was started still runs."""
    return all(record.alive() for record in _records(layout))


def running(layout: Layout) -> dict[str, int]:
    """Name and id of every recorded process that runs."""
    return {record.name: record.pid for record in _records(layout) if record.alive()}


def stop(layout: Layout, name: str, grace: float = 5.0) -> None:
    """End one process: SIGTERM, and SIGKILL after the grace time."""
    record = _read(layout.records / name)
    if record is not None:
        end([record], grace)
        (layout.records / name).unlink(missing_ok=True)


def stop_all(layout: Layout, grace: float = 5.0) -> None:
    """End every recorded process, all at the same time; the records go with them."""
    records = list(_records(layout))
    end(records, grace)
    for record in records:
        (layout.records / record.name).unlink(missing_ok=True)


def of_pid(pid: int) -> Record | None:
    """A record for a process that is found by its id now, for example inside the namespace."""
    began = _began(pid)
    return None if began is None else Record(_command(pid), pid, began, _boot())


def end(records: Iterable[Record], grace: float) -> None:
    """SIGTERM to all, SIGKILL to those that outlive the grace time; returns when all are gone."""
    left = [record for record in records if record.alive()]
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        for record in left:
            record.signal(number)
        left = _wait(left, patience)
        if not left:
            return
    names = ", ".join(f"{record.name} (process {record.pid})" for record in left)
    raise ClusterError(f"{names} did not end on SIGKILL; a process in state D waits for a device or mount")


def log(layout: Layout, name: str) -> Path:
    return layout.logs / f"{name}.log"


def tail(layout: Layout, name: str, lines: int = 15) -> str:
    """The end of a process's log with where it is, for error messages."""
    file = log(layout, name)
    text = file.read_text(errors="replace") if file.exists() else ""
    return "\n".join([f"the end of {file}:", *text.splitlines()[-lines:]])


def _wait(records: list[Record], seconds: float) -> list[Record]:
    until = time.monotonic() + seconds
    left = records
    while left and time.monotonic() < until:
        select.select([], [], [], 0.01)
        left = [record for record in left if record.alive()]
    return left


def _records(layout: Layout) -> Iterable[Record]:
    if not layout.records.exists():
        return
    for file in sorted(layout.records.iterdir()):
        record = _read(file)
        if record is not None:
            yield record


def _read(file: Path) -> Record | None:
    try:
        pid, began, boot = file.read_text().split()
        return Record(file.name, int(pid), int(began), boot)
    except (FileNotFoundError, ValueError):
        return None  # never started, or cut off while it was written: then the program was not started either


def _boot() -> str:
    return Path(_BOOT).read_text().strip()


def _began(pid: int) -> int | None:
    """The start time of a process in clock ticks since boot, or None when it has ended (also as a zombie)."""
    try:
        # The name in parentheses may hold spaces and parentheses; what follows the last one is regular.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"
