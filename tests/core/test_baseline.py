"""Fresh pods of stable: which they are, how many there should be, and that the candidate is compared with no others."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from serinus.core import judge, needs, replicas, trial
from serinus.core.baseline import CLOCKS_DIFFER, as_candidates, fresh_pods, shares_room
from serinus.core.blanking import jumped
from serinus.core.decide import decide
from serinus.core.evidence import Counts, Histogram, Look, PodLook, Rate, Ratio, Role, Sli, Standards, Verdict
from serinus.core.forecast import Stage, arms_of
from serinus.core.model import Cause, Deadlines
from serinus.core.noise import no_history
from serinus.core.observed import Deployed, Measured
from serinus.core.plan import EnsureRevision, Plan, Release
from serinus.core.samples import Series
from serinus.core.situation import Situation
from tests.core.traffic import EDGES, errors, latency, quiet, standards
from tests.core.world import World, healthy

FRESH = Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3, fresh_baseline=True)


def roomy(**changes: object) -> World:
    """v1 is stable with 4 pods; there is room for everything."""
    told = {"standards": FRESH, "deadlines": Deadlines(schedule=600.0, ready=600.0), **changes}
    world = healthy(**told)
    world.free_gpus = 32
    return world


def at(step: int, **changes: object) -> World:
    """v2 is on trial at this step."""
    world = roomy(**changes)
    world.wanted, world.verdict = "v2", Verdict.PASS
    for _ in world.run(3000):
        if world.progress.step == step and world.progress.heading == 0:
            world.verdict = Verdict.NOT_ENOUGH
            return world
    raise AssertionError(f"step {step} was not reached: {world.progress}")


def pods(world: World, revision: str = "v1") -> int:
    return len(world.groups[revision].made)


def ensured(plan: Plan) -> dict[str, int]:
    return {one.revision: one.replicas for one in plan.actions if isinstance(one, EnsureRevision)}


# Which they are


def test_pods_of_stable_that_were_made_since_the_trial_began_are_fresh() -> None:
    world = at(1)
    assert [pod.name for pod in fresh_pods(world.observed(), world.progress)] == ["chat-v1-4"]
    world.groups["v1"].made[0] = world.now  # an old one that was made again
    assert [pod.name for pod in fresh_pods(world.observed(), world.progress)] == ["chat-v1-0", "chat-v1-4"]


def test_clocks_of_the_api_server_and_of_the_operator_may_differ_a_little() -> None:
    world = at(1)
    began = world.progress.candidate_since
    world.groups["v1"].made = [began - CLOCKS_DIFFER, began - CLOCKS_DIFFER - 1, *world.groups["v1"].made[2:]]
    assert [pod.name for pod in fresh_pods(world.observed(), world.progress)] == ["chat-v1-0", "chat-v1-4"]


def test_nothing_is_fresh_while_nothing_is_on_trial() -> None:
    world = roomy()
    assert fresh_pods(world.observed(), world.progress) == ()


def test_other_rules_in_the_middle_keep_the_fresh_pods_of_the_trial() -> None:
    world = at(2)
    world.spec = replace(world.spec, evidence_rules="rules-2")
    world.settle(5)
    assert world.progress.attempt == 2
    assert (world.progress.step, world.weights) == (1, (5,)), "fresh pods are there, so nothing has to wait"
    assert len(fresh_pods(world.observed(), world.progress)) == 1
    assert pods(world) == 5


def test_a_baseline_that_is_asked_for_in_the_middle_comes_before_any_share() -> None:
    world = healthy()
    world.free_gpus, world.wanted, world.verdict = 32, "v2", Verdict.PASS
    for _ in world.run(3000):
        if world.progress.step == 2 and not world.progress.heading:
            break
    world.verdict = Verdict.NOT_ENOUGH
    world.spec = replace(world.spec, standards=FRESH, evidence_rules="rules-2")
    world.settle(1)
    assert world.weights == (0,), "nothing could be learnt at any weight"
    assert pods(world) == 5
    world.settle(40)
    assert world.weights == (5,)


# How many there should be


@pytest.mark.parametrize(("step", "wanted"), [(1, 5), (2, 5), (3, 6)])
def test_stable_has_as_many_more_as_the_candidate_has(step: int, wanted: int) -> None:
    world = at(step)
    assert (pods(world), pods(world, "v2")) == (wanted, wanted - 4)


def test_a_share_waits_for_fresh_pods_that_are_ready_and_warm() -> None:
    world = roomy(warm_up_seconds=15.0)
    world.wanted = "v2"
    world.settle(1)
    world.groups["v1"].made[-1] += 10  # later than the candidate's
    world.settle(34)
    assert world.weights == (0,)
    assert "fresh pod of stable" in world.tick().sentence
    world.settle(20)
    assert world.weights == (5,)


def test_the_first_revision_has_none() -> None:
    assert pods(roomy()) == 4


def test_a_return_that_needs_no_evidence_needs_none() -> None:
    world = roomy()
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(420)
    assert (world.progress.stable, pods(world, "v1")) == ("v2", 4)
    world.wanted = "v1"
    most = max(len(world.groups["v2"].made) for _ in world.run(60))
    assert (world.progress.stable, most) == ("v1", 4)


def test_without_accelerators_for_all_of_it_nothing_is_made() -> None:
    world = healthy(standards=FRESH)
    world.free_gpus, world.wanted = 9, "v2"  # 4 of stable; 4 and 2 are needed
    world.settle(60)
    assert (pods(world), world.groups.get("v2")) == (4, None)
    world.free_gpus = 10
    world.settle(60)
    assert (pods(world), pods(world, "v2"), world.weights) == (5, 1, (5,))


def test_accelerators_that_are_gone_later_hold_up_the_next_step_only() -> None:
    world = at(2)
    world.free_gpus, world.verdict = 7, Verdict.PASS  # 5 and 1 are held, 2 more are needed
    world.settle(300)
    assert (pods(world), pods(world, "v2"), world.weights) == (5, 1, (25,))
    world.free_gpus = 32
    world.settle(60)
    assert (pods(world), pods(world, "v2"), world.weights) == (6, 2, (50,))


def test_the_limit_of_accelerators_counts_them() -> None:
    world = roomy(max_extra_gpus=5)
    world.wanted = "v2"
    plan = world.tick()
    assert plan.reason == "MaxExtraGPUsTooLow"
    assert "needs 6 extra GPUs before promotion, 2 of them for fresh pods of stable" in plan.sentence
    assert plan.sentence.endswith("Write maxExtraGPUs: 6 or fewer replicas or baseline: stable.")
    assert healthy(max_extra_gpus=4).tick().reason == "Healthy"


def test_the_limit_of_accelerators_holds_for_a_baseline_that_is_asked_for_in_the_middle() -> None:
    world = healthy(max_extra_gpus=4)
    world.free_gpus, world.wanted, world.verdict = 32, "v2", Verdict.PASS
    for _ in world.run(3000):
        if world.progress.step == 2 and not world.progress.heading:
            break
    world.spec = replace(world.spec, standards=FRESH, evidence_rules="rules-2")
    world.settle(300)
    plan = world.tick()
    assert (pods(world), world.weights, world.progress.candidate) == (4, (0,), "v2")
    assert (plan.reason, plan.progress.phase) == ("MaxExtraGPUsTooLow", "Preparing")
    assert plan.sentence == (
        "Candidate v2, before step 1 (5 %): 0 of 1 fresh pod of stable is ready; with 2 fresh pods of stable it needs "
        "6 extra GPUs before promotion, and workload.maxExtraGPUs allows 4. Write maxExtraGPUs: 6 or fewer replicas or "
        "baseline: stable."
    )
    world.spec = replace(world.spec, max_extra_gpus=6)
    world.settle(60)
    assert pods(world) == 5
    assert world.weights != (0,)


@pytest.mark.parametrize("again", ["retry", "newer"])
def test_the_limit_of_accelerators_holds_for_a_trial_that_begins_by_another_way(again: str) -> None:
    world = at(1)
    world.spec = replace(world.spec, max_extra_gpus=5)
    if again == "retry":
        world.ask("abort", "t1")
        world.settle(60)
        world.ask("retry", "t2")
    else:
        world.wanted = "v3"
    world.settle(120)
    assert (pods(world), world.weights, world.tick().reason) == (4, (0,), "MaxExtraGPUsTooLow")


def test_fresh_pods_without_accelerators_are_not_held_up_by_the_limit() -> None:
    world = at(1, max_extra_gpus=6)
    seen, tight = world.observed(), replace(world.spec, max_extra_gpus=3)
    bare = tuple(replace(one, template={}) for one in seen.deployed)
    s = Situation(spec=tight, observed=seen, progress=world.progress, measured=Measured(), now=world.now)
    assert (s.peak_gpus, s.fresh_allowed) == (6, False)
    s = replace(s, observed=replace(seen, deployed=bare))
    assert (s.peak_gpus, s.fresh_allowed) == (4, True)


def test_pods_of_stable_count_by_what_they_ask_for_themselves() -> None:
    template = {"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "2"}}}]}}
    stable = Deployed(revision="v1", template=template, replicas=4, ready=4)
    assert [as_candidates(3, stable, per_pod) for per_pod in (1, 2, 4)] == [6, 3, 2]
    assert as_candidates(3, None, 4) == 0


def test_more_replicas_in_the_middle_come_at_once_and_fewer_do_not_hold_up_the_trial() -> None:
    world = at(1)
    world.spec = replace(world.spec, replicas=6)
    world.settle(60)
    assert pods(world) == 7
    world.spec = replace(world.spec, replicas=3)
    world.settle(60)
    assert pods(world) == 4
    assert len(fresh_pods(world.observed(), world.progress)) >= 1
    world.verdict = Verdict.PASS
    world.settle(400)
    assert (world.progress.stable, pods(world, "v2")) == ("v2", 3)


@pytest.mark.parametrize("verb", ["abort", "fail", "revert"])
def test_they_stay_until_the_traffic_is_back_and_drained_and_then_go(verb: str) -> None:
    world = at(3)
    if verb == "abort":
        world.ask("abort", "t1")
    elif verb == "fail":
        world.verdict = Verdict.FAIL
    else:
        world.wanted = "v1"
    world.settle(20)
    assert (world.weights, pods(world)) == ((0,), 6)
    world.settle(40)
    assert (world.weights, pods(world)) == ((0,), 4)


def test_a_rollout_at_rest_wakes_up_to_take_them_away() -> None:
    world = at(1)
    world.ask("abort", "t1")
    for _ in range(10):
        plan = world.tick()
    assert plan.wake_at is not None
    assert plan.wake_at <= world.now + world.spec.drain


def test_a_deleted_rollout_leaves_stable_with_as_many_pods_as_it_should_have() -> None:
    world = at(3)
    world.deleting_since = world.now
    world.settle(30)
    assert world.released == Release(keep=("v1",))
    assert pods(world) == 4


def no_longer_asked_for(world: World) -> World:
    """The spec asks for `baseline: stable` in mid-trial."""
    world.spec = replace(world.spec, standards=standards(), evidence_rules="rules-2")
    return world


def test_a_baseline_that_is_no_longer_asked_for_goes_once_its_requests_are_answered() -> None:
    world = no_longer_asked_for(at(3)).settle(10)
    assert pods(world) == 6
    world.settle(30)
    assert (pods(world), world.progress.candidate) == (4, "v2")


def test_a_former_stable_keeps_no_fresh_pods_where_a_baseline_is_no_longer_asked_for() -> None:
    world = at(3)
    world.verdict = Verdict.PASS
    for _ in world.run(600):
        if world.progress.stable == "v2":
            break
    world.spec = replace(world.spec, standards=standards())
    assert pods(world) == 6
    world.settle(40)
    assert pods(world) == 4


def test_a_deleted_rollout_takes_them_away_also_where_they_are_no_longer_asked_for() -> None:
    world = at(3)
    world.spec = replace(world.spec, standards=standards())
    world.deleting_since = world.now
    world.settle(30)
    assert world.released == Release(keep=("v1",))
    assert pods(world) == 4


def invalid(world: World) -> World:
    """What the source says cannot be followed from now on."""
    world.problems = ("Write workload.port.",)
    return world


def test_what_a_trial_left_goes_also_where_the_spec_cannot_be_followed() -> None:
    world = at(3)
    world.ask("abort", "t1")
    world.tick()
    invalid(world).settle(20)
    assert world.progress.phase == "Invalid"
    assert (pods(world), pods(world, "v2")) == (6, 2), "requests that they had taken on are answered"
    assert world.tick().wake_at is not None
    world.settle(20)
    assert (pods(world), pods(world, "v2")) == (4, 0)


def test_where_the_spec_cannot_be_followed_nothing_goes_that_may_be_needed() -> None:
    on_trial = invalid(at(3)).settle(60)
    assert (pods(on_trial), pods(on_trial, "v2")) == (6, 2)
    for told in ({"replicas": None}, {"replicas": 5}):
        world = at(3)
        world.ask("abort", "t1")
        world.tick()
        world.spec = replace(world.spec, **told)
        invalid(world).settle(60)
        assert pods(world) == (told["replicas"] or 6)
    moved = at(3)
    moved.ask("abort", "t1")
    moved.tick()
    moved.stable_selector = "v2"
    invalid(moved).settle(60)
    assert (pods(moved), pods(moved, "v2")) == (6, 2), "someone else says who is stable"


def test_a_deletion_that_took_too_long_writes_nothing_more() -> None:
    world = at(3)
    world.deleting_since = world.now - 200
    plan = world.tick()
    assert [type(one) for one in plan.actions] == [Release]


def test_a_killed_operator_comes_to_the_same_pods() -> None:
    world = at(2)
    world.lose_status = True
    world.verdict = Verdict.PASS
    for _ in range(3):
        world.settle(30)
        assert pods(world) <= 6
    world.lose_status = False
    world.settle(600)
    assert (world.progress.stable, pods(world, "v2"), pods(world, "v1")) == ("v2", 4, 0)


# When one of them cannot be


def without_its_fresh_pod(world: World) -> World:
    """The youngest pod of stable was evicted, and a new one does not come up; the old ones stay ready."""
    group = world.groups["v1"]
    group.made[:4] = [0.0] * 4
    group.made[4:] = [world.now] * len(group.made[4:])
    group.start_seconds = 100_000.0
    return world


def waits_for_a_first_share() -> World:
    """v2 is on trial and its pods are ready; the fresh pod of stable does not come up."""
    world = roomy()
    world.wanted = "v2"
    return without_its_fresh_pod(world.settle(1))


def test_a_fresh_pod_that_is_late_ends_the_trial_before_its_first_share() -> None:
    world = waits_for_a_first_share().settle(590, step=5.0)
    assert world.progress.candidate == "v2"
    world.settle(20)
    assert world.progress.rejected[0].cause is Cause.ROLLBACK
    assert world.progress.rejected[0].sentence == (
        "Taken back before step 1: there is nothing to compare it with, because fresh pod chat-v1-4 of stable was not "
        "ready after 600 s: starting. Ask for retry, or write baseline: stable."
    )


def test_the_time_for_a_fresh_pod_begins_when_the_share_begins_to_wait_for_it() -> None:
    world = waits_for_a_first_share()
    world.ask("pause", "t1")
    world.settle(2000, step=10.0)
    assert world.progress.candidate == "v2", "nothing waits in a pause"
    world.ask("resume", "t2")
    world.settle(590, step=5.0)
    assert world.progress.candidate == "v2", "the pod is older than its deadline, and was waited for since the resume"
    world.settle(20)
    assert world.progress.candidate == ""


def test_a_fresh_pod_that_is_evicted_in_a_step_does_not_end_the_trial_when_the_step_passes() -> None:
    world = without_its_fresh_pod(at(2)).settle(2000, step=10.0)
    world.verdict = Verdict.PASS
    world.settle(590, step=5.0)
    assert world.tick().reason == "NotReady"
    world.settle(2000, step=10.0)
    plan = world.tick()
    assert (world.progress.candidate, world.weights, plan.reason) == ("v2", (25,), "BaselineNotReady")
    assert "fresh pod chat-v1-4 of stable was not ready after 600 s: starting." in plan.sentence
    world.groups["v1"].start_seconds = 20.0
    world.settle(60)
    assert world.weights == (50,)


@pytest.mark.parametrize("what", ["silent", "limit", "other rules"])
def test_a_candidate_that_had_a_share_and_lost_it_is_not_taken_back_for_want_of_a_baseline(what: str) -> None:
    world = without_its_fresh_pod(at(1)).settle(30)
    if what == "silent":
        world.silent = 60.0
    elif what == "limit":
        world.groups["v2"].made = [world.now]
    else:
        world.groups["v1"].made[4:] = []
        world.spec = replace(world.spec, evidence_rules="rules-2")
    world.settle(16)
    assert world.weights == (0,)
    world.settle(2000, step=10.0)
    assert (world.progress.candidate, world.weights) == ("v2", (0,))


def overloaded(world: World, *old_ready: float | None) -> Plan:
    """The candidate's pod stops being ready for the third time, a fresh pod of stable loads; its old ones as told."""
    seen = world.observed()
    candidate, stable = seen.revision("v2"), seen.revision("v1")
    assert candidate is not None
    assert stable is not None
    world.progress = replace(world.progress, unready=2)
    lost = replace(candidate.pods[0], ready_since=None, unready_since=world.now)
    old = [replace(pod, ready_since=since) for pod, since in zip(stable.pods, old_ready, strict=False)]
    loads = replace(stable.pods[4], created_at=world.now - 5, ready_since=None)
    ready = sum(since is not None for since in old_ready)
    deployed = (
        replace(candidate, ready=0, pods=(lost,)),
        replace(stable, ready=ready, pods=(*old, loads)),
    )
    told = replace(seen, deployed=deployed, candidate_endpoints=0)
    return decide(world.spec, told, world.progress, Measured(), world.now)


