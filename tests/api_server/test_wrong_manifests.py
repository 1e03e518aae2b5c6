"""A real API server, with nothing but the CRD, refuses wrong manifests with a sentence, and takes the examples."""

import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest
import yaml

from serinus.api.compile import Problems, compile_spec
from tests.wrong_manifests.load import Wrong, load

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.api_server


class ApiServer(Protocol):
    """What these tests need of the fixture `with_crds`."""

    def kubectl(self, *args: str, input: str | None = None) -> CompletedProcess[str]:
        """Runs kubectl with an administrator's rights."""


@pytest.mark.parametrize("wrong", load("schema"), ids=lambda wrong: wrong.name)
def test_the_api_server_refuses_a_wrong_manifest_with_its_sentence(with_crds: ApiServer, wrong: Wrong) -> None:
    answer = with_crds.kubectl("apply", "--dry-run=server", "-f", "-", input=wrong.text)
    assert answer.returncode != 0, answer.stdout
    assert re.search(wrong.expect, answer.stderr), answer.stderr


@pytest.mark.parametrize("wrong", load("condition"), ids=lambda wrong: wrong.name)
def test_the_api_server_takes_what_only_the_operator_can_see(with_crds: ApiServer, wrong: Wrong) -> None:
    answer = with_crds.kubectl("apply", "--dry-run=server", "-f", "-", input=wrong.text)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_api_server_takes_every_example_and_adds_nothing_to_its_spec(with_crds: ApiServer, path: Path) -> None:
    rollouts = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == "ModelRollout"]
    assert rollouts
    for rollout in rollouts:
        rollout["metadata"]["namespace"] = "default"
        answer = with_crds.kubectl("apply", "--dry-run=server", "-o", "yaml", "-f", "-", input=yaml.safe_dump(rollout))
        assert answer.returncode == 0, answer.stderr
        assert yaml.safe_load(answer.stdout)["spec"] == rollout["spec"]


def test_kubectl_explains_a_field_with_its_example_and_its_default(with_crds: ApiServer) -> None:
    explained = with_crds.kubectl("explain", "mro.spec.steps.hold").stdout
    assert "Least time at this weight" in explained
    assert "Example: `15m`." in explained
    assert "Default: `10m`." in explained


def test_the_largest_manifest_stays_within_the_cost_that_an_api_server_allows(with_crds: ApiServer) -> None:
    matchers = [{"label": f"label_{index}", "matches": "(a|b)" * 51} for index in range(16)]
    series = {"metric": "m" * 200, "matchers": matchers}
    slis = [
        {"name": f"sli-{index}", "ratio": {"total": series, "bad": series}, "objective": "99.999999%"}
        for index in range(32)
    ]
    manifest = yaml.safe_load((ROOT / "examples" / "chat.yaml").read_text())
    manifest["metadata"] = {"name": "n" * 40, "namespace": "default"}
    manifest["spec"]["steps"] = [{"weight": index + 1, "hold": "1h59m59s999ms"} for index in range(32)]
    manifest["spec"]["slis"] = slis
    answer = with_crds.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", input=yaml.safe_dump(manifest))
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *[("hold", one) for one in ("1h30m", "1.5s", "0s", "1us", "+5m", "10M", "1h 5m", "٣m", "168h1s", "h")],
        *[("interval", one) for one in ("1s", "15s", "1m30s", "10m", "1500ms", "2000ms", "999ms", "601s")],
        *[("objective", one) for one in ("99.999999%", "0.0%", "99.9999999%", "100.0%", "099%", ".5%", "5%%")],
        *[("name", one) for one in ("a", "a/b", "a/b/c", "A", "a_b", "-a", "a-", "a" * 64)],
        *[("matches", one) for one in ("", "a{2,1}", "[[:alpha:]]", r"\pL", "a**", "(?i)post", r"\Q.\E", "x{1001}")],
    ],
)
def test_the_api_server_and_the_operator_refuse_the_same_texts(with_crds: ApiServer, place: str, value: str) -> None:
    manifest = yaml.safe_load((ROOT / "examples" / "chat.yaml").read_text())
    manifest["metadata"]["namespace"] = "default"
    counter = {"metric": "a_total", "matchers": [{"label": "code", "matches": value if place == "matches" else "5.."}]}
    own = {"name": "own", "ratio": {"total": {"metric": "a_total"}, "bad": counter}, "objective": "99%"}
    manifest["spec"]["slis"] = [own | ({place: value} if place in ("name", "objective") else {})]
    if place == "hold":
        manifest["spec"]["steps"] = [{"weight": 5, "hold": value}]
        manifest["spec"]["analysis"] = {"maxHold": "720h"}
    if place == "interval":
        manifest["spec"]["analysis"] = {"interval": value}
    answer = with_crds.kubectl("apply", "--dry-run=server", "-f", "-", input=yaml.safe_dump(manifest))
    assert (answer.returncode != 0) == isinstance(compile_spec(manifest), Problems), answer.stderr
