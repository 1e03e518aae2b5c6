"""Commands that run once and end: on the machine, or inside a cluster's network."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout


class CommandError(ClusterError):
    """A command failed; it may succeed when it is tried again."""


def run(
    argv: Sequence[str | Path],
    what: str,
    text: str | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = 120,
) -> str:
    """Run to the end and return the standard output; raise with `what` and the end of its words when it fails."""
    command = [str(word) for word in argv]
    try:
        done = subprocess.run(
            command, input=text, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False,
            timeout=seconds,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ClusterError(f"cannot {what}: {error.filename} is missing; run `python -m tests.cluster build`") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"cannot {what}: `{' '.join(command[:6])} …` did not end within {seconds} s") from None
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise CommandError(f"cannot {what}: `{' '.join(command[:8])} …` ended with {done.returncode}:\n{words}")
    return done.stdout


def kubectl(layout: Layout, *words: str | Path, what: str, text: str | None = None) -> str:
    """kubectl as admin inside the cluster's network."""
    argv = [*layout.enter, layout.bin / "kubectl", "--kubeconfig", layout.kubeconfig, *words]
    return run(argv, what, text)


def get(layout: Layout, *words: str, what: str) -> Any:
    """What `kubectl get … -o json` answers."""
    return json.loads(kubectl(layout, "get", *words, "-o", "json", what=what))


def wait_until(what: str, ready: Callable[[], bool], seconds: float, hint: str) -> None:
    """Ask until the answer is yes; a command that fails counts as no until the time is up."""
    until = time.monotonic() + seconds
    last = ""
    while True:
        try:
            if ready():
                return
        except CommandError as error:
            last = f"; last: {error}"
        if time.monotonic() > until:
            raise ClusterError(f"{what} did not happen within {seconds:.0f} s; {hint}{last}")
        time.sleep(0.1)
