"""Events over time: what the judge says of them, and what it never says."""

import json
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import assembly, history, increments, judge, tracks, windows
from serinus.core.arms import Arms, of
from serinus.core.assembly import Window
from serinus.core.checks import margins, rate
from serinus.core.evidence import HOUR, Histogram, Look, OnFail, PodLook, Rate, Ratio, Role, Sli, Verdict
from serinus.core.forecast import Stage, forecast
from serinus.core.increments import Increments
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift
from serinus.core.noise import Noise, no_history
from serinus.core.plain import from_plain, to_plain
from serinus.core.samples import Series
from serinus.core.stats.poisson import log_e_value
from serinus.core.timeline import Life, Timeline
from tests.core import traffic
from tests.core.traffic import errors, poisson, standards

MINUTE = 60.0


def faults(**changes: object) -> Sli:
    """`perPodHour: 6`, with the defaults."""
    fields = {"name": "faults", "latency": False, "rate": True, "budget": 6 / HOUR, "edge": None, "allowed_ratio": 1.5}
    return Sli(**{**fields, **changes})  # type: ignore[arg-type]


def quiet(*slis: Sli, spread: float = 0.0, phi: float = 1.0) -> Noise:
    """A workload whose pods are all alike, and whose rates nobody knows."""
    calm = traffic.quiet(*slis, spread=spread, phi=phi)
    return replace(
        calm, calibrations={name: replace(one, share=None, pod_rate=0.0) for name, one in calm.calibrations.items()}
    )


def look(
    random: Random,
    at: float,
    *,
    events: tuple[float, float] = (0.0, 0.0),
    pods: tuple[int, int] = (2, 6),
    shown: tuple[bool, bool] = (True, True),
    requests: int | None = None,
    step: int = 1,
    seconds: float = MINUTE,
) -> Look:
    """One look; `events` per pod-hour of candidate and stable."""
    seen = []
    for arm, role in enumerate((Role.CANDIDATE, Role.STABLE)):
        for pod in range(pods[arm]):
            n = float(poisson(random, events[arm] * seconds / HOUR)) if events[arm] else 0.0
            counts: dict[str, Rate | Ratio] = {"faults": Rate(events=n, exposure=seconds)} if shown[arm] else {}
            if requests is not None:
                counts["success-rate"] = Ratio(total=requests, bad=0)
            seen.append(PodLook(pod=f"{role}-{pod}", role=role, start=at - seconds, end=at, counts=counts))
    return Look(at=at, weight=25, step=step, pods=tuple(seen), covered_seconds=seconds)


def judged(minutes: int, *slis: Sli, noise: Noise | None = None, seed: int = 1, **seen: object) -> EvidenceState:
    asked = slis or (faults(),)
    random = Random(seed)
    state = judge.begin(asked, standards(), noise or quiet(*asked))
    for k in range(1, minutes + 1):
        state = judge.advance(state, look(random, MINUTE * k, **seen))  # type: ignore[arg-type]
    return state


def test_a_candidate_without_events_passes_beside_a_stable_without_any() -> None:
    """Three nats at three events per pod-hour are one pod-hour: half an hour of two pods, and a little more."""
    assert judge.verdict(judged(25)).verdict is Verdict.NOT_ENOUGH
    said = judge.verdict(judged(35))
    assert (said.verdict, said.reason) == (Verdict.PASS, "AllWithinMargins")
    assert (said.requests_candidate, said.share) == (0.0, None)


def test_a_candidate_that_has_as_many_as_stable_passes() -> None:
    assert judge.verdict(judged(180, events=(4.0, 4.0))).verdict is Verdict.PASS


def test_one_with_many_more_fails_and_the_sentence_says_how_many_per_pod_hour() -> None:
    state = judged(30, events=(40.0, 2.0), noise=quiet(faults(), spread=0.1))
    said = judge.verdict(state)
    assert (said.verdict, said.blame) == (Verdict.FAIL, ("faults",))
    (finding,) = judge.findings(state)
    assert finding.per_pod_hour
    assert finding.candidate == pytest.approx(40, rel=0.5)
    assert f"faults is worse: {finding.candidate:.3g} events per pod-hour against {finding.stable:.3g} of stable" in (
        said.sentence
    )
    assert (finding.requests_candidate, finding.needs_requests) == (0.0, None)


