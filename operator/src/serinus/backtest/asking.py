"""What the operator would ask at this moment, from what a session knows."""

from math import inf

from serinus.backtest import answers
from serinus.backtest.memory import Memory
from serinus.backtest.raw import Sample
from serinus.core import trial, windows
from serinus.core.model import Spec
from serinus.core.needs import Question, Started


def question(spec: Spec, known: Memory, sample: Sample | None = None) -> Question:
    """The question after `sample`, where there is one; the pods that run are those that the operator saw, or else those
    that were scraped lately."""
    seen = {pod: (one.role, one.last) for pod, one in (known.trial.seen if known.trial else {}).items()}
    if sample is not None:
        last = max(sample.at, seen[sample.pod][1] if sample.pod in seen else -inf)
        seen[sample.pod] = (sample.role, last)
    newest = max((last for _, last in seen.values()), default=-inf)
    stale = windows.longest_window(spec.interval)
    return Question(
        key=("", 1, "", spec.evidence_rules),
        namespace=spec.namespace,
        name=spec.name,
        connection="",
        stable="stable",
        candidate="candidate",
        slis=spec.slis,
        measurements=spec.measurements,
        standards=spec.standards,
        interval=spec.interval,
        attempt=answers.ATTEMPT,
        step=known.weight.step,
        weight=known.weight.weight,
        shifts=known.shifts,
        pods=tuple(
            Started(pod=pod, role=role, ready_since=known.ready[pod])
            for pod, (role, last) in seen.items()
            if last >= newest - stale and trial.GATEWAY not in pod
        )
        if known.running is None
        else known.running,
        settle=spec.warm_up_seconds + spec.drain,
        drain=spec.drain,
        warm_up_requests=spec.warm_up_requests,
        drift_since=known.drift_since,
    )