def test_an_overloaded_candidate_is_taken_back_while_a_fresh_pod_of_stable_loads() -> None:
    world = at(1)
    world.now += 10
    assert overloaded(world, 1.0, 1.0, 1.0, 1.0).reason == "CandidateOverloaded"
    assert overloaded(world, 1.0, 1.0, 1.0, None).reason == "CapacityLost", "stable loses pods, too"
    assert overloaded(world, 1.0, 1.0, 1.0).reason == "CapacityLost", "stable has lost one"
    world.spec = replace(world.spec, replicas=3)
    assert overloaded(world, 1.0, 1.0, 1.0, None).reason == "CapacityLost", "an old one is not ready"


def test_fresh_pods_of_a_stable_that_runs_elsewhere_need_none_of_the_candidates_room() -> None:
    world = at(1)
    template = {"spec": {**world.pod_spec, "nodeSelector": {"pool": "old"}}}
    stable, here = Deployed(revision="v1", template=template, replicas=4, ready=4), {"spec": world.pod_spec}
    assert not shares_room(stable, here)
    assert shares_room(replace(stable, template=here), here)
    assert not shares_room(replace(stable, template={"spec": {}}), here)
    seen, ahead = world.observed(), replace(world.progress, heading=3)
    apart = tuple(replace(one, template=template) if one.revision == "v1" else one for one in seen.deployed)
    s = Situation(spec=world.spec, observed=seen, progress=ahead, measured=Measured(), now=world.now)
    assert replicas.missing_fresh(s, ahead) == 1
    assert replicas.missing_fresh(replace(s, observed=replace(seen, deployed=apart)), ahead) == 0