def test_one_pod_with_most_of_them_is_named() -> None:
    random, state = Random(1), judge.begin([faults()], standards(), quiet(faults()))
    for k in range(1, 20):
        seen = look(random, MINUTE * k, pods=(4, 6))
        first = replace(seen.pods[0], counts={"faults": Rate(events=2, exposure=MINUTE)})
        state = judge.advance(state, replace(seen, pods=(first, *seen.pods[1:])))
    sentence = judge.verdict(state).sentence
    assert "pod candidate-0 alone has 100 % of the events and 25 % of the time" in sentence


def test_a_difference_within_the_floor_is_not_rolled_back() -> None:
    """1.5 times 2 and 3 more may be."""
    assert judged(600, events=(4.5, 2.0)).failure is None


def test_the_objective_finds_what_the_comparison_would_allow() -> None:
    loose = faults(allowed_difference=30 / HOUR)
    assert judged(240, loose, events=(20.0, 1.0)).failure is not None
    assert judged(240, replace(loose, budget=None), events=(20.0, 1.0)).failure is None
    assert judged(240, loose, events=(20.0, 20.0)).failure is None, "stable misses it as well"


def test_without_an_objective_one_event_per_pod_hour_is_allowed_on_top() -> None:
    assert faults(budget=None).floor == 1 / HOUR
    assert faults(budget=None, allowed_difference=0.5).floor == 0.5
    assert faults().floor == 3 / HOUR


def test_time_proves_nothing_of_a_counter_that_the_candidate_does_not_show() -> None:
    state = judged(120, shown=(False, True))
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NO_DATA, "CounterNotShown")
    assert "No pod of the candidate shows the counter" in said.sentence
    assert state.tracks[0].log_safe == 0.0


def test_a_candidate_is_not_taken_back_because_stable_does_not_show_the_counter() -> None:
    """The version that brings the counter would look worse than one that had the same faults without telling."""
    state = judged(600, events=(20.0, 20.0), shown=(True, False))
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NO_DATA, "StableCounterNotShown")
    assert state.tracks[0].log_harm(1, standards()) == pytest.approx(0.0)


def test_time_in_which_the_candidate_is_asked_nothing_is_no_evidence_of_safety_and_its_faults_are_of_harm() -> None:
    both = (errors(), faults())

    def after(requests: int, events: float) -> EvidenceState:
        noise = quiet(*both)
        state = judge.begin(both, standards(), noise)
        for k in range(1, 121):
            seen = look(Random(k), MINUTE * k, requests=100, events=(events, 0.0))
            pods = [
                replace(pod, counts={**pod.counts, "success-rate": Ratio(total=requests, bad=0)})
                if pod.role is Role.CANDIDATE
                else pod
                for pod in seen.pods
            ]
            state = judge.advance(state, replace(seen, pods=tuple(pods)))
        return state

    idle, busy = after(0, 0.0), after(100, 0.0)
    assert idle.tracks[1].log_safe == 0.0
    assert busy.tracks[1].log_safe > math.log(20)
    assert after(0, 60.0).failure is not None


def test_no_time_is_no_data() -> None:
    assert judge.verdict(judged(5, pods=(0, 6))).reason == "CounterNotShown"
    assert judge.verdict(judged(5, pods=(2, 0))).reason == "StableCounterNotShown"


def test_what_is_waited_for_is_time() -> None:
    state = judged(10)
    (finding,) = judge.findings(state)
    assert finding.needs_seconds is not None
    assert finding.needs_seconds == pytest.approx(25 * MINUTE, rel=0.15)
    said = judge.verdict(state)
    assert said.outlook == f"about {round(finding.needs_seconds / 60)} min more of counting events"
    assert "faults needs about" in finding.sentence
    assert "to be shown below 2 times stable's plus 3 per pod-hour" in finding.sentence


