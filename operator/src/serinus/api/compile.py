"""From what users type to what the core works with: every default filled in, every unit in seconds and fractions.

This is the second door after the API server's own: it checks everything again (an older CRD may have let more pass) and
what a schema cannot see, such as whether a preset exists.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from serinus.api import analysis, slis, v1alpha1, workload
from serinus.api.sentences import closest, of_errors
from serinus.api.traffic import Traffic
from serinus.core.budget import ErrorBudget
from serinus.core.evidence import HOUR, OnFail, Sli, Standards
from serinus.core.model import Deadlines, DeletionPolicy, Model, OnInconclusive, Spec, Step
from serinus.core.questions import (
    Arms,
    HistogramSource,
    Matcher,
    Measurement,
    RateSource,
    RatioSource,
    Series,
    Source,
    SourceRef,
    TrafficRef,
)
from serinus.plugin import Preset
from serinus.presets import PRESETS

ALLOWED_RATIO = 1.2
"""Default margin for a share of bad requests: 1.2 times as many as stable has."""
ALLOWED_RATIO_LATENCY = 1.1
"""Default margin for a latency: 1.1 times stable's; for scores so many times the odds of a worse one."""

ALLOWED_RATIO_RATE = 1.5
"""Default margin for events over time: they are few, so that less takes days to prove."""

_BUDGETS = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}
_EVIDENCE: Any = {"steps": True, "slis": True, "analysis": True, "error_budget": {"sli", "objective", "burn"}}
"""Fields of the spec that evidence is gathered under."""
_UNITS = {"_seconds": 1.0, "_milliseconds": 0.001, "_ms": 0.001}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """Why there is no `Spec`: sentences that say where and what to write instead."""

    sentences: tuple[str, ...]


def compile_spec(manifest: Mapping[str, Any], presets: Mapping[str, Preset] = PRESETS) -> Spec | Problems:
    """The rollout that a manifest (parsed JSON of a whole ModelRollout) asks for, or what is wrong with it.

    Remembered for the known presets: it is asked at each look, and changes with the spec only.
    """
    asked = {key: value for key, value in manifest.items() if key != "status"}
    if isinstance(metadata := asked.get("metadata"), Mapping):
        asked["metadata"] = {key: metadata[key] for key in v1alpha1.Metadata.model_fields if key in metadata}
    text = json.dumps(asked)
    return _remembered(text) if presets is PRESETS else _compile(text, presets)


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Spec | Problems:
    return _compile(text, PRESETS)


def _compile(text: str, presets: Mapping[str, Preset]) -> Spec | Problems:
    try:
        typed = v1alpha1.ModelRollout.model_validate_json(text)
    except ValidationError as error:
        return Problems(sentences=of_errors(v1alpha1.ModelRollout, error.errors()))
    judged = [
        _judged(f"spec.slis[{index}]", sli, presets, typed.spec.analysis) for index, sli in enumerate(typed.spec.slis)
    ]
    problems = tuple(one for one in judged if isinstance(one, str))
    if problems:
        return Problems(sentences=problems)
    sound = [one for one in judged if not isinstance(one, str)]
    budget = _error_budget(typed.spec, sound)
    problems = (*_not_by_service(typed.spec, sound), *((budget,) if isinstance(budget, str) else ()))
    if problems or isinstance(budget, str):
        return Problems(sentences=problems)
    return _spec(typed, [(_within(sli, budget), measurement) for sli, measurement in sound], budget)


def _not_by_service(spec: v1alpha1.Spec, judged: Iterable[tuple[Sli, Measurement]]) -> tuple[str, ...]:
    """What cannot be told from numbers that a gateway counts by Service, each a sentence."""
    named = ", ".join(sli.name for sli, measurement in judged if measurement.arms is Arms.CLUSTER)
    sentences = []
    if named and spec.workload.warm_up_requests:
        sentences.append(
            f"spec.workload.warmUpRequests: {named} counts requests by Service at the gateway and cannot tell which "
            "were a pod's first; write workload.warmUp: 60s instead, or SLIs that the model server counts."
        )
    if named and spec.traffic.replicas:
        sentences.append(
            f"spec.traffic.replicas: {named} counts requests by Service at the gateway, and without a router one "
            "Service has those of both revisions; write SLIs that the model server counts, such as http/success-rate."
        )
    if named and spec.analysis.baseline == "fresh":
        sentences.append(
            f"spec.analysis.baseline: {named} counts requests by Service at the gateway and cannot tell fresh pods of "
            "stable from the others; write SLIs that the model server counts, such as http/success-rate, or baseline: "
            "stable."
        )
    return tuple(sentences)