def test_a_stable_with_more_pods_than_a_whole_revision_is_not_said_to_have_more_than_all() -> None:
    world = at(3)
    world.wanted = "v1"
    world.settle(10)
    assert "4 of 4 pods ready" in world.tick().sentence


# Who is compared


def test_a_question_names_the_fresh_pods_as_the_baseline() -> None:
    world = at(1)
    asked = needs.needs(world.spec, world.observed(), world.progress)
    assert asked is not None
    roles = {one.pod: one.role for one in asked.pods}
    assert roles == {f"chat-v1-{n}": Role.STABLE for n in range(4)} | {
        "chat-v1-4": Role.BASELINE,
        "chat-v2-0": Role.CANDIDATE,
    }
    plain = needs.needs(replace(world.spec, standards=standards()), world.observed(), world.progress)
    assert plain is not None
    assert Role.BASELINE not in {one.role for one in plain.pods}


def counted(role: Role, counts: Counts, sli: str) -> PodLook:
    return PodLook(pod=role.value, role=role, start=0.0, end=15.0, counts={sli: counts})


def look(k: int, sli: Sli, weight: int = 50, *, by: Mapping[str, Counts]) -> Look:
    several = tuple(counted(Role(role), one, sli.name) for role, one in by.items())
    return Look(at=15.0 * k, weight=weight, step=1, pods=several, covered_seconds=15.0)


