"""Counts that were read by somebody else become looks by the same rules as raw counters."""

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core.evidence import Counts, Histogram, Look, PodLook, Ratio, Role
from serinus.core.increments import Increments, Intake, begin, past, take
from serinus.core.plain import from_plain, to_plain
from serinus.core.samples import Series
from serinus.core.timeline import Life, Timeline
from serinus.core.windows import begin as begin_reader
from serinus.core.windows import read

CANDIDATE, STABLE = Role.CANDIDATE, Role.STABLE


def pod(name: str, start: float, end: float, n: float = 100.0, bad: float = 1.0) -> PodLook:
    role = CANDIDATE if name.startswith("c") else STABLE
    return PodLook(pod=name, role=role, start=start, end=end, counts={"s": Ratio(total=n, bad=bad)})


def line(at: float, *pods: PodLook, weight: int = 20, wanted: int | None = None, step: int = 1) -> Increments:
    return Increments(at=at, weight=weight, wanted=weight if wanted is None else wanted, step=step, pods=pods)


def both(at: float, **fields: float) -> Increments:
    return line(at, pod("c", at - 15, at, **fields), pod("s", at - 15, at, **fields))


def looks(several: Iterable[Increments], *, drain: float = 0.0, settle: float = 0.0) -> tuple[list[Look], Intake]:
    """All looks; the weight is in force since the line before, or 15 s."""
    intake = begin(interval=15.0, drain=drain, settle=settle)
    told: list[Look] = []
    before = None
    for one in several:
        intake, new = take(intake, one, one.at - 15.0 if before is None else before)
        told.extend(new)
        before = one.at
    return told, intake


def counted(look: Look, name: str) -> Counts | None:
    return next((one.counts["s"] for one in look.pods if one.pod == name), None)


def test_pods_with_one_window_are_a_look_at_once() -> None:
    told, intake = looks([both(15.0), both(30.0)])
    assert [(one.at, one.weight, one.step, one.covered_seconds) for one in told] == [(15, 20, 1, 15), (30, 20, 1, 15)]
    assert not intake.waits


def test_stable_is_counted_over_the_candidates_own_window() -> None:
    several = [
        line(15.0, pod("c", 5, 20, n=30), pod("s", 0, 15, n=150)),
        line(30.0, pod("c", 20, 35, n=30), pod("s", 15, 30, n=300)),
        line(45.0, pod("c", 35, 50, n=30), pod("s", 30, 45, n=600)),
    ]
    told, intake = looks(several)
    assert [one.at for one in told] == [15.0, 30.0]
    # 10 s of 150 in 15 and 5 s of 300; then 10 s of 300 and 5 s of 600.
    stable = [one for look in told if isinstance(one := counted(look, "s"), Ratio)]
    assert [one.total for one in stable] == pytest.approx([200, 400])
    assert [one.bad for one in stable] == pytest.approx([1, 1])
    assert [counted(one, "c") for one in told] == [Ratio(total=30, bad=1)] * 2
    assert intake.waits


def test_stable_that_is_not_known_over_the_whole_window_is_no_evidence() -> None:
    several = [
        line(15.0, pod("c", 5, 20), pod("s", 0, 15), pod("t", 0, 15)),
        line(30.0, pod("c", 20, 35), pod("s", 16, 30), pod("t", 15, 30)),
        line(45.0, pod("c", 35, 50), pod("s", 30, 45), pod("t", 30, 45)),
    ]
    told, _ = looks(several)
    assert [[one.pod for one in look.pods] for look in told] == [["c", "t"], ["c", "s", "t"]]


@pytest.mark.parametrize(
    ("windows", "known"),
    [
        (((0, 15), (15, 30)), True),
        (((6, 15), (15, 30)), False),
        (((0, 15), (15, 19)), False),
        (((-110, 15), (15, 30)), False),
        (((-100, 15), (15, 30)), True),
    ],
)
def test_stable_must_be_known_from_end_to_end_and_by_windows_that_are_not_too_long(
    windows: tuple[tuple[float, float], tuple[float, float]], known: bool
) -> None:
    several = [
        line(at, pod("c", *own), pod("s", *its), pod("t", at - 15, at))
        for at, own, its in zip((15.0, 30.0), ((5.0, 20.0), (20.0, 35.0)), windows, strict=True)
    ]
    told, _ = looks([*several])
    assert (counted(told[0], "s") is not None) is known
    assert counted(told[0], "t") is not None


