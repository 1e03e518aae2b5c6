"""Numbers that the spec asks for and the metrics do not have: which, and what to write instead.

Nothing is concluded from what is missing. It is told apart from a candidate without requests, because another person
has to do something about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isclose

from serinus.core.evidence import Finding, Verdict
from serinus.core.needs import Question
from serinus.core.questions import Arms, HistogramSource, Measurement, RateSource, Series, Source
from serinus.core.samples import Buffers

NEAREST = 2
"""How many of the bucket edges on either side are named where the wanted one does not exist."""
PATIENCE = 4
"""Intervals of traffic after which a series that nobody has shown is missing."""
_OF_WHOM = {
    Arms.POD: "of any pod of this rollout, stable's included: compare the metric's name and matchers with what the "
    "pods show, and see that they are scraped with the labels namespace and pod.",
    Arms.WORKLOAD: "of this rollout's Deployments, stable's included: compare the matchers, and see that the proxies "
    "of the mesh are scraped with the labels destination_workload_namespace and destination_workload.",
    Arms.CLUSTER: "of this rollout's two Services: see that the gateway is scraped, and that it names its clusters as "
    "the preset reads them.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What one SLI lacks."""

    sli: str
    reason: str
    """CamelCase, documented as API."""
    sentence: str


def found(buffers: Buffers, question: Question, read_to: float) -> tuple[Missing, ...]:
    """Return what the SLIs lack in the samples up to `read_to`; empty where nothing is missing."""
    known: set[str] = set()
    edges: dict[str, set[float]] = {}
    for _, name, part, _ in buffers:
        known.add(name)
        if isinstance(part, float):
            edges.setdefault(name, set()).add(part)
    late = read_to >= question.since + question.drain + PATIENCE * question.interval
    lacking = []
    for sli, measurement in zip(question.slis, question.measurements, strict=True):
        if sli.name not in known:
            lacking += [_no_series(measurement)] if late else []
            continue
        there, source = edges.get(sli.name), measurement.source
        if sli.edge is None or not there or not isinstance(source, HistogramSource):
            continue
        if not any(isclose(sli.edge, edge, rel_tol=1e-9) for edge in there):
            lacking.append(_no_bucket(sli.name, sli.edge, there, source.seconds_per_unit))
    return tuple(lacking)


def marked(findings: Sequence[Finding], lacking: Sequence[Missing]) -> tuple[Finding, ...]:
    """Return the findings, of which those that lack something say so. A Fail that was found stays."""
    by_sli: Mapping[str, Missing] = {one.sli: one for one in lacking}
    return tuple(
        replace(one, verdict=Verdict.NO_DATA, reason=said.reason, sentence=said.sentence)
        if (said := by_sli.get(one.sli)) is not None and one.verdict is not Verdict.FAIL
        else one
        for one in findings
    )


def _no_series(measurement: Measurement) -> Missing:
    source = measurement.source
    counted = _counted(source)
    suffix = "_bucket" if isinstance(source, HistogramSource) else ""
    return Missing(
        sli=measurement.sli,
        reason="NoSeries",
        sentence=f"{measurement.sli}: Prometheus has no series {_shown(counted, suffix)} {_OF_WHOM[measurement.arms]}",
    )


def _counted(source: Source) -> Series:
    """The series without which nothing can be said."""
    if isinstance(source, HistogramSource):
        return source.histogram
    return source.events if isinstance(source, RateSource) else source.total


def _shown(series: Series, suffix: str) -> str:
    matchers = ", ".join(f'{one.label}{one.op}"{one.value}"' for one in series.matchers)
    return f"{series.metric}{suffix}" + (f"{{{matchers}}}" if matchers else "")


def _no_bucket(sli: str, wanted: float, there: set[float], seconds_per_unit: float) -> Missing:
    finite = sorted(there - {inf})
    below = [edge for edge in finite if edge < wanted][-NEAREST:]
    above = [edge for edge in finite if edge > wanted][:NEAREST]
    known = ", ".join(f"{edge * seconds_per_unit:g}s" for edge in (*below, *above))
    return Missing(
        sli=sli,
        reason="NoBucketAtObjective",
        sentence=f"{sli}: the histogram has no bucket at {wanted * seconds_per_unit:g}s, so that nothing can be said "
        f"of the objective; the nearest are {known or 'none'}: write one of these.",
    )
