"""The command `serinus`, as far as it needs no cluster."""

import os
import socket
import subprocess
import sys
from pathlib import Path


def serinus(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SERINUS_", "KUBE"))}
    command = [sys.executable, "-m", "serinus", *arguments]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=60, check=False)


def test_it_says_its_version() -> None:
    answer = serinus("--version")
    assert answer.returncode == 0
    assert answer.stdout.startswith("serinus 0.")


def test_settings_that_cannot_be_used_end_it_with_a_sentence_and_exit_code_2() -> None:
    answer = serinus("run", SERINUS_PORT="many", SERINUS_LEASE_SECONDS="0")
    assert answer.returncode == 2
    assert "SERINUS_PORT: Input should be a valid integer" in answer.stderr
    assert "SERINUS_LEASE_SECONDS: Input should be greater than or equal to 1" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_without_an_api_server_it_ends_with_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    answer = serinus("run", HOME=str(tmp_path))
    assert answer.returncode == 2
    assert "No Kubernetes API server is known" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_port_that_is_taken_ends_it_with_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}],"
        " contexts: [{name: c, context: {cluster: c}}]}"
    )
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = serinus("run", KUBECONFIG=str(kubeconfig), SERINUS_PORT=port)
    assert answer.returncode == 2
    assert f"SERINUS_PORT: the pages cannot be served on port {port}" in answer.stderr
    assert "Traceback" not in answer.stderr