def test_a_pod_that_settles_between_two_candidate_windows_is_no_evidence_yet() -> None:
    several = [
        line(15.0, pod("c", 5, 20), pod("c2", 0, 15), pod("s", 0, 15), pod("t", 0, 15)),
        line(30.0, pod("c", 20, 35), pod("c2", 15, 30), pod("s", 15, 30), pod("t", 15, 30)),
    ]
    told, _ = looks([replace(one, ready_since={"s": 3.0}) for one in several])
    assert [one.pod for one in told[0].pods] == ["c", "c2", "t"]


def test_buckets_that_change_between_two_candidate_windows_are_not_averaged() -> None:
    def slow(name: str, start: float, end: float, *edges: float) -> PodLook:
        return replace(pod(name, start, end), counts={"s": Histogram(edges=edges, counts=(5.0,) * len(edges))})

    wide, narrow = (1.0, 2.0, math.inf), (1.0, math.inf)
    several = [
        line(15.0, slow("c", 0, 15, *wide), slow("c2", 15, 25, *wide), slow("s", 0, 15, *wide)),
        line(30.0, slow("c", 15, 30, *wide), slow("c2", 25, 40, *wide), slow("s", 15, 30, *narrow)),
    ]
    assert next(one for one in looks(several)[0][0].pods if one.pod == "s").counts == {}


def test_a_jump_in_the_drain_blanks_nothing_after_it() -> None:
    def wavy(at: float, bad: float) -> Increments:
        return line(at, pod("c", at - 14, at + 1, 1000, bad), pod("s", at - 15, at, 1000, bad))

    several = [wavy(15.0 * k, 300 if k < 5 else 10) for k in range(1, 10)]
    assert [one.at for one in looks(several, drain=60.0)[0]] == [75.0, 90.0, 105.0, 120.0]


def test_what_is_remembered_does_not_grow() -> None:
    lines = [
        replace(
            both(15.0 * k),
            ready_since={"s": 15.0 * k - 100},
            weight=20 + k % 2,
            wanted=20 + k % 3,
        )
        for k in range(1, 200)
    ]
    _, intake = looks(lines)
    sizes = [len(intake.timeline.lives), len(intake.timeline.shifts), len(intake.timeline.exclusions)]
    assert max(sizes) < 25


def test_a_window_over_missed_scrapes_is_compared_with_all_that_others_counted_in_it() -> None:
    steady = [
        line(15.0 * k, pod("c", 15.0 * k - 15, 15.0 * k), pod("s", 15.0 * k - 15, 15.0 * k)) for k in range(1, 12)
    ]
    missed = [line(one.at, one.pods[1]) if 2 < at < 8 else one for at, one in enumerate(steady)]
    missed[8] = line(135.0, pod("c", 45.0, 135.0, n=600), steady[8].pods[1])
    told, intake = looks(missed)
    late = next(one for one in told if one.at == 135.0)
    assert counted(late, "s") == Ratio(total=600, bad=6)
    assert late.covered_seconds == 90.0
    # Nothing is kept for ever.
    assert len(looks([both(15.0 * k) for k in range(1, 100)])[1].recent) < 20
    assert intake.covered_to == 165.0


def test_histograms_are_cut_bucket_by_bucket_and_other_buckets_are_not_added() -> None:
    def slow(name: str, start: float, end: float, *counts: float) -> PodLook:
        edges = (1.0, 2.0, math.inf)[3 - len(counts) :]
        return replace(pod(name, start, end), counts={"s": Histogram(edges=edges, counts=counts)})

    def several(*last: float) -> list[Increments]:
        return [
            line(15.0, slow("c", 5, 20, 1, 1, 1), slow("s", 0, 15, 30, 15, 3)),
            line(30.0, slow("c", 20, 35, 1, 1, 1), slow("s", 15, 30, *last)),
        ]

    told = counted(looks(several(60, 30, 6))[0][0], "s")
    assert isinstance(told, Histogram)
    assert told.counts == pytest.approx((40, 20, 4))
    assert next(one for one in looks(several(60, 30))[0][0].pods if one.pod == "s").counts == {}