def judged(sli: Sli, looks: int = 20, **by_role: Counts) -> judge.EvidenceState:
    state = judge.begin([sli], FRESH, quiet(sli))
    for k in range(looks):
        state = judge.advance(state, look(k, sli, by=by_role))
    return state


def of_requests(share: float, n: float = 1000) -> Ratio:
    return Ratio(total=n, bad=share * n)


def of_times(late: float, n: float = 1000) -> Histogram:
    return Histogram(edges=EDGES, counts=(n * (1 - late), *[0.0] * (len(EDGES) - 2), n * late))


@pytest.mark.parametrize(
    ("sli", "good", "bad"),
    [
        (errors(), of_requests(0.005), of_requests(0.05)),
        (latency(), of_times(0.005), of_times(0.05)),
        (
            errors("faults", rate=True, budget=2 / 3600),
            Rate(events=0.0, exposure=1500.0),
            Rate(events=30.0, exposure=1500.0),
        ),
    ],
)
def test_neither_good_old_pods_accuse_nor_bad_ones_excuse_a_candidate(sli: Sli, good: Counts, bad: Counts) -> None:
    assert judged(sli, stable=good, baseline=bad, candidate=bad).failure is None
    assert judged(sli, stable=bad, baseline=good, candidate=bad).failure is not None


