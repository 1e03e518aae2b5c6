"""`serinus backtest` and `serinus plan` where they read a Prometheus: what they are asked with, and what is refused."""

import re
import socket
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serinus.__main__ import app
from serinus.cli.files import Unreadable
from serinus.cli.prometheus import asked

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "examples" / "backtest" / "rollout.yaml")
CHAT = str(ROOT / "examples" / "chat.yaml")
RANGE = ["--from", "2026-11-20T14:00:00Z", "--to", "2026-11-20T16:00:00Z"]
HERE = ["--prometheus", "http://127.0.0.1:9", *RANGE]


def refusal(*options: str) -> str:
    told = CliRunner().invoke(app, options)
    assert told.exit_code == 2, told.output
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1, told.stderr
    return told.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "write --samples FILE, or --prometheus URL --from --to."),
        (RANGE, "--from and --to go with --prometheus: write the address of one, too."),
        (["--samples", SPEC, "--attempt", "2"], "--attempt goes with --prometheus: files hold one attempt."),
        ([*HERE, "--samples", SPEC], "--samples and --history are files: leave them out where --prometheus is read."),
        ([*HERE, "--history", SPEC], "--samples and --history are files: leave them out where --prometheus is read."),
        (["--prometheus", "http://127.0.0.1:9"], "--from is missing: write a time such as 2026-11-20T14:00:00Z"),
        ([*HERE, "--to", "yesterday"], "--to is yesterday: write a time such as 2026-11-20T14:00:00Z"),
        ([*HERE, "--to", "nan"], "--to is nan: write a time such as"),
        ([*HERE, "--to", "100"], "--from is not before --to: write the earlier time as --from."),
        ([*HERE, "--prometheus", "127.0.0.1"], "--prometheus is '127.0.0.1': write the address without /api/v1"),
        ([*HERE, "--bearer-token-file", "/none"], "/none cannot be read: there is no such file."),
        ([*HERE, "--ca-file", "/none"], "/none cannot be read: there is no such file."),
        ([*HERE], "Prometheus cannot be reached: the connection was refused or broke."),
    ],
)
def test_what_cannot_be_replayed_is_one_sentence_and_exit_code_2(options: list[str], sentence: str) -> None:
    assert sentence in refusal("backtest", "--spec", CHAT, *options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "--rps is missing: write how many requests a second there are, such as 20."),
        (["--rps", "20", "--deployment", "chat"], "--deployment goes with --prometheus"),
        (HERE, "--deployment is missing: write whose pods serve in that range, such as chat-6f7d5"),
        ([*HERE, "--history", SPEC], "--history is a file: leave it out where --prometheus is read."),
        ([*HERE, "--deployment", "chat"], "Prometheus cannot be reached: the connection was refused or broke."),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_and_exit_code_2(options: list[str], sentence: str) -> None:
    assert sentence in refusal("plan", "--spec", CHAT, *options)


def test_a_rollout_without_a_namespace_cannot_be_found_in_prometheus(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(re.sub(r"namespace: \w+", "labels: {}", Path(CHAT).read_text()))
    assert f"{file}: write metadata.name and metadata.namespace" in refusal("backtest", "--spec", str(file), *HERE)


def test_a_wrong_spec_is_told_before_prometheus_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(Path(CHAT).read_text().replace("99%", "ninety"))
    assert 'objective is "ninety": write' in refusal("backtest", "--spec", str(file), *HERE)


def test_the_token_is_shown_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    received = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def answer() -> None:
            client, _ = server.accept()
            with client:
                received.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        who = ("--prometheus", address, "--bearer-token-file", str(token))
        said = refusal("backtest", "--spec", CHAT, *who, *RANGE)
    assert "Prometheus answered with a redirect, which is not followed: set its own address." in said
    assert b"Authorization: Bearer secret\r\n" in received[0]


def test_times_are_read_as_people_and_programs_write_them() -> None:
    found = asked("http://127.0.0.1:9090", "2026-11-20T15:00:00+01:00", "1795314000", None, None)
    assert found is not None
    assert (found.start, found.end) == (1795183200.0, 1795314000.0)
    local = asked("http://127.0.0.1:9090", "2026-11-20T14:00:00", "1795314000", None, None)
    assert local is not None
    assert local.start == found.start, "a time without a zone is UTC"
    with pytest.raises(Unreadable, match="--from is -1"):
        asked("http://127.0.0.1:9090", "-1", "1795314000", None, None)