def test_several_candidate_windows_average_stable_by_their_requests() -> None:
    several = [
        line(15.0, pod("c", 0, 15, n=30), pod("c2", 5, 20, n=10), pod("s", 0, 15, n=150)),
        line(30.0, pod("c", 15, 30, n=30), pod("c2", 20, 35, n=10), pod("s", 15, 30, n=300)),
    ]
    told = counted(looks(several)[0][0], "s")
    assert isinstance(told, Ratio)
    assert told.total == pytest.approx((30 * 150 + 10 * 200) / 40)


def test_a_jump_blanks_both_looks_and_the_one_after_where_windows_differ() -> None:
    def wavy(at: float, bad: float) -> Increments:
        return line(at, pod("c", at - 14, at + 1, 1000, bad), pod("s", at - 15, at, 1000, bad))

    several = [wavy(15.0 * k, 300 if k >= 8 else 10) for k in range(1, 15)]
    told = [one.at for one in looks(several)[0]]
    assert told == [15.0 * k for k in (*range(1, 7), *range(10, 14))]
    # Over one window both arms share the incident in full.
    aligned = [both(15.0 * k, n=1000, bad=300 if k >= 8 else 10) for k in range(1, 15)]
    assert len(looks(aligned)[0]) == 14


def test_an_aligned_look_after_one_that_waits_lets_it_go() -> None:
    several = [line(15.0, pod("c", 1, 14), pod("s", 0, 15)), both(30.0)]
    assert [one.at for one in looks(several)[0]] == [15.0, 30.0]


def test_a_change_of_weight_and_its_drain_and_drift_are_left_out() -> None:
    lines = [both(15.0 * k) for k in range(1, 13)]
    changed = [replace(one, weight=50, wanted=50, step=2) if one.at > 60 else one for one in lines]
    told, _ = looks(changed, drain=30.0)
    assert [(one.at, one.weight, one.step) for one in told] == [
        *((at, 20, 1) for at in (45.0, 60.0)),
        *((at, 50, 2) for at in (105.0, 120.0, 135.0, 150.0, 165.0, 180.0)),
    ]
    drifting = [replace(one, wanted=20 if one.at < 90 else 30) for one in lines]
    assert [one.at for one in looks(drifting)[0]] == [15.0 * k for k in range(1, 6)]


def test_a_pod_counts_once_it_has_settled_and_anew_when_it_was_ready_again() -> None:
    def ready(at: float, since: float) -> Increments:
        return replace(both(at), ready_since={"s": since})

    lines = [ready(15.0 * k, 0.0 if k < 5 else 65.0) for k in range(1, 9)]
    told, _ = looks(lines, settle=20.0)
    assert [one.at for one in told if counted(one, "s") is not None] == [45.0, 60.0, 105.0, 120.0]


def test_a_pod_that_is_not_listed_is_lost_until_it_is_gone() -> None:
    lines = [both(15.0 * k) if k < 3 else line(15.0 * k, pod("s", 15.0 * k - 15, 15.0 * k)) for k in range(1, 14)]
    told, intake = looks(lines)
    # Last listed at 30; 120 s is the longest window.
    assert [one.lost_candidate for one in told] == [0.0] * 2 + [1.0] * 8 + [0.0] * 3
    assert [one.candidate_due for one in told] == [True] * 10 + [False] * 3
    assert "c" not in intake.listed
    back, _ = looks([*lines, both(210.0)])
    assert counted(back[-1], "c") is not None


def test_a_window_that_is_too_long_is_no_evidence() -> None:
    assert looks([both(15.0), line(300.0, pod("c", 15, 300), pod("s", 15, 300))])[0][1:] == []


