"""The demo inside the cluster: install Serinus by its chart, play the five acts, draw the picture.

Exits with 0 only where every act ended as told. `python -m examples.demo` starts it in a cluster that it prepares.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from examples.demo import kube, measures
from examples.demo.acts import ACTS, Result
from examples.demo.picture import draw
from examples.demo.teller import ActFailed, Record, heading, say, say_command

ROOT = Path(__file__).parents[2]
_INTENT = "kubectl -n demo annotate mro digits --overwrite serinus.dev/intent"


def main() -> int:
    """Play it; 0 only where every act ended as told."""
    options = _options()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    parts: list[tuple[str, float]] = [
        (name, float(seconds)) for name, _, seconds in (part.rpartition("=") for part in options.took)
    ]
    began = time.time()
    try:
        _install(options.image_key)
        parts.append(("install Serinus by its chart", time.time() - began))
        results = _play(Record(began=time.time()), out)
    except (ActFailed, kube.CommandFailed) as error:
        print(f"\nThe demo did not go as told: {error}", file=sys.stderr)
        print(f"Look at it: make shell NAME={options.name}, then kubectl -n {kube.NAMESPACE} describe mro digits")
        return 1
    parts.extend((result.title, result.seconds) for result in results)
    _end(options.name, parts, results, out)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo.tell", description=__doc__)
    parser.add_argument("--name", default="dev", help="of the cluster, for the commands to try next")
    parser.add_argument("--out", default=str(ROOT / "build-output" / "demo"), help="folder for the picture")
    parser.add_argument("--image-key", default="", help="changes when the operator's image does")
    parser.add_argument("--took", action="append", default=[], metavar="PART=SECONDS", help="what was done before")
    return parser.parse_args()


def _install(image_key: str) -> None:
    heading("Serinus, by its chart")
    if kube.clear():
        say("An earlier demo was cleared away: its rollout first, so that traffic stayed in order, then the namespace.")
    words = (
        "helm", "upgrade", "--install", "serinus", "charts/serinus", "--namespace", "serinus-system",
        "--create-namespace", "--values", "examples/demo/values.yaml", "--wait",
    )  # fmt: skip
    say_command(" ".join(words))
    # The tag stays the same from build to build; this makes new pods where the image changed.
    kube.command(*words, "--set-string", f"podAnnotations.image={image_key or 'unknown'}", "--timeout=180s")


def _play(record: Record, out: Path) -> list[Result]:
    results = []
    for title, act in ACTS:
        heading(title)
        began = time.time()
        sentence = act(record)
        results.append(Result(title=title, began=began, seconds=time.time() - began, sentence=sentence))
    # A few seconds of rest, so that the picture ends with it.
    time.sleep(5)
    document = {
        "began": results[1].began - 15,
        "ended": time.time(),
        "series": measures.series(results[1].began - 15, time.time()),
        "decisions": [one for _, one in sorted(record.decisions.items())],
        "versions": record.versions,
        "acts": [asdict(result) for result in results],
    }
    (out / "run.json").write_text(json.dumps(document, indent=1))
    return results


def _end(name: str, parts: list[tuple[str, float]], results: list[Result], out: Path) -> None:
    draw(json.loads((out / "run.json").read_text()), out / "demo.png")
    heading("How long it took")
    for part, seconds in parts:
        print(f"  {part:<52} {int(seconds) // 60}:{int(seconds) % 60:02}")
    heading("How it ended")
    for number, result in enumerate(results, 1):
        say(f"{number}. {result.sentence}")
    heading("Look at it")
    say(f"The picture of this run, from the cluster's Prometheus and the status: {_short(out / 'demo.png')}")
    say("The cluster runs on, with its users. Try (each answer comes within seconds):")
    for words, what in (
        (f"make shell NAME={name}", "a shell inside the cluster; the next lines are for it, exit leaves it"),
        ("kubectl -n demo get mro -o wide -w", "the rollout in one line, live; Ctrl-C ends it"),
        ("kubectl -n demo get mro digits -o yaml", "its whole status"),
        ("kubectl explain mro.spec.slis", "what can be written"),
        ("kubectl -n demo apply -f examples/demo/v3.yaml", "v3 again: it was taken back, so nothing moves"),
        (f"{_INTENT}=retry@$(date +%s)", "try v3 once more all the same"),
        (f"{_INTENT}=abort@$(date +%s)", "end the trial that runs, at once"),
        ("kubectl -n demo scale deployment load --replicas=0", "send the users home"),
        (f"make down NAME={name}", "outside: take the cluster away, without a trace"),
    ):
        print(f"    {words:<86} # {what}")
    say("The word after the @ acts once: the same one again does nothing, and $(date +%s) is a new one each second.")


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
