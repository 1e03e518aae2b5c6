"""Revisions whose histograms have other buckets, and buckets that are worth keeping."""

from dataclasses import replace
from math import inf
from random import Random

import pytest

from serinus.core import judge
from serinus.core.checks import buckets
from serinus.core.checks.latency import Latency
from serinus.core.evidence import Histogram, Look, Role, Sli, Verdict
from serinus.core.judge import EvidenceState
from tests.core.traffic import EDGES, latency, look, quiet, standards

OTHERS = (0.1, 0.5, 1.0, 2.5, 10.0, inf)
"""Buckets that lack some of stable's."""


def with_edges(seen: Look, edges: tuple[float, ...]) -> Look:
    """The same look, in which the candidate's pods have only these buckets."""

    def merged(counts: Histogram) -> Histogram:
        sums = dict.fromkeys(edges, 0.0)
        for edge, count in zip(counts.edges, counts.counts, strict=True):
            sums[next(bound for bound in edges if bound >= edge)] += count
        return Histogram(edges=edges, counts=tuple(sums.values()))

    pods = [
        replace(pod, counts={name: merged(of) for name, of in pod.counts.items() if isinstance(of, Histogram)})
        if pod.role is Role.CANDIDATE
        else pod
        for pod in seen.pods
    ]
    return replace(seen, pods=tuple(pods))


def judged(edges: tuple[float, ...], slower: float, sli: Sli, *, looks: int = 40, after: int = 0) -> EvidenceState:
    """The state after so many looks; the candidate has these buckets from look `after` on."""
    random = Random(1)
    state = judge.begin([sli], standards(), quiet(sli))
    for k in range(1, looks + 1):
        seen = look(random, at=15.0 * k, bad=None, slower=(slower, 1.0))
        state = judge.advance(state, with_edges(seen, edges) if k > after else seen)
    return state


@pytest.mark.parametrize("after", [0, 5])
@pytest.mark.parametrize(("slower", "verdict"), [(1.0, Verdict.PASS), (3.0, Verdict.FAIL)])
def test_a_candidate_with_other_buckets_is_judged_by_those_that_both_have(
    slower: float, verdict: Verdict, after: int
) -> None:
    state = judged(OTHERS, slower, latency(), after=after)
    assert judge.verdict(state).verdict is verdict
    compared = state.tracks[0].comparison
    assert isinstance(compared, Latency)
    assert set(compared.edges) <= set(OTHERS)


@pytest.mark.parametrize("slower", [1.0, 3.0])
def test_where_no_bucket_is_shared_nothing_is_concluded_and_the_sentence_says_what_to_do(slower: float) -> None:
    said = judge.verdict(judged((0.3, inf), slower, latency(edge=None, budget=None)))
    assert (said.verdict, said.reason) == (Verdict.NO_DATA, "NoCommonBuckets")
    assert "give both the same buckets" in said.sentence


@pytest.mark.parametrize("slower", [1.0, 1.5])
def test_where_the_objectives_bucket_is_not_shared_no_step_is_passed(slower: float) -> None:
    said = judge.verdict(judged((0.1, 0.5, 1.0, 5.0, inf), slower, latency()))
    assert said.verdict is Verdict.FAIL or said.reason == "ObjectiveNotShared"
    assert said.verdict is not Verdict.PASS


def test_safe_is_shown_anew_where_one_of_its_edges_is_gone_and_harm_is_kept() -> None:
    before = judged(EDGES, 1.0, latency(), looks=5)
    known = before.tracks[0].comparison
    assert isinstance(known, Latency)
    left = tuple(edge for edge in EDGES if edge != known.body)
    after = judged(left, 1.0, latency(), looks=6, after=5).tracks[0].comparison
    assert isinstance(after, Latency)
    assert after.body not in (known.body, inf)
    assert max(after.safe_body) < max(known.safe_body) / 2, "one look's evidence, not six"
    assert after.harm.looks == known.harm.looks + 1
    assert sum(after.candidate) > sum(known.candidate)


def test_buckets_are_kept_where_requests_are_and_the_objectives_always() -> None:
    many = tuple(2.0**k for k in range(-20, 20))
    counts = tuple(50.0 if edge in (0.5, 1.0) else 0.0 for edge in many)
    kept = buckets.spoken_for((*many, inf), (*counts, 0.0), 4096.0)
    assert kept == (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 4096.0, inf)
