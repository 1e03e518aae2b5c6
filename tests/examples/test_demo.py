"""The demo's files tell one story, and its picture can be drawn; the story itself is played by `make demo`."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.demo.picture import draw, objectives

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "demo"


def source(version: str) -> dict[str, Any]:
    """The Deployment of one act."""
    manifest: dict[str, Any] = yaml.safe_load((DEMO / f"{version}.yaml").read_text())
    return manifest


def without_what_changes(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    del container["env"], container["resources"]["limits"]["nvidia.com/gpu"]
    return manifest


@pytest.mark.parametrize("version", ["v2", "v3", "v4", "v5"])
def test_a_version_differs_from_the_first_only_in_its_model_and_its_gpus(version: str) -> None:
    assert source(version) != source("v1")
    assert without_what_changes(source(version)) == without_what_changes(source("v1"))


def test_the_route_lists_both_services_of_the_rollout_at_its_port() -> None:
    route = yaml.safe_load((DEMO / "route.yaml").read_text())
    rollout = yaml.safe_load((DEMO / "rollout.yaml").read_text())
    name, port = rollout["metadata"]["name"], rollout["spec"]["traffic"]["port"]
    assert route["metadata"]["name"] == rollout["spec"]["traffic"]["httpRoute"]
    assert route["spec"]["rules"][0]["backendRefs"] == [
        {"name": f"{name}-stable", "port": port, "weight": 100},
        {"name": f"{name}-candidate", "port": port, "weight": 0},
    ]


def test_the_readme_shows_the_shortest_example() -> None:
    shown = (ROOT / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert len(shown.splitlines()) <= 20
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "examples" / "chat.yaml").read_text())


def test_a_run_becomes_a_picture(tmp_path: Path) -> None:
    times = [1000.0 + 2 * k for k in range(40)]
    steady, late = [(at, 100.0) for at in times], [(at, 20.0) for at in times[10:]]
    run = {
        "began": 1000.0,
        "versions": {"aaa": "v2", "bbb": "v3"},
        "series": {
            "requests": {"aaa": steady, "bbb": late},
            "errors": {"aaa": [(at, 0.0) for at in times], "bbb": [(at, 0.04) for at in times[10:]]},
            "p95": {"aaa": steady, "bbb": late, "unknown": steady},
        },
        "decisions": [
            {"time": "1970-01-01T00:17:00Z", "cause": "step", "revision": "bbb", "weight": 20, "message": "Step 1."},
            {"time": "1970-01-01T00:17:40Z", "cause": "rollback", "revision": "bbb", "weight": 0, "message": "Worse."},
        ],
        "acts": [{"began": 1000.0, "seconds": 80.0, "sentence": "nothing moved"}],
    }
    draw(run, tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_has_the_objectives_of_the_rollout() -> None:
    rollout = yaml.safe_load((DEMO / "rollout.yaml").read_text())
    answers, latency = rollout["spec"]["slis"]
    budget, seconds = objectives()
    assert (answers["objective"], latency["p95"]) == (f"{100 - 100 * budget:g}%", f"{1000 * seconds:g}ms")
