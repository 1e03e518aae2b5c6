"""What was decided over many real trials, in numbers: false rollbacks with their limit, times against the bound."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from math import log
from statistics import median

from benchmarks.bursty import Counted
from benchmarks.statistics import bounds
from benchmarks.statistics.summary import Rate

ALPHA = 0.05
ALLOWED_RATIO, FLOOR = 1.2, 0.001
"""The line of an SLI of errors without an objective, by default."""
ERRORS = "errors"
"""The name of that SLI."""
INTERVAL = 5.0
"""Seconds between two looks."""


class Outcome(StrEnum):
    """How a trial ended."""

    ROLLED_BACK = "rolled back"
    PASSED = "passed"
    """All steps, and was still on trial when its time was over."""
    UNDECIDED = "undecided"
    FAILED = "no trial"
    """It got no traffic, or was stopped for a reason that has nothing to do with evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One candidate with traffic; times are seconds since the epoch."""

    host: str
    version: str
    factor: float
    """The candidate's errors over stable's: 1 is an equal candidate."""
    history: bool
    """Whether stable's noise was measured, as the operator said."""
    outcome: Outcome
    weights: Sequence[tuple[float, int]] = ()
    """The candidate's weight and since when, the first above 0."""
    decided: float = 0.0
    """When it was taken back, or had passed all steps, or when the time was over."""
    message: str = ""
    slis: Sequence[Mapping[str, str]] = ()
    """Of the status, when it was decided."""

    @property
    def seconds(self) -> float:
        """From its first requests to the decision."""
        return self.decided - self.weights[0][0] if self.weights else 0.0

    def line(self) -> dict[str, object]:
        """Everything, for those who want to look."""
        return {**asdict(self), "outcome": str(self.outcome), "seconds": round(self.seconds, 1)}


