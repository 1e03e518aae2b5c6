"""Building parts side by side, with parts that take no time to build."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import cache, debian, parts, recipes
from tests.cluster.errors import ClusterError

TINY = parts.Part(
    name="tiny", version="1", made_of="", recipe=lambda folder: (folder / "tiny").touch(), shapes=parts.SHAPES
)


def fake(monkeypatch: pytest.MonkeyPatch, *known: parts.Part) -> list[str]:
    monkeypatch.setattr(parts, "PARTS", {part.name: part for part in known})
    return [part.name for part in known]


def test_programs_are_linked_by_every_name_they_have(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.build(fake(monkeypatch, replace(TINY, programs={"one": "tiny", "two": "tiny"})))
    for program in ("one", "two"):
        assert (parts.bin_folder() / program).resolve() == (parts.path("tiny") / "tiny").resolve()


def test_a_link_that_leads_elsewhere_is_mended(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = fake(monkeypatch, replace(TINY, programs={"one": "tiny"}))
    parts.build(names)
    link = parts.bin_folder() / "one"
    link.unlink()
    link.symlink_to("/nowhere")
    parts.build(names)
    assert link.resolve() == (parts.path("tiny") / "tiny").resolve()


@pytest.mark.parametrize(("name", "told"), [("kubernetes", 1), ("tiny", 0)])
def test_who_waits_for_kubernetes_is_told_once_how_long(
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    told: int,
) -> None:
    monkeypatch.setattr(debian, "missing", lambda whole: [])
    names = fake(monkeypatch, replace(TINY, name=name))
    parts.build(names)
    parts.build(names)
    assert capsys.readouterr().err.count("about 15 minutes") == told


def test_another_recipe_is_another_entry() -> None:
    assert TINY.key != replace(TINY, made_of="with another flag").key
    assert TINY.key != replace(TINY, source="addons").key


def test_a_part_that_fails_ends_the_others_and_tells_the_end_of_its_log(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        recipes.run(["sh", "-c", "echo no such module; exit 3"], recipes.log_of(folder))

    def wait(folder: Path) -> None:
        recipes.run(["sleep", "60"], recipes.log_of(folder))

    names = fake(monkeypatch, replace(TINY, name="slow", recipe=wait), replace(TINY, name="wrong", recipe=fail))
    began = time.monotonic()
    with pytest.raises(ClusterError, match="no such module"):
        parts.build(names)
    assert time.monotonic() - began < 10
    assert list((cache.root() / "parts").iterdir()) == []


def test_programs_of_one_module_are_built_one_after_another_and_beside_those_of_another(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    events: list[str] = []

    def meet(folder: Path) -> None:
        both.wait(timeout=10)  # so this part and the other that meets are under way together
        (folder / "tiny").touch()

    def noted(folder: Path) -> None:
        events.append("begins")
        time.sleep(0.1)
        events.append("ends")
        (folder / "tiny").touch()

    monkeypatch.setattr(debian, "missing", lambda whole: [])
    shared = replace(TINY, source="addons", recipe=noted)
    names = [replace(TINY, name="other", recipe=meet), replace(shared, name="first", recipe=meet)]
    parts.build(fake(monkeypatch, *names, replace(shared, name="second"), replace(shared, name="third")))
    assert events == ["begins", "ends"] * 2


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("coredns", "github.com/coredns/coredns"),
        ("helm", "helm.sh/helm/v3"),
    ],
)
def test_a_part_is_named_by_the_version_that_is_compiled(name: str, module: str) -> None:
    assert _compiled("addons")[module] == f"v{parts.PARTS[name].version}"


def test_prometheus_numbers_its_module_in_another_way() -> None:
    major, minor, patch = parts.PROMETHEUS.split(".")
    assert _compiled("addons")["github.com/prometheus/prometheus"] == f"v0.{major}{int(minor):02}.{patch}"


def test_every_module_of_the_release_of_kubernetes_is_of_that_release() -> None:
    assert _compiled("kubernetes")["k8s.io/kubernetes"] == f"v{parts.KUBERNETES}"
    staged = re.findall(r"=> k8s\.io/\S+ v(\S+)", _go_mod("kubernetes"))
    assert len(staged) > 25
    assert set(staged) == {parts.KUBERNETES.replace("1.", "0.", 1)}


def _go_mod(source: str) -> str:
    return (recipes.SOURCES / source / "go.mod").read_text()


def _compiled(source: str) -> dict[str, str]:
    return dict(re.findall(r"^(?:require |\t)(\S+) (v\S+)", _go_mod(source), re.MULTILINE))


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ClusterError, match="known: kubernetes, prometheus"):
        parts.path("kubernets")