@pytest.mark.parametrize("sli", [errors(), latency()])
def test_without_a_baseline_there_is_no_verdict_and_the_sentence_says_why(sli: Sli) -> None:
    good = of_times(0.001) if sli.latency else of_requests(0.001)
    state = judged(sli, looks=400, stable=good, candidate=good)
    told = judge.verdict(state)
    assert (told.verdict, told.reason, told.covered_seconds) == (Verdict.NOT_ENOUGH, "NoBaseline", 0.0)
    assert "No fresh pod of stable has counted anything at this step" in told.sentence
    assert judge.verdict(judged(sli, looks=400, baseline=good, candidate=good)).verdict is Verdict.PASS


def test_the_share_is_that_of_the_whole_service() -> None:
    sli = errors()
    fair = {
        "stable": of_requests(0.005, 720),
        "baseline": of_requests(0.005, 180),
        "candidate": of_requests(0.005, 100),
    }
    state = judge.begin([sli], FRESH, quiet(sli))
    for k in range(200):
        state = judge.advance(state, look(k, sli, weight=10, by=fair))
    assert not state.share.mismatch
    assert state.last_share == pytest.approx(10.0)


def test_a_jump_of_old_pods_alone_leaves_nothing_out_and_one_of_both_arms_does() -> None:
    sli, calm, rough = errors(), of_requests(0.005), of_requests(0.2)
    many, storm = of_requests(0.005, 50_000), of_requests(0.2, 50_000)
    before = look(1, sli, by={"stable": many, "baseline": calm, "candidate": calm})
    assert not jumped(before, look(2, sli, by={"stable": storm, "baseline": calm, "candidate": calm}))
    assert jumped(before, look(2, sli, by={"stable": many, "baseline": rough, "candidate": rough}))
    assert not jumped(before, look(2, sli, by={"stable": many, "candidate": rough})), "one arm has no part in it"


