"""Lock files and the image: what is installed is pinned, hashed, and says nothing about where it came from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
WANTED = {
    "requirements.lock": RUNTIME,
    "requirements-build.lock": PROJECT["build-system"]["requires"],
    "requirements-dev.lock": [*RUNTIME, *PROJECT["dependency-groups"]["dev"]],
}


def _pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_pins_whatever_its_source_asks_for(lock: str) -> None:
    pins = _pins(lock)
    for wanted in map(Requirement, WANTED[lock]):
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), f"{wanted}: run `make lock`"


@pytest.mark.parametrize("lock", WANTED)
def test_every_pin_has_a_hash_and_nothing_but_pins_is_in_a_lock(lock: str) -> None:
    text = (ROOT / lock).read_text()
    pins = re.split(r"\n(?=[\w])", text.strip())
    for pin in pins:
        assert re.match(r"^[\w.-]+==[^\s;]+( ; [^\\\n]+)? \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n?)+$", pin), pin[
            :200
        ]


def test_the_image_gets_nothing_that_only_development_needs() -> None:
    runtime = {canonicalize_name(Requirement(one).name) for one in RUNTIME}
    dev = {canonicalize_name(Requirement(one).name) for one in PROJECT["dependency-groups"]["dev"]}
    assert not set(_pins("requirements.lock")) & (dev - runtime)


def test_development_runs_on_the_versions_that_the_image_has() -> None:
    image, dev = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert {name: dev[name] for name in image.keys() & dev.keys()} == {
        name: image[name] for name in image.keys() & dev.keys()
    }


def test_whatever_the_image_copies_is_let_into_the_build() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
