"""The real operator as a process of its own, started the way the image starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Operator:
    """One operator for some namespaces, with a lease of its own in the first of them."""

    def __init__(
        self,
        folder: Path,
        *,
        namespaces: list[str],
        kubeconfig: str,
        prometheus: str,
        lease_seconds: float = 15.0,
        log_level: str = "debug",
        clock: Path | None = None,
        port: int = 0,
    ) -> None:
        """`clock`: a file by which its wall clock is set (see `moved_clock.py`); None: the machine's clock. `port`: of
        its pages; 0: any free one."""
        self.log = folder / "operator.log"
        self._module = ["serinus"] if clock is None else ["tests.api_server.moved_clock", str(clock)]
        connections = folder / "connections.yaml"
        connections.write_text(f"default: main\nconnections:\n  main: {{address: '{prometheus}', timeout: 3}}\n")
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SERINUS_", "PYTHONDONTWRITE"))},
            "KUBECONFIG": kubeconfig,
            "SERINUS_NAMESPACES": ",".join(namespaces),
            "SERINUS_LEASE_NAMESPACE": namespaces[0],
            "SERINUS_LEASE_NAME": "serinus",
            "SERINUS_LEASE_SECONDS": str(lease_seconds),
            "SERINUS_PORT": str(port),
            "SERINUS_LOG_LEVEL": log_level,
            "SERINUS_CONNECTIONS_FILE": str(connections),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._wanted = False
        self._lock = threading.Lock()

    def start(self) -> "Operator":
        """Start it, and again whenever it ends by itself, as Kubernetes would (it does when it loses its lease)."""
        self._wanted = True
        self._launch()
        threading.Thread(target=self._keep_up, daemon=True).start()
        return self

    def _keep_up(self) -> None:
        while True:
            time.sleep(0.2)
            with self._lock:
                if not self._wanted:
                    return
                if not self.running():
                    self._launch()

    def _launch(self) -> None:
        self._starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._module, "run"],
                cwd=ROOT,
                env={**self._environment, "SERINUS_IDENTITY": f"start-{self._starts}-{os.getpid()}"},
                stdout=log,
                stderr=log,
            )

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self._starts

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def running(self) -> bool:
        """False once it has ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is handed back."""
        with self._lock:
            self._wanted = False
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: a stalled leader."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, as Kubernetes does it; the exit code."""
        with self._lock:
            self._wanted = False
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def words(self) -> str:
        """The last lines of the log, for the message of a test that fails."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


def kubeconfig_for(address: str, token: str, folder: Path) -> str:
    """A kubeconfig file for a proxy in front of the API server, with the rights of the token."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "clusters": [{"name": "proxy", "cluster": {"server": address}}],
        "users": [{"name": "proxy", "user": {"token": token}}],
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config))
    return str(file)