def test_a_silent_candidate_is_missed_by_the_requests_of_all_pods() -> None:
    sli = errors()
    silent = {"stable": of_requests(0.0, 800), "baseline": of_requests(0.0, 200), "candidate": of_requests(0.0, 0)}
    state = judged(sli, looks=4, **silent)
    assert state.silent_requests == 1000.0


def test_a_forecast_counts_with_the_requests_of_the_fresh_pods() -> None:
    stage = Stage(step=1, weight=20, pods1=1, pods0=1, beside=4)
    arms = arms_of(stage, rate=100.0, interval=10.0, sli=errors())
    assert (arms.n1, arms.n0, arms.pods0) == (200.0, 160.0, 1)
    world = at(1)
    world.progress = replace(world.progress, forecast=None)
    asked = needs.needs(world.spec, world.observed(), world.progress)
    assert asked is not None
    assert [(one.pods0, one.beside) for one in asked.stages] == [(1, 4), (1, 4), (2, 4)]


# What is known of pods that are gone


def samples(*names: str) -> list[tuple[Role, Series]]:
    return [(Role.STABLE, Series(pod=name, sli="errors", part="total", points=((1.0, 1.0),))) for name in names]


def test_a_pod_that_is_gone_was_fresh_if_it_had_no_samples_before_the_trial() -> None:
    world = at(1)
    asked = needs.needs(world.spec, world.observed(), world.progress)
    assert asked is not None
    past = [look(1, errors(), by={"stable": of_requests(0.0)})]
    begun = replace(trial.begin(asked, no_history(asked.slis)), old=trial.pods_of(past))
    told = trial.with_roles(begun, asked, samples("stable", "gone", "chat-v1-0", "chat-v1-4"))
    assert [role for role, _ in told] == [Role.STABLE, Role.BASELINE, Role.STABLE, Role.BASELINE]
    unknown = trial.with_roles(replace(begun, old=()), asked, samples("gone"))
    assert [role for role, _ in unknown] == [Role.STABLE], "nothing is known of the time before"
    again = replace(asked, began=asked.since + 600, tried_since=asked.since - 60, shifts=())
    first, second = replace(past[0], at=asked.since - 100), look(1, errors(), by={"baseline": of_requests(0.0)})
    looks = (first, replace(second, at=asked.since + 100))
    assert trial.begin(again, no_history(asked.slis), looks).old == ("stable",), "the other is fresh, of attempt 1"
    plain = replace(asked, standards=standards())
    assert [role for role, _ in trial.with_roles(begun, plain, samples("gone"))] == [Role.STABLE]