def test_requests_are_counted_by_the_other_slis_alone() -> None:
    both = (errors(), faults())
    state = judged(20, *both, requests=100)
    said = judge.verdict(state)
    assert said.requests_candidate == 20 * 2 * 100
    assert said.share == pytest.approx(25.0)
    assert said.outlook.endswith("of counting events")


def test_an_idle_candidate_is_silent_although_its_pods_are_scraped() -> None:
    both = (errors(), faults())
    state = judge.begin(both, standards(), quiet(*both))
    for k in range(1, 30):
        seen = look(Random(k), MINUTE * k, requests=100)
        idle = [
            replace(pod, counts={**pod.counts, "success-rate": Ratio(total=0, bad=0)})
            if pod.role is Role.CANDIDATE
            else pod
            for pod in seen.pods
        ]
        state = judge.advance(state, replace(seen, pods=tuple(idle)))
    assert state.silent_requests > 1000
    assert judge.verdict(state).reason == "NoCandidateRequests"


def test_a_look_in_which_stable_has_events_counts_like_any_other() -> None:
    """Weighed by its own count it would count for less, and equal candidates would look worse than they are."""
    known = replace(quiet(faults()).of(faults()), phi=4.0, phi_tail=4.0, pod_rate=1 / HOUR, share=1 / HOUR)
    noise = Noise(calibrations={"faults": known}, assumed=False)
    seen = look(Random(1), MINUTE)
    many = tuple(
        replace(pod, counts={"faults": Rate(events=1.0, exposure=MINUTE)}) if pod.role is Role.STABLE else pod
        for pod in seen.pods
    )
    state = judge.advance(judge.begin([faults()], standards(), noise), replace(seen, pods=many))
    (track,) = state.tracks
    level, line = 1 / HOUR, 1.5 / HOUR + faults().floor
    expected = [log_e_value(0, 120, 6, 360, times * line, level, 1.5, faults().floor) / 4 for times in rate.TIMES]
    assert isinstance(track.comparison, rate.Events)
    assert [value - math.log(0.9) for value in track.comparison.harm.log_s] == pytest.approx(expected, abs=0.01)


def test_the_evidence_of_safe_begins_anew_at_each_step() -> None:
    state = judged(20)
    assert state.tracks[0].log_safe > 1
    state = judge.advance(state, look(Random(1), MINUTE * 21, step=2))
    assert state.tracks[0].log_safe < 0.2


def test_an_sli_that_may_only_hold_never_rolls_back() -> None:
    said = judge.verdict(judged(60, faults(on_fail=OnFail.HOLD), events=(60.0, 0.0)))
    assert (said.verdict, said.on_fail) == (Verdict.FAIL, OnFail.HOLD)


# Noise


def of_the_past(minutes: int, pods: int, clump: int, per_hour: float, seed: int = 1) -> list[Look]:
    random = Random(seed)
    return [
        Look(
            at=MINUTE * k,
            weight=0,
            step=0,
            pods=tuple(
                PodLook(
                    pod=f"s{pod}",
                    role=Role.STABLE,
                    start=MINUTE * (k - 1),
                    end=MINUTE * k,
                    counts={
                        "faults": Rate(events=clump * poisson(random, per_hour / 60 / clump), exposure=MINUTE),
                    },
                )
                for pod in range(pods)
            ),
        )
        for k in range(1, minutes + 1)
    ]


def test_the_past_tells_the_rate_and_the_size_of_its_clumps() -> None:
    plain = history.calibrate(of_the_past(360, 6, 1, 10.0), [faults()]).of(faults())
    clumps = history.calibrate(of_the_past(360, 6, 3, 10.0), [faults()]).of(faults())
    assert plain.share == pytest.approx(10 / HOUR, rel=0.2)
    assert plain.pod_rate == pytest.approx(10 / HOUR, rel=0.2)
    assert plain.phi < 1.6
    assert 2.8 < clumps.phi < 5
    assert not plain.assumed
    assert plain.components is None


