"""The page of the judge's benchmark on a cluster."""

from collections.abc import Sequence

from benchmarks.judged import ALLOWED_RATIO, ALPHA, FLOOR, INTERVAL, Traffic, Trial, table
from benchmarks.noisy import ERROR_RATE, NOISE, STEPS

TITLE = """# The judge on a whole cluster

Measured by `make bench-judge`, which replaces this page: real pods, real requests through Envoy, a real Prometheus, the
operator by its chart and image. What the judge does on millions of simulated looks is in [benchmark.md](benchmark.md).

- Each model has a stable revision that stays, and one candidate after the other beside it, in a random order: at
  {first} % of the requests, and at {last} % once it has passed there. An equal candidate is the same model with another
  label. It is watched for a fixed time and judged until the end, whether it has passed all steps or not.
- {errors:.0%} of the requests fail on average. Pods differ for as long as they live, in errors by {POD_ERRORS} and in
  speed by {POD_SPEED} (standard deviation of the logarithm). Each fails {BURST} times as often for 4 s at a time, a
  tenth of the time. Each stands still for {PAUSE} s on average every {PAUSE_EVERY} s, probes and scrapes included. All
  pods of a model fail {INCIDENT} times as often for 15 s, a twentieth of the time. Requests come as a Poisson process,
  a fifth of the time at three times the rate of the rest.
- Two SLIs, errors and latency, with the default line ({ratio:g} times stable's errors and {floor:.1%} more),
  `falseRollbackRate: {alpha:.0%}` for both together, a look every {interval:.0f} s.
- The limit of false rollbacks is one-sided, Clopper and Pearson's. "No trial" got no requests, or was stopped for
  something else than evidence, and counts in neither direction.
- The bound is Wald's, for the requests that really came and as if they failed independently of each other, which they
  do not: against "no more errors than stable", and against the spec's own line, which is what the judge is asked.
  Times begin with the candidate's first weight. They include the seconds after a change of weight that are no evidence,
  and the look that is held back.
- "Noise assumed" are trials of which the operator did not say a time by measured noise, mostly because stable's past
  was too short for it: only more than three times stable's errors are taken back then. Equal candidates are tried so
  until the past is long enough.
"""


def page(trials: Sequence[Trial], traffic: Traffic, about: str) -> str:
    """Return all of it; `about` says on what it was measured."""
    title = TITLE.format(
        first=STEPS[0]["weight"], last=STEPS[-1]["weight"], errors=ERROR_RATE, ratio=ALLOWED_RATIO, floor=FLOOR,
        alpha=ALPHA, interval=INTERVAL, **NOISE,
    )  # fmt: skip
    answers = sum(n for by_version in traffic.seconds.values() for n, _ in by_version.values())
    return f"{title}\n{about} {answers:,} answers; {traffic.lost} requests had none.\n\n{table(trials, traffic)}\n"