def evidence_rules(spec: v1alpha1.Spec) -> str:
    """Digest of what evidence is gathered under: steps, SLIs, analysis and error budget, by meaning, not by spelling.

    What equals its default is left out, so that a Serinus with further fields gives the same digest.
    """
    rules = spec.model_dump(mode="json", by_alias=True, include=_EVIDENCE, exclude_defaults=True)
    return hashlib.sha256(json.dumps(rules, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:12]


def _error_budget(spec: v1alpha1.Spec, judged: Iterable[tuple[Sli, Measurement]]) -> ErrorBudget | str | None:
    """The error budget with its defaults filled in, or a sentence why there cannot be one."""
    typed = spec.error_budget
    if typed is None:
        return None
    sli = next(sli for sli, _ in judged if typed.sli in (None, sli.name))
    if sli.rate:
        return (
            f"spec.errorBudget.sli: {sli.name} is a rate and counts no requests, of which a budget could be; write the "
            "name of an SLI that does."
        )
    if sli.scores:
        return (
            f"spec.errorBudget.sli: {sli.name} are scores, of which none is a failed request; write the name of an SLI "
            "that counts those."
        )
    if sli.latency and sli.edge is None:
        return (
            f"spec.errorBudget: {sli.name} is a latency and does not say which requests are too slow; write its "
            "objective, such as p99: 2500ms."
        )
    allowed = sli.budget or 0.0
    objective = round(1 - allowed, 12) if typed.objective is None else typed.objective
    return ErrorBudget(sli=sli.name, objective=objective, window=typed.window, burn=typed.burn)


def _within(sli: Sli, budget: ErrorBudget | None) -> Sli:
    """The SLI that the budget is counted on is judged by the stricter of its own objective and the burn that is
    allowed, and tolerates no larger difference to stable than half of that."""
    if budget is None or budget.sli != sli.name or (sli.budget is not None and sli.budget <= budget.line):
        return sli
    return replace(sli, budget=budget.line, allowed_difference=min(sli.floor, budget.line / 2))


def _spec(typed: v1alpha1.ModelRollout, judged: list[tuple[Sli, Measurement]], budget: ErrorBudget | None) -> Spec:
    meta, spec = typed.metadata, typed.spec
    runs, traffic, rules = spec.workload, spec.traffic, spec.analysis
    return Spec(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        generation=meta.generation,
        source=_source(runs),
        traffic=_traffic(traffic, meta.name),
        steps=tuple(
            Step(weight=step.weight, hold=step.hold, min_requests=step.min_requests, pause=step.pause)
            for step in spec.steps
        ),
        slis=tuple(sli for sli, _ in judged),
        measurements=tuple(measurement for _, measurement in judged),
        standards=Standards(
            false_rollback_rate=rules.false_rollback_rate,
            false_promotion_rate=rules.false_promotion_rate,
            steps=len(spec.steps),
            fresh_baseline=rules.baseline == "fresh",
        ),
        interval=rules.interval,
        prometheus=rules.prometheus,
        max_hold=rules.max_hold,
        on_inconclusive=OnInconclusive(rules.on_inconclusive),
        error_budget=budget,
        dry_run=rules.dry_run,
        node_pool=runs.node_pool.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True),
        replicas=runs.replicas,
        port=traffic.port,
        max_extra_gpus=runs.max_extra_gpus,
        warm_up_seconds=runs.warm_up,
        warm_up_requests=runs.warm_up_requests,
        deadlines=Deadlines(schedule=runs.deadlines.schedule, ready=runs.deadlines.ready),
        drain=spec.rollback.drain,
        scale_down_delay=spec.rollback.scale_down_delay,
        rollback_window=spec.rollback.window,
        deletion_policy=DeletionPolicy(spec.deletion_policy),
        model=Model(**spec.model.model_dump()),
        evidence_rules=evidence_rules(spec),
    )


def _traffic(typed: Traffic, name: str) -> TrafficRef:
    if typed.replicas:
        return TrafficRef(router="replicas", name=typed.service or name, by_pods=True)
    return TrafficRef(
        router="httpRoute",
        name=typed.http_route or name,
        gateway=typed.gateway or "",
        hostnames=typed.hostnames,
    )


def _source(typed: workload.Workload) -> SourceRef:
    if typed.deployment is not None:
        return SourceRef(workload="deployment", name=typed.deployment)
    return SourceRef(workload="podTemplate", name=typed.pod_template or "")


