"""What is exported of each trial: all that its evidence depends on beside the samples, and what it said.

With these series in the Prometheus that has the samples, too, a trial can be replayed long after its pods are gone
(`replay.py` reads them back). Times are values and not labels, so that they are exact whenever they were scraped. They
are there while a candidate gets traffic and for some minutes more; a rollout at rest costs nothing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serinus.core.needs import Question
from serinus.core.observed import Measured

KEPT_SECONDS = 600.0
"""How long the last look of a trial is shown after it: the next scrape must see it."""
BEGAN = "serinus_trial_began_timestamp_seconds"
SHIFT = "serinus_trial_shift_timestamp_seconds"
LOOK = "serinus_trial_look_timestamp_seconds"
NEWEST = "serinus_trial_newest_sample_timestamp_seconds"
DRIFT = "serinus_trial_drift_timestamp_seconds"
HARM = "serinus_trial_harm_evidence"
POD = "serinus_trial_pod_ready_timestamp_seconds"
_TRIAL = ("rollout", "attempt")
FAMILIES = {
    BEGAN: ("When the attempt began.", (*_TRIAL, "stable", "candidate")),
    SHIFT: ("When the candidate's weight was last set to this one, at this step.", (*_TRIAL, "step", "weight")),
    LOOK: ("When the operator last looked, and what the evidence said.", (*_TRIAL, "step", "weight", "verdict")),
    NEWEST: ("Time of the newest sample that the last look had.", _TRIAL),
    DRIFT: ("Since when the route has other weights than the wanted ones.", _TRIAL),
    HARM: ("Evidence (e-value) that the candidate does worse than it may.", (*_TRIAL, "sli")),
    POD: ("Since when a pod of the trial is ready; 0: it is not.", (*_TRIAL, "role", "member")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    question: Question
    measured: Measured
    at: float


class Trials(Collector):
    """The last look at each trial. Values only, so that it may be collected in another thread than it is told in."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._told: dict[str, _Told] = {}

    def tell(self, question: Question, measured: Measured, at: float) -> None:
        """Take what was asked and answered at `at`, if the candidate had traffic by then."""
        if not question.shifts or not question.weight:
            return
        name = f"{question.namespace}/{question.name}"
        self._told.pop(name, None)
        self._told[name] = _Told(question=question, measured=measured, at=at)
        # The oldest are first: what is over for long is forgotten, whether anybody collects or not.
        while self._told[first := next(iter(self._told))].at < at - KEPT_SECONDS:
            del self._told[first]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All series, but for those of trials that are over for long."""
        families = {name: GaugeMetricFamily(name, words, labels=labels) for name, (words, labels) in FAMILIES.items()}
        for rollout, told in list(self._told.items()):
            if told.at < self._clock() - KEPT_SECONDS:
                continue
            for name, labels, value in _series(told.question, told.measured, told.at):
                families[name].add_metric((rollout, str(told.question.attempt), *labels), value)
        yield from families.values()


def _series(question: Question, measured: Measured, at: float) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """Family, labels beside the trial's own, and value."""
    now = question.shifts[-1]
    said = measured.at(question.attempt, now.step, now.at)
    yield BEGAN, (question.stable, question.candidate), question.began or question.since
    for (step, weight), since in {(one.step, one.weight): one.at for one in question.shifts}.items():
        yield SHIFT, (str(step), str(weight)), since
    yield LOOK, (str(now.step), str(now.weight), said.verdict.value), at
    if measured.newest is not None:
        yield NEWEST, (), measured.newest
    if question.drift_since is not None:
        yield DRIFT, (), question.drift_since
    for one in measured.findings:
        yield HARM, (one.sli,), one.e_harm
    for pod in question.pods:
        yield POD, (pod.role.value, pod.pod), pod.ready_since or 0.0