def test_thousands_of_events_a_second_are_a_rate_too() -> None:
    many = history.calibrate(of_the_past(300, 4, 1, 2000 * HOUR / 60), [faults()]).of(faults())
    assert many.share == pytest.approx(2000 / 60, rel=0.01)
    assert many.phi < 2


def test_a_past_without_events_says_little_of_clumps_and_a_short_one_nothing() -> None:
    none = history.calibrate(of_the_past(300, 4, 1, 0.0), [faults()]).of(faults())
    assert (none.phi, none.share, none.assumed) == (2.0, 0.0, False)
    short = history.calibrate(of_the_past(20, 4, 1, 10.0), [faults()]).of(faults())
    assert short == no_history([faults()]).of(faults())


def test_noise_is_measured_on_the_way() -> None:
    random, asked = Random(1), faults()
    state = judge.begin([asked], standards(), no_history([asked]), past=[])
    for k in range(1, 63):
        state = judge.advance(state, look(random, MINUTE * k, events=(6.0, 6.0)))
    assert state.gathering is None
    assert not state.noise.assumed


# Nothing but the counts matters


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 8), budget=st.sampled_from([None, 6 / HOUR]))
def test_a_state_that_goes_through_json_goes_on_as_it_was(seed: int, cut: int, budget: float | None) -> None:
    random = Random(seed)
    several = [look(random, MINUTE * k, events=(20.0, 5.0), requests=50) for k in range(1, 9)]
    both = (errors(), faults(budget=budget))
    whole = parts = judge.begin(both, standards(), no_history(both), past=[])
    for number, one in enumerate(several):
        if number == cut:
            parts = from_plain(EvidenceState, json.loads(json.dumps(to_plain(parts))))
        whole, parts = judge.advance(whole, one), judge.advance(parts, one)
    assert parts == whole
    assert from_plain(EvidenceState, json.loads(json.dumps(to_plain(whole)))) == whole


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_names_of_pods_and_how_events_lie_on_them_change_nothing(seed: int) -> None:
    random = Random(seed)
    one = other = judge.begin([faults()], standards(), quiet(faults()))
    for k in range(1, 8):
        seen = look(random, MINUTE * k, events=(20.0, 10.0))
        moved = []
        for role in (Role.STABLE, Role.CANDIDATE):
            own = [pod for pod in seen.pods if pod.role is role]
            counts = [pod.counts for pod in own]
            random.shuffle(counts)
            moved += [replace(pod, pod=f"x-{pod.pod}", counts=of) for pod, of in zip(own, counts, strict=True)]
        one, other = judge.advance(one, seen), judge.advance(other, replace(seen, pods=tuple(moved)))
    assert judge.verdict(one).e == pytest.approx(judge.verdict(other).e)
    assert one.tracks[0].log_safe == pytest.approx(other.tracks[0].log_safe)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), parts=st.integers(2, 5))
def test_a_look_without_a_new_guess_of_stables_rate_may_be_cut_into_any_number(seed: int, parts: int) -> None:
    """Evidence is linear in counts and time, but for stable's rate, which is learned between looks."""
    whole = look(Random(seed), MINUTE, events=(60.0, 30.0))
    arms = of(whole, faults())
    assert arms is not None
    small = replace(arms, n1=arms.n1 / parts, n0=arms.n0 / parts, x1=arms.x1 / parts, x0=arms.x0 / parts)

    def told(several: list[Arms]) -> list[float]:
        line = 1.5 * 0.001 + 0.002
        return [
            sum(log_e_value(one.x1, one.n1, one.x0, one.n0, times * line, 0.001, 1.5, 0.002) for one in several)
            for times in rate.TIMES
        ]

    assert told([arms]) == pytest.approx(told([small] * parts))


