"""Which driver runs a cluster, and what kind is told; with a `docker` that only says whether an engine answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml

from tests.cluster import addons, cache, driver, kind, lifecycle, parts
from tests.cluster.errors import ClusterError

MANIFESTS = Path(addons.__file__).parent / "manifests"

Say = Callable[[str, str], None]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Puts a program first in PATH that runs these words of a shell."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def write(name: str, words: str) -> None:
        (programs / name).write_text(f"#!/bin/sh\n{words}\n")
        (programs / name).chmod(0o755)

    return write


@pytest.fixture
def no_states(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cluster is there, of either driver."""
    monkeypatch.setenv("SERINUS_STATE", str(tmp_path / "state"))


def test_kind_is_the_default_where_a_docker_engine_answers(no_states: None, say: Say) -> None:
    say("docker", "echo 28.2.2")
    assert driver.choose("x", lifecycle.WHOLE, "") is driver.KIND


@pytest.mark.parametrize("words", ["echo cannot connect >&2; exit 1", "echo"])
def test_native_is_the_default_where_no_docker_engine_answers(no_states: None, say: Say, words: str) -> None:
    say("docker", words)
    assert driver.choose("x", lifecycle.WHOLE, "") is driver.NATIVE


def test_native_is_the_default_where_there_is_no_docker(no_states: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert driver.choose("x", lifecycle.WHOLE, "") is driver.NATIVE


def test_what_is_asked_for_is_more_than_what_is_there(no_states: None, say: Say) -> None:
    say("docker", "echo 28.2.2")
    assert driver.choose("x", lifecycle.WHOLE, "native") is driver.NATIVE
    say("docker", "exit 1")
    assert driver.choose("x", lifecycle.WHOLE, "kind") is driver.KIND


def test_the_control_plane_shape_is_always_native(no_states: None, say: Say) -> None:
    say("docker", "echo 28.2.2")
    for asked in ("", "kind"):
        assert driver.choose("x", lifecycle.CONTROL_PLANE, asked) is driver.NATIVE


@pytest.mark.parametrize("shape", lifecycle.SHAPES)
def test_an_unknown_driver_is_refused_with_what_to_write(no_states: None, shape: str) -> None:
    with pytest.raises(ClusterError, match=r"no driver is called 'minikube'; write DRIVER=native .* or DRIVER=kind"):
        driver.choose("x", shape, "minikube")


def test_a_cluster_that_is_there_keeps_its_driver(no_states: None, say: Say) -> None:
    say("docker", "exit 1")
    kind.Cluster("x").state.mkdir(parents=True)
    assert driver.find("x") is driver.KIND
    assert driver.find("y") is None
    assert driver.choose("x", lifecycle.WHOLE, "") is driver.KIND
    for shape, asked in ((lifecycle.WHOLE, "native"), (lifecycle.CONTROL_PLANE, "")):
        with pytest.raises(ClusterError, match="is there already, by driver kind; take it down first"):
            driver.choose("x", shape, asked)


def test_without_an_engine_kind_says_what_to_do(no_states: None, say: Say) -> None:
    say("docker", "exit 1")
    with pytest.raises(ClusterError, match=r"needs a Docker engine, .* or write DRIVER=native"):
        kind.up(kind.Cluster("x"), lifecycle.WHOLE)


def test_the_command_line_takes_the_driver_from_the_environment(no_states: None) -> None:
    up = [sys.executable, "-m", "tests.cluster", "up", "--name", "x"]
    told = subprocess.run(up, env={**os.environ, "DRIVER": "kid"}, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.count("no driver is called 'kid'")) == (1, 1)


def test_the_node_of_kind_has_our_minor_version_of_kubernetes() -> None:
    minor = parts.KUBERNETES.rpartition(".")[0]
    assert kind.NODE_IMAGE.startswith(f"kindest/node:v{minor}.")
    assert "@sha256:" in kind.NODE_IMAGE


def test_kind_opens_the_ports_on_which_envoy_and_prometheus_answer_at_the_node() -> None:
    (node,) = kind.config(kind.Cluster("x"))["nodes"]
    mappings = node["extraPortMappings"]
    assert {mapping["listenAddress"] for mapping in mappings} == {"127.0.0.1"}
    assert [mapping["containerPort"] for mapping in mappings] == [_target_of("envoy"), _node_port()]


def test_a_mirror_of_the_node_image_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_KIND_IMAGE", "registry.example.com/node:1")
    (node,) = kind.config(kind.Cluster("x"))["nodes"]
    assert node["image"] == "registry.example.com/node:1"


@pytest.mark.parametrize(("said", "used"), [("0.29.9", False), ("0.30.0", True), ("1.0.0-alpha", True), ("", False)])
def test_the_kind_of_the_machine_is_used_unless_it_is_older_than_the_node_image(
    own_cache: Path, say: Say, said: str, used: bool
) -> None:
    say("kind", f"echo {said}")
    part = parts.PARTS["kind"]
    ours = cache.ensure(part.key, lambda folder: (folder / "kind").touch()) / "kind"
    assert (kind.program("kind") == ours) is not used


@pytest.mark.parametrize("file", sorted(MANIFESTS.glob("*.yaml")), ids=lambda file: file.name)
def test_every_manifest_can_be_read_once_its_addresses_are_filled_in(file: Path) -> None:
    names = ("DNS_IP", "NODE_IP", "PROMETHEUS_IP", "IMAGE", "GATEWAY_IP")
    text = Template(file.read_text()).safe_substitute(dict.fromkeys(names, "1.2.3.4"))
    assert "${" not in text
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(text))


def _documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def _target_of(service: str) -> object:
    for document in _documents("gateway.yaml"):
        if document["kind"] == "Service" and document["metadata"]["name"] == service:
            return document["spec"]["ports"][0]["targetPort"]
    raise AssertionError(f"no Service {service}")


def _node_port() -> object:
    (service,) = [document for document in _documents("kind.yaml") if document["kind"] == "Service"]
    return service["spec"]["ports"][0]["nodePort"]
