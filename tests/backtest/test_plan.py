"""`serinus plan`: a spec and a rate in, what can be told out."""

import builtins
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serinus.__main__ import app
from serinus.backtest import InputError
from serinus.backtest.plan import Planned, plan
from serinus.cli.plan import said
from serinus.cli.plan_plot import draw
from tests.backtest.counts import SPEC

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "backtest"
STEPS = [{"weight": weight, "hold": "2m"} for weight in (5, 25, 50)]


def ask(*options: str, spec: Path = EXAMPLE / "rollout.yaml", rps: str = "80") -> tuple[int, str, str]:
    told = CliRunner().invoke(app, ["plan", f"--spec={spec}", f"--rps={rps}", *options])
    return told.exit_code, told.stdout, told.stderr


def ask_of(told: Planned) -> str:
    return "\n".join(said(told))


def spec(**changes: Any) -> dict[str, Any]:
    return {**SPEC, "workload": {"deployment": "chat", "replicas": 4}, "steps": STEPS, **changes}


def test_each_step_tells_what_it_finds_shows_needs_and_what_pods_explain() -> None:
    told = plan(spec(), rps=50.0)
    assert [(row.step, row.weight, row.hold) for row in told.rows] == [(1, 5, 120), (2, 25, 120), (3, 50, 120)]
    assert [row.asked for row in told.rows] == [2.0, 1.5, 1.5]
    assert [row.found or 1e9 for row in told.rows] == sorted((row.found or 1e9 for row in told.rows), reverse=True)
    assert [row.needs for row in told.rows] == [one.evidence for one in told.steps]
    assert all(row.ceiling >= 3 for row in told.rows), "without history pods are taken to differ"
    assert told.obstacles == ()


def test_more_pods_explain_less() -> None:
    few, many = (plan(spec(), rps=50.0, pods_candidate=pods, pods_stable=20).rows[0].ceiling for pods in (1, 10))
    assert many < few


def test_a_step_that_cannot_conclude_is_said_first_with_the_choices() -> None:
    told = plan(spec(analysis={"maxHold": "20m"}), rps=1.0)
    assert told.obstacles[0].startswith("Step 1 (5 %) cannot conclude within maxHold (20 min)")
    assert "write a longer analysis.maxHold" in told.obstacles[0]


def test_it_says_what_a_candidate_twice_as_bad_costs_and_why_one_is_never_found() -> None:
    steps = [{"weight": 25, "hold": "2m"}]
    lenient = ask_of(plan(spec(steps=steps), rps=500.0))
    assert "is not found: it has 0.40% beside 0.20%, and up to" in lenient
    history = [json.loads(line) for line in (EXAMPLE / "history.ndjson").read_text().splitlines()]
    strict = spec(
        steps=steps, slis=[{**SPEC["slis"][0], "objective": "99.9%"}], workload={"deployment": "a", "replicas": 8}
    )
    told = plan(strict, rps=200.0, history=history)
    (caught,) = told.caught.values()
    assert caught is not None
    assert caught.bad == pytest.approx(200 * 0.25 * 2 * told.allowed["answers"][0] * caught.seconds, rel=0.1)
    assert "of its requests are bad until then" in ask_of(told)


def test_without_pods_nothing_is_told() -> None:
    with pytest.raises(InputError, match=r"write it there, or give --pods-stable"):
        plan(spec(workload={"deployment": "chat"}), rps=1.0)


def test_where_pods_share_the_requests_the_weight_is_what_pods_give() -> None:
    told = plan(spec(traffic={"replicas": True}, steps=[{"weight": 25, "hold": "10m"}]), rps=50.0)
    assert [row.weight for row in told.rows] == [20]


def test_the_page_shows_what_the_example_says() -> None:
    code, out, err = ask(f"--history={EXAMPLE / 'history.ndjson'}")
    assert (code, err) == (0, "")
    assert out.strip() in (ROOT / "docs" / "plan.md").read_text()


def test_the_page_shows_what_little_traffic_can_tell() -> None:
    code, out, err = ask(spec=ROOT / "examples" / "chat.yaml", rps="5")
    assert (code, err) == (0, "")
    assert out.strip() in (ROOT / "docs" / "plan.md").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--rps=0"], "--rps is 0: write how many requests a second there are"),
        (["--rps=nan"], "--rps is nan"),
        (["--pods-candidate=0"], "--pods-candidate is 0: write a number of pods"),
        (["--pods-stable=-1"], "--pods-stable is -1"),
        (["--plot=plan.gif"], "write a file that ends in .png or .svg"),
        (["--spec=/nowhere.yaml"], "/nowhere.yaml cannot be read"),
        (["--history=/nowhere.ndjson"], "/nowhere.ndjson cannot be read"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(options: list[str], sentence: str) -> None:
    code, _, err = ask(*options)
    assert code == 2
    assert sentence in err
    assert err.count("\n") == 1


def test_a_wrong_line_of_the_history_is_named(tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    shutil.copy(EXAMPLE / "history.ndjson", file)
    with file.open("a") as opened:
        opened.write('{"t": 1}\n')
    code, _, err = ask(f"--history={file}")
    assert code == 2
    assert f"{file}: line 61:" in err


def test_it_is_drawn_where_that_is_asked_and_can_be(tmp_path: Path) -> None:
    told = plan(spec(steps=[{"weight": 25, "hold": "1m"}]), rps=50.0, curves=True)
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        draw(told, tmp_path / f"plan.{kind}")
        assert (tmp_path / f"plan.{kind}").read_bytes().startswith(begins)
    code, _, err = ask("--plot=/nowhere/plan.svg")
    assert (code, err) == (2, "/nowhere/plan.svg cannot be written: No such file or directory.\n")


def test_without_matplotlib_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "serinus.cli.plan_plot", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    code, out, err = ask(f"--plot={tmp_path / 'plan.png'}")
    assert code == 2
    assert "step" in out, "the table is there all the same"
    assert "pip install matplotlib" in err