@settings(max_examples=10, deadline=None)
@given(scale=st.sampled_from([1e-3, 60.0, 3600.0]), seed=st.integers(0, 1000))
def test_the_unit_of_time_changes_nothing(scale: float, seed: int) -> None:
    random = Random(seed)
    scaled = faults(allowed_difference=faults().floor / scale, budget=None)
    plain = faults(budget=None, allowed_difference=faults().floor)
    one, other = (judge.begin([sli], standards(), quiet(sli)) for sli in (plain, scaled))
    for k in range(1, 8):
        seen = look(random, MINUTE * k, events=(20.0, 10.0))
        longer = tuple(
            replace(pod, counts={"faults": replace(of, exposure=of.exposure * scale)})
            for pod in seen.pods
            if isinstance(of := pod.counts["faults"], Rate)
        )
        one, other = judge.advance(one, seen), judge.advance(other, replace(seen, pods=longer))
    assert other.tracks[0].log_safe == pytest.approx(one.tracks[0].log_safe)
    assert judge.verdict(other).e == pytest.approx(judge.verdict(one).e)


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(
        st.tuples(*[st.floats(0, 1e6)] * 2, *[st.sampled_from([0.0, 1e-6, 15.0, 1e7])] * 2), min_size=1, max_size=6
    ),
    assumed=st.booleans(),
)
def test_whatever_is_counted_every_number_is_finite(
    counts: list[tuple[float, float, float, float]], assumed: bool
) -> None:
    asked = faults()
    state = judge.begin([asked], standards(), no_history([asked]) if assumed else quiet(asked))
    for k, (x1, x0, n1, n0) in enumerate(counts, 1):
        pods = tuple(
            PodLook(pod=role, role=role, start=0, end=15, counts={"faults": Rate(events=x if n else 0.0, exposure=n)})
            for role, x, n in ((Role.CANDIDATE, x1, n1), (Role.STABLE, x0, n0))
        )
        state = judge.advance(state, Look(at=15.0 * k, weight=20, step=1, pods=pods, covered_seconds=15.0))
    (finding,) = judge.findings(state)
    said = judge.verdict(state)
    assert math.isfinite(said.e)
    assert math.isfinite(finding.e_harm)
    assert math.isfinite(finding.e_safe)
    assert said.sentence


# Reading


def counter(pod: str, sli: str, part: str | float, *values: float, begin: float = 0.0) -> Series:
    return Series(pod=pod, sli=sli, part=part, points=tuple((begin + 15.0 * k, v) for k, v in enumerate(values)))


SHIFTS = (Shift(at=-1.0, weight=25, step=1),)
LIVES = (Life(pod="c", role=Role.CANDIDATE, start=0.0), Life(pod="s", role=Role.STABLE, start=0.0))


def read(series: list[Series], lives: tuple[Life, ...] = LIVES, scraped: tuple[Life, ...] = LIVES) -> list[Look]:
    line = Timeline(lives=lives, shifts=SHIFTS, scraped=scraped)
    return list(windows.read(windows.begin(15.0), series, line)[1])


def rates(looks: list[Look], pod: str, sli: str = "faults") -> list[Rate]:
    return [one for seen in looks for p in seen.pods if p.pod == pod and isinstance(one := p.counts.get(sli), Rate)]


def test_events_are_counted_over_the_seconds_of_the_window() -> None:
    told = rates(
        read([counter("c", "faults", "events", 3, 5, 5, 6), counter("s", "faults", "events", 0, 0, 0, 0)]), "c"
    )
    assert told[:2] == [Rate(events=2.0, exposure=15.0), Rate(events=0.0, exposure=15.0)]


REQUESTS = [counter("c", "n", "total", *range(0, 200, 10)), counter("s", "n", "total", *range(0, 200, 10))]


def test_a_pod_that_is_scraped_without_the_counter_has_no_count_and_not_a_count_of_none() -> None:
    told = read([*REQUESTS, counter("s", "faults", "events", *[0, 1, 1, 1] + [1] * 16)])
    assert rates(told, "c") == []
    assert rates(told, "s")[0] == Rate(events=1.0, exposure=15.0)


def test_a_counter_that_is_born_with_its_first_event_counts_from_then_on() -> None:
    """Its first event in the fifteen seconds of its birth would be a rate that nobody has."""
    told = rates(read([*REQUESTS, counter("c", "faults", "events", *range(1, 18), begin=45.0)]), "c")
    assert told[0] == Rate(events=1.0, exposure=15.0)
    assert len(told) == 15  # the last look is held back


