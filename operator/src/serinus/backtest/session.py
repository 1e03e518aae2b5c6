"""One rollout, line by line."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from serinus.backtest import answers, budgets, past
from serinus.backtest.asking import question
from serinus.backtest.compiled import compiled, typed
from serinus.backtest.errors import InputError, Refused
from serinus.backtest.increments import WARM_UP, Increase
from serinus.backtest.memory import BETS, NEVER, Form, Memory, counted_in
from serinus.backtest.raw import Asked, Sample, Scrapes, WeightLine
from serinus.core import increments, judge, trial, windows
from serinus.core.evidence import Judgement, Role
from serinus.core.history import calibrate
from serinus.core.increments import Intake
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift, Spec
from serinus.core.needs import Question
from serinus.core.observed import Measured
from serinus.core.plain import from_plain, to_plain
from serinus.core.samples import Series
from serinus.core.trial import Trial


class Session:
    """Judges one rollout. `look` takes the lines in their order; `state` and `restore` carry it through JSON."""

    def __init__(
        self, spec: Mapping[str, Any], history: Iterable[Any] | past.Scraped = (), *, ci: bool = False
    ) -> None:
        """`spec`: that of a ModelRollout. `history`: lines of stable before the rollout, in either form, or its series.

        `ci`: with an interval of each ratio, which takes a tenth more time. Raises `InputError`.
        """
        asked_for = typed(spec)
        known = compiled(spec)
        self._spec: Spec = known
        self._ci = ci
        self._increase, self._scrapes = Increase(known), Scrapes(known)
        before = past.looks(known, history)
        noise = calibrate(before, known.slis)
        evidence = judge.begin(known.slis, known.standards, noise, intervals=ci, past=before)
        self._old = trial.pods_of(before)
        asked = hashlib.sha256(json.dumps([asked_for, ci], sort_keys=True).encode()).hexdigest()[:16]
        self._memory = Memory(asked=asked, bets=BETS, evidence=evidence)
        self._ends: dict[str, float] = {}

    @property
    def noise(self) -> str:
        """One sentence: how noisy stable's history was, or what is assumed without it."""
        return self._state.noise.sentence

    def look(self, line: Any) -> dict[str, Any]:
        """Take one line, a dict as docs/backtest.md says, and answer. Raises `InputError`; then nothing was taken."""
        self.take(line)
        return self.answer()

    def take(self, line: Any) -> bool:
        """Take one line; True when it closed a look, so that there is something new to say."""
        number = self._memory.lines + 1
        try:
            if not isinstance(line, dict):
                raise Refused('a line is an object, such as {"t": 15.0, "weight": 10, "pods": [...]}.')
            if "pods" in line or "budget" in line:
                return self._take_increments(line)
            if "counters" in line:
                return self._take_sample(self._scrapes.sample(line))
            if "weight" in line:
                return self._take_weight(self._scrapes.weight(line))
            raise Refused(
                "a line has pods (increments), counters (a raw sample) or only a weight; this one has "
                f"{', '.join(map(str, line)) or 'nothing'}."
            )
        except Refused as error:
            raise InputError(str(error), line=number) from error

    def end(self) -> None:
        """Say that there are no more lines. Raises `InputError` where nothing could be judged for want of a weight."""
        if self._memory.form is Form.RAW and self._memory.shifts == (NEVER,):
            raise InputError(
                'No line says the weight: write {"t": 0, "weight": 10} before the samples that were taken under it.'
            )

    def read(self, asked: Asked) -> dict[str, Any]:
        """Take what the operator had read at one of its looks, and answer as `look` does.

        `t` is then the time of the look, and `passed` says whether the step asks for nothing more.
        """
        shifts = (NEVER, *asked.shifts)
        self._memory = replace(
            self._memory,
            form=Form.RAW,
            weight=shifts[-1],
            shifts=shifts,
            provider=asked.provider,
            drift_since=asked.drift_since,
            running=asked.pods,
            trial=self._memory.trial or self._begun(),
            evidence=None,
        )
        question, begun = self._question(), self._memory.trial or self._begun()
        self._absorb(question, trial.with_roles(begun, question, asked.series), asked.at)
        measured, _ = self._heard()
        return {**self.answer(), "t": asked.at, "passed": answers.passed(self._spec, measured, shifts[-1])}

    def answer(self) -> dict[str, Any]:
        """What is to be said after the last line."""
        known = self._memory
        measured, judgement = self._heard()
        return answers.answer(
            self._spec,
            self._state,
            measured,
            judgement,
            at=known.at or 0.0,
            now=known.weight,
            counted=known.counted,
            crashing=known.failures,
            budget=budgets.budget(self._spec, known.budget, known.provider),
            ci=self._ci,
        )

    def _heard(self) -> tuple[Measured, Judgement]:
        """What the rules of the operator hear, and what the judge says."""
        known, state = self._memory, self._state
        if known.trial is not None:
            measured = trial.measured(known.trial, self._question(), known.provider)
            return measured, judge.verdict(state, known.provider, measured.findings)
        said = judge.findings(state)
        judgement = judge.verdict(state, known.provider, said)
        return answers.heard(state, judgement, said, known.weight), judgement

    def state(self) -> dict[str, Any]:
        """Everything that is remembered, as plain JSON values."""
        plain: dict[str, Any] = to_plain(self._memory)
        return plain

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken, in a session with the same spec. Raises `InputError` for any other."""
        try:
            memory = from_plain(Memory, state)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InputError(f"This is no state of a backtest of this version of Serinus: {error}.") from error
        if memory.bets != BETS:
            raise InputError("This state is of another version of Serinus, which judges otherwise; begin anew.")
        if memory.asked != self._memory.asked:
            raise InputError("This state belongs to another spec; open the session with the one that it was taken of.")
        self._memory = memory
        self._ends = _ends(memory.intake)

    def _must_be(self, form: Form) -> None:
        if self._memory.form not in (form, Form.UNKNOWN):
            raise Refused("increments and raw samples do not go together; put them into files of their own.")

    @property
    def _state(self) -> EvidenceState:
        known = self._memory
        state = known.trial.state if known.trial else known.evidence
        assert state is not None, "evidence begins with the session"
        return state

    def _take_increments(self, line: Mapping[str, Any]) -> bool:
        known = self._memory
        self._must_be(Form.INCREMENTS)
        listed = known.intake.listed if known.intake else {}
        if self._spec.warm_up_requests:
            raise Refused(WARM_UP)
        read = self._increase.read(line, known.at, self._ends, listed)
        new, state = read.increments, self._state
        intake = known.intake or increments.begin(
            interval=self._spec.interval, drain=self._spec.drain, settle=self._spec.warm_up_seconds + self._spec.drain
        )
        began = known.at
        if began is None:
            began = min([new.at - self._spec.interval, *(pod.start for pod in new.pods)])
        waited = intake.waits
        intake, looks = increments.take(intake, new, began)
        for look in looks:
            if trial.is_evidence(look):
                state = judge.advance(state, look)
        before = known.intake.recent[-1] if known.intake else None
        subject = len(before.pods) if waited and intake.waits and before else read.listed
        self._memory = replace(
            known,
            lines=known.lines + 1,
            at=new.at,
            form=Form.INCREMENTS,
            weight=intake.timeline.shifts[-1],
            provider=read.provider,
            failures=known.failures.after(read.restarts),
            evidence=state,
            intake=intake,
            budget=known.budget if read.budget is None else read.budget,
            counted=counted_in(looks[-1] if looks else None, subject, fresh=self._spec.standards.fresh_baseline),
        )
        self._ends = _ends(intake)
        return True

    def _take_weight(self, said: WeightLine) -> bool:
        known = self._memory
        self._must_be(Form.RAW)
        if known.at is not None and said.at < known.at:
            raise Refused(f"t is {said.at:g}, and a line before was of {known.at:g}: weights come in order of time.")
        last = known.shifts[-1]
        shifts = known.shifts
        if (last.weight, last.step) != (said.weight, said.step):
            shifts = (*shifts, Shift(at=said.at, weight=said.weight, step=said.step))
        drifts = said.weight != said.wanted
        self._memory = replace(
            known,
            lines=known.lines + 1,
            at=said.at,
            form=Form.RAW,
            weight=shifts[-1],
            shifts=shifts,
            provider=said.provider,
            drift_since=(said.at if known.drift_since is None else known.drift_since) if drifts else None,
            trial=known.trial or self._begun(),
            evidence=None,
        )
        return said.provider is not known.provider

    def _take_sample(self, sample: Sample) -> bool:
        known = self._memory
        self._must_be(Form.RAW)
        ready = known.ready
        if sample.ready_since is not None or sample.pod not in ready:
            ready = {**ready, sample.pod: sample.at if sample.ready_since is None else sample.ready_since}
        before = known.trial or self._begun()
        self._memory = replace(known, lines=known.lines + 1, form=Form.RAW, ready=ready, trial=before, evidence=None)
        return self._absorb(self._question(sample), ((sample.role, one) for one in sample.series), sample.at)

    def _absorb(self, question: Question, series: Iterable[tuple[Role, Series]], at: float) -> bool:
        """Let the operator's own reader have these samples; True when they closed a look."""
        known = self._memory
        before = known.trial
        assert before is not None, "samples belong to a trial"
        after = trial.absorb(before, question, series, at)
        closed = (
            after.reader.due is not None and after.reader.due != before.reader.due and before.reader.due is not None
        )
        counted = known.counted
        if closed:
            pending, due = after.reader.pending, (after.reader.due or 0.0) - after.reader.interval
            fresh = pending if pending is not None and pending.at == due else None
            counted = counted_in(fresh, len(question.pods), fresh=self._spec.standards.fresh_baseline)
        self._memory = replace(
            known,
            trial=after,
            counted=counted,
            at=max(known.at or -inf, (after.reader.due or 0.0) - after.reader.interval) if closed else known.at,
        )
        return closed

    def _begun(self) -> Trial:
        state = self._memory.evidence
        assert state is not None, "evidence begins with the session"
        return Trial(reader=windows.begin(self._spec.interval), state=state, read_to=-inf, old=self._old)

    def _question(self, sample: Sample | None = None) -> Question:
        return question(self._spec, self._memory, sample)


def run(
    spec: Mapping[str, Any], looks: Iterable[Any], history: Iterable[Any] = (), *, ci: bool = False
) -> Iterator[dict[str, Any]]:
    """Judge all lines in their order; an answer for each look that closed. Raises `InputError`."""
    session = Session(spec, history, ci=ci)
    for line in looks:
        if session.take(line):
            yield session.answer()
    session.end()


def _ends(intake: Intake | None) -> dict[str, float]:
    """When the last window of each pod ended that the last line listed."""
    last = intake.recent[-1] if intake and intake.recent else None
    return {pod.pod: pod.end for pod in last.pods} if last else {}