def _judged(
    at: str, typed: slis.Sli, presets: Mapping[str, Preset], rules: analysis.Analysis
) -> tuple[Sli, Measurement] | str:
    """One SLI with its measurement, or a sentence why not."""
    measurement = _measurement(at, typed, presets)
    if isinstance(measurement, str):
        return measurement
    source = measurement.source
    objective = _objective(at, typed, source)
    if isinstance(objective, str):
        return objective
    budget, edge = objective
    buckets, rate = isinstance(source, HistogramSource), isinstance(source, RateSource)
    scores = isinstance(source, HistogramSource) and source.scores
    usual = ALLOWED_RATIO_LATENCY if buckets else ALLOWED_RATIO_RATE if rate else ALLOWED_RATIO
    sli = Sli(
        name=measurement.sli,
        latency=buckets and not scores,
        budget=budget,
        edge=edge,
        allowed_ratio=typed.allowed_ratio or usual,
        on_fail=OnFail(typed.on_fail),
        seconds_per_unit=source.seconds_per_unit if isinstance(source, HistogramSource) else 1.0,
        assumed_dispersion=float(rules.assumed_dispersion),
        rate=rate,
        scores=scores,
    )
    return sli, measurement


def _measurement(at: str, typed: slis.Sli, presets: Mapping[str, Preset]) -> Measurement | str:
    name = typed.name or typed.preset or ""
    if typed.preset is not None:
        preset = presets.get(typed.preset)
        if preset is None:
            return f"{at}.preset: there is no preset {typed.preset}{_meant(typed.preset, presets)}"
        return Measurement(sli=name, arms=preset.arms, source=preset.source)
    if typed.ratio is not None:
        ratio = typed.ratio
        source: Source = RatioSource(
            total=_series(ratio.total),
            bad=_series(ratio.bad) if ratio.bad else None,
            good=_series(ratio.good) if ratio.good else None,
        )
        return Measurement(sli=name, arms=Arms.POD, source=source)
    if typed.rate is not None:
        return Measurement(sli=name, arms=Arms.POD, source=RateSource(events=_series(typed.rate.events)))
    assert typed.histogram is not None, "an SLI has one of preset, ratio, histogram and rate"
    if typed.histogram.worse == "lower":
        return Measurement(
            sli=name, arms=Arms.POD, source=HistogramSource(histogram=_series(typed.histogram), scores=True)
        )
    unit = _seconds_per_unit(typed.histogram)
    if unit is None and _quantile(typed) is not None:
        return (
            f"{at}.histogram.unit is missing: {typed.histogram.metric} ends in neither _seconds nor _milliseconds; "
            "write unit: s or unit: ms, so that the objective can be compared with its buckets."
        )
    source = HistogramSource(histogram=_series(typed.histogram), seconds_per_unit=unit or 1.0)
    return Measurement(sli=name, arms=Arms.POD, source=source)


def _objective(at: str, typed: slis.Sli, source: Source) -> tuple[float | None, float | None] | str:
    """Budget (share of bad requests; of a rate events per pod-second) and, for a latency, the bucket edge in the
    metric's unit."""
    quantile = _quantile(typed)
    if isinstance(source, RateSource):
        return (None if typed.per_pod_hour is None else typed.per_pod_hour / HOUR), None
    if isinstance(source, HistogramSource):
        if typed.objective is not None:
            return (
                f"{at}.objective: {typed.preset} is a latency; write a latency objective instead, such as p99: 2500ms."
            )
        if quantile is None:
            return None, None
        name, seconds = quantile
        return _BUDGETS[name], round(seconds / source.seconds_per_unit, 9)
    if quantile is not None:
        return f"{at}.{quantile[0]}: {typed.preset} is a ratio, not a latency; write objective: 99% instead."
    return (None if typed.objective is None else round(1 - typed.objective, 12)), None


def _quantile(typed: slis.Sli) -> tuple[str, float] | None:
    named = {"p50": typed.p50, "p90": typed.p90, "p95": typed.p95, "p99": typed.p99}
    return next(((name, value) for name, value in named.items() if value is not None), None)


def _seconds_per_unit(histogram: slis.Histogram) -> float | None:
    if histogram.unit is not None:
        return {"s": 1.0, "ms": 0.001}[histogram.unit]
    return next((unit for suffix, unit in _UNITS.items() if histogram.metric.endswith(suffix)), None)


def _series(typed: slis.Counter | slis.Histogram) -> Series:
    return Series(metric=typed.metric, matchers=tuple(_matcher(one) for one in typed.matchers))


def _matcher(typed: slis.Matcher) -> Matcher:
    values = {"=": typed.equals, "!=": typed.not_equals, "=~": typed.matches, "!~": typed.not_matches}
    op, value = next((op, value) for op, value in values.items() if value is not None)
    return Matcher(label=typed.label, op=op, value=value)


def _meant(name: str, presets: Mapping[str, Preset]) -> str:
    meant = closest(name, presets)
    return f"; did you mean {meant}?" if meant else f"; there are {', '.join(sorted(presets))}."
