"""`serinus backtest` on files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serinus.__main__ import app
from serinus.backtest import Session, run
from tests.backtest.counts import LATENCY, SPEC

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "backtest"
GOLDEN = Path(__file__).parent / "golden.ndjson"
FILES = {"spec": EXAMPLE / "rollout.yaml", "samples": EXAMPLE / "samples.ndjson", "history": EXAMPLE / "history.ndjson"}


def ask(*options: str, **files: Path) -> tuple[int, str, str]:
    told = CliRunner().invoke(app, ["backtest", *(f"--{name}={file}" for name, file in files.items()), *options])
    return told.exit_code, told.stdout, told.stderr


def answers(*options: str, **files: Path) -> list[dict[str, Any]]:
    code, out, err = ask(*options, **files)
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def approximately(value: Any) -> Any:
    """Numbers to 9 digits: the last ones are the machine's."""
    if isinstance(value, dict):
        return {key: approximately(one) for key, one in value.items()}
    if isinstance(value, list):
        return [approximately(one) for one in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_the_example_says_what_it_said() -> None:
    told = "".join(f"{json.dumps(approximately(one))}\n" for one in answers("--ci", "--stop", **FILES))
    assert told == GOLDEN.read_text(), f"read it, then write {GOLDEN.name} anew: python -m tests.backtest.test_command"


def test_the_page_shows_what_the_example_says() -> None:
    page = (ROOT / "docs" / "backtest.md").read_text()
    told = answers("--stop", **FILES)
    assert f"looks: {len(told)}" in page
    for one in (told[0], told[-1]):
        assert f'{{"t": {one["t"]}, "verdict": "{one["verdict"]}", "action": "{one["action"]}"' in page


def test_the_lines_that_the_page_shows_can_be_read() -> None:
    page = (ROOT / "docs" / "backtest.md").read_text()
    blocks = [block.split("```")[0] for block in page.split("```json\n")[1:]]
    rollout = {**SPEC, "slis": [{**SPEC["slis"][0], "name": "errors"}, {**LATENCY, "p99": "500ms"}]}
    assert Session(rollout).look(json.loads(blocks[1]))["verdict"] == "NoData"
    several = [json.loads(line) for line in blocks[2].splitlines()]
    assert list(run(SPEC, several)) == []


def test_the_files_of_the_example_are_what_its_script_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from examples.backtest import make

    monkeypatch.setattr(make, "HERE", tmp_path)
    make.main()
    for name in ("history", "samples", "raw"):
        assert (tmp_path / f"{name}.ndjson").read_text() == (EXAMPLE / f"{name}.ndjson").read_text()


def test_lines_go_on_after_a_verdict_unless_asked_to_stop() -> None:
    whole, stopped = answers(**FILES), answers("--stop", **FILES)
    assert len(whole) == 40
    assert whole[: len(stopped)] == stopped
    assert stopped[-1]["action"] == "rollback"
    assert {one["action"] for one in stopped[:-1]} == {"continue"}


def test_raw_samples_tell_of_the_same_candidate() -> None:
    told = answers(**{**FILES, "samples": EXAMPLE / "raw.ndjson"})
    assert told[-1]["action"] == "rollback"


def line(number: int, change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        every = text.splitlines(keepends=True)
        every[number - 1] = change(every[number - 1])
        return "".join(every)

    return changed


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("samples", lambda _: "", "{file} is empty: write one JSON object on each line."),
        ("history", lambda _: "", "{file} is empty: write one JSON object on each line."),
        ("samples", line(3, lambda _: "{t: 1}\n"), "{file}: line 3: this is no JSON: Expecting property name"),
        ("samples", line(3, lambda _: "\n"), "{file}: line 3: this is no JSON: it is empty."),
        ("samples", line(4, lambda it: it.replace('"bad":', '"bad":NaN,"b":', 1)), "{file}: line 4: NaN is no number"),
        ("samples", line(4, lambda it: it.replace('"bad":', '"bad":-', 1)), "{file}: line 4: pods[0].slis.answers.bad"),
        (
            "samples",
            line(2, lambda it: it.replace("3630.0", "3600.0")),
            "{file}: line 2: t is 3600, and the line before",
        ),
        ("history", line(5, lambda it: it.replace("stable", "old")), "{file}: line 5: pods[0].role is 'old'"),
        ("spec", lambda it: it.replace("98%", "ninety"), '{file}: spec.slis[0].objective is "ninety": write'),
        ("spec", lambda it: it.replace("kind: ModelRollout", "kind: Pod"), "{file} holds no ModelRollout: write one"),
        ("spec", lambda it: f"{it}---\n{it}", "{file} holds 2 ModelRollouts: write one whole manifest"),
        ("spec", lambda it: it.replace("98%", "2026-11-21"), '{file}: spec.slis[0].objective is "2026-11-21": write'),
        ("spec", lambda it: it.split("spec:")[0], "{file}: spec is null: write a mapping of fields, such as"),
        ("spec", lambda it: it.replace("98%", ".nan"), "{file}: spec.slis[0].objective is NaN: write"),
        ("spec", lambda _: "a: [", "{file}: line 1: this is no YAML: "),
    ],
)
def test_wrong_files_end_with_a_sentence_and_code_2(
    tmp_path: Path, name: str, change: Callable[[str], str], sentence: str
) -> None:
    file = tmp_path / FILES[name].name
    file.write_text(change(FILES[name].read_text()))
    code, _, err = ask(**{**FILES, name: file})
    assert code == 2
    assert err.startswith(sentence.format(file=file))
    assert len(err.splitlines()) == 1


def test_a_file_that_is_not_there() -> None:
    code, out, err = ask(**{**FILES, "samples": ROOT / "none"})
    assert (code, out, err) == (2, "", f"{ROOT / 'none'} cannot be read: No such file or directory.\n")
    assert ask(**{**FILES, "spec": ROOT / "none"})[0] == 2


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"\xff\xfe")
    assert ask(**{**FILES, "samples": file})[::2] == (2, f"{file} is no text in UTF-8: invalid start byte.\n")
    assert ask(**{**FILES, "spec": file})[0] == 2


def test_raw_samples_without_a_weight_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "raw.ndjson"
    file.write_text("".join((EXAMPLE / "raw.ndjson").read_text().splitlines(keepends=True)[1:]))
    code, _, err = ask(**{**FILES, "samples": file})
    assert (code, err) == (
        2,
        f'{file}: No line says the weight: write {{"t": 0, "weight": 10}} before the samples that were taken under '
        "it.\n",
    )


def test_the_command_is_installed() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "serinus", "backtest", "--help"], capture_output=True, text=True, check=True
    )
    assert "--samples" in told.stdout


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{json.dumps(approximately(one))}\n" for one in answers("--ci", "--stop", **FILES)))