def test_the_past_is_summed_minute_by_minute_without_the_candidate_and_pods_that_have_not_settled() -> None:
    lines = [replace(both(15.0 * k), ready_since={"s": 0.0}) for k in range(1, 9)]
    told = past(lines, settle=30.0)
    assert [(one.at, [(two.pod, two.counts["s"], two.end - two.start) for two in one.pods]) for one in told] == [
        (0.0, [("s", Ratio(total=100, bad=1), 15.0)]),
        (60.0, [("s", Ratio(total=400, bad=4), 60.0)]),
        (120.0, [("s", Ratio(total=100, bad=1), 15.0)]),
    ]


@pytest.mark.parametrize(("apart", "kept"), [(15.0, 15), (300.0, 14)])
def test_a_window_of_the_past_that_spans_a_gap_is_left_out(apart: float, kept: int) -> None:
    """Of windows that are longer than a minute's may be, the first cannot be told from a gap."""
    ends = [apart * k for k in (*range(1, 9), *range(200, 208))]
    lines = [line(end, pod("s", start, end)) for start, end in zip([0.0, *ends], ends, strict=False)]
    told = past(lines, settle=0.0)
    seconds = sum(one.end - one.start for look in told for one in look.pods)
    assert seconds == kept * apart
    assert sum(c.total for look in told for one in look.pods if isinstance(c := one.counts["s"], Ratio)) == kept * 100


@settings(max_examples=30, deadline=None)
@given(at=st.integers(0, 12), offset=st.floats(-7, 7))
def test_an_intake_survives_json(at: int, offset: float) -> None:
    lines = [
        line(15.0 * k, pod("c", 15.0 * k - 15 + offset, 15.0 * k + offset), pod("s", 15.0 * k - 15, 15.0 * k))
        for k in range(1, 13)
    ]
    whole, last = looks(lines)
    told, intake = looks(lines[:at])
    intake = from_plain(Intake, to_plain(intake))
    for number, one in enumerate(lines[at:], at):
        intake, new = take(intake, one, 15.0 * number)
        told.extend(new)
    assert (told, intake) == (whole, last)


def test_increments_and_the_counters_that_they_are_of_give_the_same_looks() -> None:
    ends = {"c": 4.0, "c2": 11.0, "s": 1.0, "t": 8.0}
    each = {"c": 30.0, "c2": 20.0, "s": 150.0, "t": 120.0}
    lines = [
        line(15.0 * k, *(pod(name, 15 * k - 15 + end, 15 * k + end, each[name] + k) for name, end in ends.items()))
        for k in range(1, 13)
    ]
    totals = {name: [sum(each[name] + j for j in range(1, k + 1)) for k in range(13)] for name in ends}
    series = [
        Series(
            pod=name,
            sli="s",
            part=part,
            points=tuple((15.0 * k + end, float(shown)) for k, shown in enumerate(values)),
        )
        for name, end in ends.items()
        for part, values in (("total", totals[name]), ("bad", range(13)))
    ]
    told, intake = looks(lines)
    line_of = Timeline(
        lives=tuple(Life(pod=name, role=pod(name, 0, 1).role, start=-math.inf) for name in ends),
        shifts=intake.timeline.shifts,
    )
    of_counters = read(begin_reader(15.0), series, line_of)[1]
    # The reader closes a window at the due time that it does not pass: one line later.
    windows = {(one.start, one.end): one.counts for look in of_counters for one in look.pods if one.pod == "c"}
    mine = {(one.start, one.end): one.counts for look in told for one in look.pods if one.pod == "c"}
    assert len(windows) > 8
    assert windows.items() <= mine.items()
    sums = {look.pods[0].start: look.pods[2].counts["s"] for look in of_counters if len(look.pods) == 4}
    own = {look.pods[0].start: look.pods[2].counts["s"] for look in told if len(look.pods) == 4}
    for start in sums.keys() & own.keys():
        ours, theirs = own[start], sums[start]
        assert isinstance(ours, Ratio)
        assert isinstance(theirs, Ratio)
        assert (ours.total, ours.bad) == pytest.approx((theirs.total, theirs.bad))
    assert len(sums.keys() & own.keys()) > 8
