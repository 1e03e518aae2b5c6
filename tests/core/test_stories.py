"""Whole rollouts told as text: what happens in the world, and what Serinus decides. Golden files in stories/.

Commands, one a line; what follows each, up to the next blank line, is what Serinus decided and did.
Rewrite after a wanted change of behaviour:  REWRITE=1 pytest tests/core/test_stories.py, then read the diff.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from serinus.api.error_budget import window_seconds
from serinus.core.budget import Count, ErrorBudget, assess
from serinus.core.evidence import Verdict
from serinus.core.model import Step
from serinus.core.plan import EnsureRevision, Plan, Release, SelectRevision, SetSplit
from tests.core.world import START, World, spec

STORIES = sorted((Path(__file__).parent / "stories").glob("*.txt"))


BUDGET = ErrorBudget(sli="errors", objective=0.99, window=window_seconds("30d"))


def counted(told: str) -> tuple[float, Count]:
    """A window with its counts, from WINDOW=BAD/TOTAL."""
    window, _, counts = told.partition("=")
    bad, _, total = counts.partition("/")
    seconds = 60.0 * int(window[:-1]) if window.endswith("m") else window_seconds(window)
    return seconds, Count(total=float(total), bad=float(bad))


def told(world: World, plan: Plan) -> str:
    done = []
    for action in plan.actions:
        match action:
            case SetSplit(record=record):
                done.append(f"weight {record.weight} ({record.cause}, entry {record.seq})")
            case SelectRevision(service=service, revision=revision):
                done.append(f"{service} Service -> {revision}")
            case EnsureRevision(revision=revision, replicas=replicas):
                done.append(f"{revision} x {replicas}")
            case Release(keep=keep):
                done.append(f"let go, keep {', '.join(keep) or 'nothing'}")
            case _:
                done.append(type(action).__name__)
    acts = f" [{'; '.join(done)}]" if done else ""
    return f"{world.now - START:6.0f}s {plan.progress.phase}/{plan.reason}: {plan.sentence}{acts}"


def follow(world: World, seconds: float) -> list[str]:
    """One line for each plan that acts or says something new."""
    lines: list[str] = []
    last = ("", "")
    for plan in world.run(seconds):
        words = (plan.reason, plan.sentence)
        if plan.actions or words != last:
            lines.append(told(world, plan))
        last = words
    return lines


def do(world: World, command: str) -> list[str]:
    verb, _, rest = command.partition(" ")
    match verb:
        case "source":
            world.wanted = rest
        case "evidence":
            word, _, sentence = rest.partition(" ")
            world.verdict, world.sentence = Verdict(word), sentence or world.sentence
        case "ask":
            world.ask(*rest.split())
        case "route":
            world.listed, world.accepted = rest != "unlisted", rest != "rejected"
        case "foreign":
            world.weights = (int(rest),)
        case "gpus":
            world.free_gpus = int(rest)
        case "crash":
            revision, times = rest.split()
            world.groups[revision].restarts = int(times)
        case "unready":
            revision, pods = rest.split()
            world.groups[revision].made[: int(pods)] = [world.now] * int(pods)
        case "silent":
            world.silent = float(rest)
        case "stuck":
            revision, _, words = rest.partition(" ")
            world.groups[revision].waiting = words
        case "steps":
            steps = tuple(Step(weight=int(one), hold=60) for one in rest.split())
            world.spec = spec(steps=steps, evidence_rules=rest)
        case "fresh":
            world.spec = replace(world.spec, standards=replace(world.spec.standards, fresh_baseline=True))
        case "gate":
            first, *others = world.spec.steps
            world.spec = spec(steps=(Step(weight=first.weight, hold=60, pause=True), *others))
        case "budget":
            world.spec = replace(world.spec, error_budget=BUDGET)
            world.budget = assess(BUDGET, dict(counted(one) for one in rest.split()))
        case "budget-problem":
            world.budget = assess(BUDGET, {}, problem=rest)
        case "delete":
            world.deleting_since = world.now
        case "forget":
            world.lose_status = rest == "on"
        case "run":
            return follow(world, float(rest))
        case _:
            raise AssertionError(f"unknown command {command!r}")
    return []


def tell(text: str) -> str:
    """The story with the decisions under each command."""
    world = World()
    result: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            result.append(line)
        elif line.startswith("> "):
            result.extend(["", line, *do(world, line[2:])])
    return "\n".join(result) + "\n"


@pytest.mark.parametrize("path", STORIES, ids=[path.stem for path in STORIES])
def test_the_story_goes_as_it_is_told(path: Path) -> None:
    text = path.read_text()
    now = tell(text)
    if os.environ.get("REWRITE"):
        path.write_text(now)
    assert now == path.read_text()


def test_there_are_stories() -> None:
    assert len(STORIES) >= 12
