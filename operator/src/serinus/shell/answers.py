"""What Prometheus is asked for a range of samples, and what its answers say, in the words of the core."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

from serinus.core.evidence import ProviderState, Role
from serinus.core.needs import Question
from serinus.core.questions import Arms, Measurement
from serinus.core.samples import Labels, Series
from serinus.providers import prometheus
from serinus.providers.prometheus import AnswerError, Part, Partial, RawSeries, Want
from serinus.shell.prometheus import BadQuery, PrometheusError
from serinus.shell.ranges import Range
from serinus.workloads.revision import deployment_name
from serinus.workloads.services import service_name

_NOT_LABELS = frozenset({"__name__", "le"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a question has no answer."""

    state: ProviderState | None
    """None: the question itself is wrong, and asking again does not help."""
    sentence: str


def wants(one: Range) -> list[Want]:
    """The samples of a range: of both arms, or of stable's past alone."""
    question = one.question
    roles = (Role.STABLE,) if one.resolution else (Role.STABLE, Role.CANDIDATE)
    return [
        Want(
            owner=question.key,
            namespace=question.namespace,
            arms={_arm(question, measurement, role): role for role in roles},
            measurement=measurement,
            seconds=one.end - one.start,
            resolution=one.resolution,
        )
        for measurement in question.measurements
    ]


def _arm(question: Question, measurement: Measurement, role: Role) -> str:
    """What names an arm in the series: the role's Service, or its revision's Deployment."""
    if measurement.arms is Arms.CLUSTER:
        return service_name(question.name, role.value)
    return deployment_name(question.name, question.stable if role is Role.STABLE else question.candidate)


def understood(
    query: prometheus.Query, answer: Mapping[str, Any] | PrometheusError
) -> tuple[prometheus.Answers, Trouble | None]:
    """The series of an answer by owner and SLI, or what was in the way."""
    if isinstance(answer, BadQuery):
        return {}, Trouble(state=None, sentence=str(answer))
    if isinstance(answer, PrometheusError):
        return {}, Trouble(state=ProviderState.DOWN, sentence=str(answer))
    try:
        return prometheus.read(query, answer), None
    except Partial as error:
        return {}, Trouble(state=ProviderState.PARTIAL, sentence=str(error))
    except AnswerError as error:
        return {}, Trouble(state=ProviderState.DOWN, sentence=str(error))


def _series(raw: RawSeries, sli: str) -> Series:
    """A series as the core knows it: the bound of its bucket is its part, not a label.

    Names are interned: a trial keeps those of all its series, and most of them are the same.
    """
    part: float | str = raw.part.value
    if raw.part in (Part.BUCKET, Part.SCORES):
        bound = float(raw.labels.get("le", "nan"))
        part = bound if raw.part is Part.BUCKET else -bound
    labels: Labels = tuple([(intern(k), intern(v)) for k, v in raw.labels.items() if k not in _NOT_LABELS])
    return Series(pod=intern(raw.pod), sli=sli, part=part, labels=labels, points=raw.samples)


def parsed(raw: Sequence[tuple[str, RawSeries]]) -> list[tuple[Role, Series]] | Trouble:
    """The series with their role; the provider is to blame for samples that are no numbers."""
    try:
        return [(one.role, _series(one, sli)) for sli, one in raw]
    except (TypeError, ValueError):
        return Trouble(state=ProviderState.DOWN, sentence="Prometheus answered with samples that are no numbers.")