def test_a_counter_that_vanished_makes_no_time_without_events() -> None:
    told = read([*REQUESTS, counter("c", "faults", "events", 0, 1, 1)])
    assert len([seen for seen in told if any(p.pod == "c" for p in seen.pods)]) > 10
    assert len(rates(told, "c")) == 2


def test_events_that_another_job_scrapes_do_not_tell_that_requests_were_scraped() -> None:
    """The candidate's own page is lost from the fifth scrape on; its counter of faults comes from elsewhere."""
    lost = [counter("c", "n", "total", 0, 10, 20, 30), REQUESTS[1]]
    told = read([*lost, counter("c", "faults", "events", *[0] * 20, begin=7.0)])
    seen = [p.end for one in told for p in one.pods if p.pod == "c" and "n" in p.counts]
    assert max(seen) == 45.0
    assert told[-1].lost_candidate == 1.0


def test_a_bucket_that_ends_at_0_is_left_out() -> None:
    """OpenTelemetry's default bounds begin there."""
    told = read([counter(pod, "t", part, 0, 2, 4) for pod in "cs" for part in (0.0, 0.1, math.inf)])
    (first,) = {one for p in told[0].pods if isinstance(one := p.counts["t"], Histogram)}
    assert first == Histogram(edges=(0.1, math.inf), counts=(2.0, 0.0))


def test_events_count_while_their_pod_is_not_ready_and_requests_do_not() -> None:
    """A restart ends the readiness of its pod: left out with it, no restart was ever counted."""
    lives = (replace(LIVES[0], start=45.0), LIVES[1])
    series = [
        counter("c", "n", "total", 0, 10, 20, 30, 40, 50),
        counter("s", "n", "total", 0, 10, 20, 30, 40, 50),
        counter("c", "faults", "events", 0, 1, 2, 2, 2, 2),
        counter("s", "faults", "events", 0, 0, 0, 0, 0, 0),
    ]
    told = read(series, lives)
    assert [one.events for one in rates(told, "c")][:3] == [1.0, 1.0, 0.0]
    requests = [p.counts.get("n") for seen in told for p in seen.pods if p.pod == "c"]
    assert requests[:4] == [None, None, None, Ratio(total=10, bad=0)]
    assert [seen.covered_seconds for seen in told][:4] == [0.0, 0.0, 0.0, 15.0]
    alone = read([one for one in series if one.sli == "faults"], lives=())
    assert [one.events for one in rates(alone, "c")][:2] == [1.0, 1.0]
    assert [seen.covered_seconds for seen in alone][:2] == [0.0, 0.0]


def test_stable_is_counted_over_the_candidates_own_window() -> None:
    pieces: dict[str, dict[Window, Rate]] = {
        "c": {(0.0, 20.0): Rate(events=4.0, exposure=20.0)},
        "d": {(5.0, 15.0): Rate(events=1.0, exposure=10.0)},
        "s": {(0.0, 20.0): Rate(events=8.0, exposure=20.0), (5.0, 15.0): Rate(events=2.0, exposure=10.0)},
    }

    class Told:
        def pods(self) -> list[str]:
            return list(pieces)

        def within(self, pod: str, role: Role, window: Window, longest: float) -> PodLook | None:
            one = pieces[pod].get(window)
            start, end = window
            assert end - start <= longest
            if one is None:
                return None
            return PodLook(pod=pod, role=role, start=start, end=end, counts={"faults": one})

        def is_warm(self, pod: str, requests: int, window: Window) -> bool:
            raise AssertionError(f"nobody asked for {requests} requests of {pod} before {window}")

    lives = tuple(
        Life(pod=pod, role=Role.STABLE if pod == "s" else Role.CANDIDATE, start=-1.0) for pod in ("c", "d", "s")
    )
    seen, _ = assembly.assemble(
        Told(),
        {"c": (0.0, 20.0), "d": (5.0, 15.0), "s": (0.0, 20.0)},
        Timeline(lives=lives, shifts=SHIFTS, scraped=lives),
        due=20.0,
        longest=120.0,
        covered_to=-math.inf,
    )
    assert seen is not None
    assert rates([seen], "s") == [Rate(events=5.0, exposure=15.0)]