@dataclass(slots=True)
class Traffic:
    """Answers of all versions, as the users counted them."""

    seconds: dict[tuple[str, int], dict[str, tuple[int, int]]] = field(default_factory=dict)
    """Answers and bad ones by version, by host and second."""
    lost: int = 0
    """Answers that came from no model."""

    @classmethod
    def of(cls, counted: Iterable[Counted]) -> "Traffic":
        made = cls()
        for one in counted:
            if not one.version:
                made.lost += one.n
                continue
            by_version = made.seconds.setdefault((one.host, one.second), {})
            n, bad = by_version.get(one.version, (0, 0))
            by_version[one.version] = (n + one.n, bad + one.bad)
        return made

    def asked(self, trial: Trial) -> bool:
        """Whether its candidate answered anything at all."""
        return any(trial.version in answers for _, _, answers in self.during(trial))

    def during(self, trial: Trial) -> Iterable[tuple[int, int, dict[str, tuple[int, int]]]]:
        """Second, weight and answers by version, from a trial's first requests to its decision."""
        if not trial.weights:
            return
        for second in range(int(trial.weights[0][0]), int(trial.decided) + 1):
            weight = next((w for at, w in reversed(trial.weights) if at <= second + 1), 0)
            yield second, weight, self.seconds.get((trial.host, second), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one trial took until it was decided."""

    seconds: float
    requests: int
    """Of both arms."""
    candidate: int
    """Of the candidate."""
    bound: float
    """Seconds that Wald's bound would have taken with the same traffic, against "no more errors than stable" ..."""
    bound_of_spec: float
    """... and against the line of the spec."""
    judged: float
    """What the judge had of errors when it decided, in units of the latter bound: requests after a change of weight are
    no evidence, and the last look is held back."""


def share_of_stable(trials: Iterable[Trial], traffic: Traffic) -> float:
    """Stable's share of bad answers while candidates were on trial."""
    n = bad = 0
    for trial in trials:
        for _, _, answers in traffic.during(trial):
            for version, (of_all, of_bad) in answers.items():
                if version != trial.version:
                    n, bad = n + of_all, bad + of_bad
    return bad / n if n else 0.0


def cost(trial: Trial, traffic: Traffic, share: float) -> Cost:
    """What a trial took, and what no method could undercut on average; `share`: stable's true share of bad answers.

    The bound in seconds is the time that it took, divided by the information of the requests that came in it in
    units of log(1/ALPHA).
    """
    requests = candidate = 0
    told = of_spec = 0.0
    for _, weight, answers in traffic.during(trial):
        here = sum(n for n, _ in answers.values())
        requests += here
        candidate += answers.get(trial.version, (0, 0))[0]
        if 0 < weight < 100:
            w, worse = weight / 100, min(0.99, trial.factor * share)
            told += here * bounds.information(worse, share, w)
            of_spec += here * bounds.information(worse, share, w, ALLOWED_RATIO, FLOOR)
    needed = log(1 / ALPHA)
    return Cost(
        seconds=trial.seconds,
        requests=requests,
        candidate=candidate,
        bound=trial.seconds * needed / told if told else 0.0,
        bound_of_spec=trial.seconds * needed / of_spec if of_spec else 0.0,
        judged=_judged(trial, share) / needed,
    )


def _judged(trial: Trial, share: float) -> float:
    """The information of the requests that the status says were judged by their errors, in nats."""
    errors = next((one["requests"] for one in trial.slis if one["name"] == ERRORS and one.get("requests")), "0/0")
    candidate, stable = (float(part) for part in errors.split("/"))
    n, worse = candidate + stable, min(0.99, trial.factor * share)
    return n * bounds.information(worse, share, candidate / n, ALLOWED_RATIO, FLOOR) if n else 0.0


def table(trials: Sequence[Trial], traffic: Traffic) -> str:
    """Both tables of the page."""
    trials = [one if traffic.asked(one) else replace(one, outcome=Outcome.FAILED) for one in trials]
    share = share_of_stable(trials, traffic)
    groups = [
        (f"{words}{more}", [one for one in trials if (one.factor, one.history) == (factor, history)])
        for words, factor in (("equal", 1.0), ("2 times the errors", 2.0), ("3 times the errors", 3.0))
        for more, history in (("", True), (", noise assumed", False))
    ]
    groups = [(words, mine) for words, mine in groups if mine]
    outcomes = [
        ["candidate", "rollouts", "rolled back", "upper 95 % limit", "passed all steps", "undecided", "no trial"],
        *(_outcomes(words, mine) for words, mine in groups),
    ]
    found = [
        [
            "candidate", "found", "seconds: median / p90", "bound", "bound of the spec's line",
            "in units of the latter and one look", "what was judged, in units of the latter",
            "requests: median / p90", "of the candidate",
        ],
        *(_found(words, mine, traffic, share) for words, mine in groups if mine[0].factor > 1),
    ]  # fmt: skip
    return "\n\n".join(_markdown(rows) for rows in (outcomes, found) if len(rows) > 1)


def _outcomes(words: str, trials: Sequence[Trial]) -> list[str]:
    number = {outcome: sum(one.outcome is outcome for one in trials) for outcome in Outcome}
    judged = len(trials) - number[Outcome.FAILED]
    rate = Rate(hits=number[Outcome.ROLLED_BACK], runs=max(1, judged))
    limit = f"{rate.upper:.3f}" if trials[0].factor == 1 and judged else ""
    return [
        words, str(len(trials)), str(rate.hits), limit, str(number[Outcome.PASSED]), str(number[Outcome.UNDECIDED]),
        str(number[Outcome.FAILED]),
    ]  # fmt: skip


def _found(words: str, trials: Sequence[Trial], traffic: Traffic, share: float) -> list[str]:
    costs = [cost(one, traffic, share) for one in trials if one.outcome is Outcome.ROLLED_BACK]
    tried = sum(one.outcome is not Outcome.FAILED for one in trials)
    if not costs:
        return [words, f"0 of {tried}", *[""] * 7]
    bound, of_spec = (median(values) for values in zip(*((one.bound, one.bound_of_spec) for one in costs), strict=True))
    seconds = median(one.seconds for one in costs)
    return [
        words,
        f"{len(costs)} of {tried}",
        f"{seconds:.0f} / {p90([one.seconds for one in costs]):.0f}",
        f"{bound:.0f} s",
        f"{of_spec:.0f} s",
        f"{seconds / (of_spec + INTERVAL):.2f}",
        f"{median(one.judged for one in costs):.2f}",
        f"{median(one.requests for one in costs):,.0f} / {p90([one.requests for one in costs]):,.0f}",
        f"{median(one.candidate for one in costs):,.0f} / {p90([one.candidate for one in costs]):,.0f}",
    ]


def p90(values: Sequence[float]) -> float:
    """The smallest value that nine tenths do not exceed.

    >>> p90([3, 1, 2]), p90(range(1, 11))
    (3, 9)
    """
    ordered = sorted(values)
    return ordered[max(0, -(-9 * len(ordered) // 10) - 1)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
