"""Tells a running act in the terminal: a line every few seconds, and what Serinus says when it says another thing."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from examples.demo import kube, measures
from examples.demo.kube import Manifest

_EVERY = 5.0
_SENTENCE_EVERY = 15.0
_WIDTH = 116


class ActFailed(RuntimeError):
    """An act did not end as told; the message says what was seen instead."""


@dataclass(slots=True)
class Record:
    """What was seen in the whole run, beside what Prometheus keeps."""

    began: float
    decisions: dict[int, Manifest] = field(default_factory=dict)
    """The rollout's decisions by number; its status holds only the last ones."""
    versions: dict[str, str] = field(default_factory=dict)
    """Version by revision."""
    pods: dict[str, dict[str, kube.Pod]] = field(default_factory=dict)
    """Every pod that was ever seen, by revision and uid; as last seen."""


def say(text: str = "", indent: str = "  ") -> None:
    """Print a paragraph."""
    print(textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent), flush=True)


def say_command(text: str) -> None:
    print(f"  $ {text}", flush=True)


def heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


class Watch:
    """Looks at the rollout every two seconds, remembers what it sees, and tells of it."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._began = time.time()
        self._told_line = self._told_sentence = 0.0
        self._sentence = ""
        self._phase: tuple[object, ...] = ()

    def until(self, reached: Callable[[Manifest], bool], seconds: float, what: str) -> Manifest:
        """Watch until the status is as wanted; raises `ActFailed` when it is not in time."""
        while True:
            seen = self.look()
            if reached(seen):
                return seen
            if time.time() > self._began + seconds:
                raise ActFailed(
                    f"{what} was not seen within {seconds:.0f} s; Serinus is in phase {seen.get('phase')} and says: "
                    f"{seen.get('message')}"
                )
            time.sleep(2)

    def look(self) -> Manifest:
        """Look once, and tell what is worth telling."""
        seen = kube.status()
        for decision in seen.get("decisions", ()):
            self._record.decisions[decision["number"]] = decision
        for pod in kube.pods():
            self._record.versions[pod.revision] = pod.version
            self._record.pods.setdefault(pod.revision, {})[pod.uid] = pod
        self._tell(seen)
        return seen

    def _tell(self, seen: Manifest) -> None:
        at, phase = time.time(), (seen.get("phase"), seen.get("step"), condition_reason(seen))
        sentence = seen.get("message", "")
        due = phase != self._phase or at - self._told_sentence >= _SENTENCE_EVERY
        if sentence and sentence != self._sentence and due:
            self._sentence, self._phase, self._told_sentence = sentence, phase, at
            say(f"Serinus, {seen['phase']}: {sentence}", "    ")
            if seen.get("nextAction"):
                say(f"next: {seen['nextAction']}", "      ")
        if at - self._told_line >= _EVERY and seen.get("candidate") and seen.get("verdict"):
            self._told_line = at
            print(f"  {self._clock()}  {self._numbers(seen)}", flush=True)

    def _clock(self) -> str:
        passed = int(time.time() - self._began)
        return f"{passed // 60}:{passed % 60:02}"

    def _numbers(self, seen: Manifest) -> str:
        """Weight, measured share, errors and latency of both arms, and the evidence that the status was last told."""
        values = measures.now()
        arms = [(role, seen[role]["revision"]) for role in ("candidate", "stable")]
        requests = values[measures.REQUESTS]
        both = sum(requests.get(revision, 0.0) for _, revision in arms)
        share = 100 * requests.get(arms[0][1], 0.0) / both if both else 0.0
        words = [f"weight {seen['weights']['wanted']:>3} %, measured {share:4.1f} %"]
        for name, unit, factor in ((measures.ERRORS, " %", 100.0), (measures.P95, " ms", 1.0)):
            told = []
            for _, revision in arms:
                value = values[name].get(revision)
                version = self._record.versions.get(revision, revision)
                told.append(f"{version} {'-' if value is None else f'{factor * value:.1f}{unit}'}")
            words.append(f"{'errors' if name == measures.ERRORS else name} {', '.join(told)}")
        slis = seen.get("slis", ())
        if slis:
            passed = sum(one["verdict"] == "Pass" for one in slis)
            words.append(f"in status: harm {harm(seen):.3g}, {passed} of {len(slis)} pass")
        return " | ".join(words)


def harm(seen: Manifest) -> float:
    """Evidence that the candidate does harm, as the status was last written: the average of the SLIs' e-values."""
    told = [float(one.get("eHarm") or 0) for one in seen.get("slis", ())]
    return sum(told) / len(told) if told else 0.0


def condition_reason(seen: Manifest) -> str:
    """The reason of the condition Ready."""
    return str(kube.condition(seen, "Ready").get("reason", ""))