def pod(name: str, role: Role, start: float, end: float, events: float) -> PodLook:
    counts: dict[str, Rate | Ratio] = {
        "faults": Rate(events=events, exposure=end - start),
        "n": Ratio(total=10, bad=0),
    }
    return PodLook(pod=name, role=role, start=start, end=end, counts=counts)


def taken(ready: dict[float, dict[str, float]], offset: float = 0.0) -> list[Look]:
    """Four increments of a minute each; `ready`: since when pods are, from these times on."""
    intake = increments.begin(interval=60.0, drain=0.0, settle=90.0)
    looks: list[Look] = []
    known: dict[str, float] = {}
    for k in range(1, 5):
        end = MINUTE * k
        known = {**known, **ready.get(end, {})}
        new = Increments(
            at=end,
            weight=25,
            wanted=25,
            step=1,
            pods=(
                pod("c", Role.CANDIDATE, end - MINUTE, end, 1.0),
                pod("s", Role.STABLE, end - MINUTE + offset, end + offset, 2.0),
            ),
            ready_since=known,
        )
        intake, more = increments.take(intake, new, end - MINUTE)
        looks += more
    return looks


def test_increments_of_a_pod_that_became_ready_again_hold_its_events() -> None:
    told = taken({60.0: {"c": -500.0}, 180.0: {"c": 170.0}})
    assert [one.events for one in rates(told, "c")] == [1.0] * 4
    assert [sum("n" in p.counts for p in seen.pods) for seen in told] == [2, 2, 1, 1]


def test_increments_of_windows_that_differ_are_cut_and_added_up() -> None:
    told = taken({60.0: {"c": -500.0}}, offset=30.0)
    assert [round(one.events, 6) for one in rates(told, "s")] == [2.0, 2.0]
    assert [round(one.exposure, 6) for one in rates(told, "s")] == [60.0, 60.0]


def test_a_history_of_increments_is_joined_by_the_minute() -> None:
    halves = [
        Increments(at=at, weight=0, wanted=0, step=0, pods=(pod("s", Role.STABLE, at - 30.0, at, 1.0),))
        for at in (30.0, 59.0 + 1, 90.0, 120.0)
    ]
    told = increments.past(halves, settle=0.0)
    assert sum(one.events for one in rates(list(told), "s")) == 4.0
    assert sum(one.exposure for one in rates(list(told), "s")) == 120.0


# Beforehand


def stage(step: int, weight: int, pods1: int) -> Stage:
    return Stage(step=step, weight=weight, pods1=pods1, pods0=4, hold=60.0)


def test_the_time_of_a_step_is_that_of_its_pods_whatever_the_traffic() -> None:
    asked = faults()
    state = judge.begin([asked], standards(), quiet(asked))
    one, four = (
        forecast(state, (stage(1, 25, pods),), {"success-rate": rps}, interval=15.0)[0]
        for pods, rps in ((1, 5.0), (4, 5000.0))
    )
    assert one.pods == 1
    assert four.pods == 4
    assert one.evidence == pytest.approx(4 * four.evidence, rel=0.1)
    taken_minutes = next(k for k in range(1, 200) if judged(k, pods=(1, 4)).tracks[0].log_safe >= math.log(20))
    # What is known of stable's rate beforehand is a guess, and becomes less while nothing happens.
    assert one.evidence == pytest.approx(MINUTE * taken_minutes, rel=0.2)
    assert one.evidence >= MINUTE * taken_minutes


def test_the_ceiling_of_few_pods_is_told() -> None:
    known = quiet(faults(), spread=0.2)
    state = judged(1, noise=known)
    told = tracks.ceiling(state.tracks[0], 1, standards())
    assert told == margins.harm_ratio(1.5, known.of(faults()), 1, standards(), 2, 6)
