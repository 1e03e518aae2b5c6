"""The five acts: what is applied, what must happen, and what is checked afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from examples.demo import kube, measures
from examples.demo.kube import Manifest
from examples.demo.measures import Answers
from examples.demo.teller import ActFailed, Record, Watch, condition_reason, harm, say, say_command

_SCRAPED = 5.0
"""Seconds after which Prometheus has scraped what happened before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an act ended."""

    title: str
    began: float
    seconds: float
    sentence: str
    """For the table at the end and the picture."""


def check(holds: bool, claim: str) -> None:
    """Say what was checked and holds; raises `ActFailed` where it does not."""
    if not holds:
        raise ActFailed(f"this should hold and does not: {claim}")
    say(f"✓ {claim}")


def first_version(record: Record) -> str:
    """Act 1: v1 becomes stable, and users come."""
    _apply("namespace.yaml", "route.yaml", "rollout.yaml", "v1.yaml")
    say(
        "A Deployment with 0 replicas (the source), the route, and the rollout. Nothing is there to compare with, so "
        "the first version becomes stable as soon as its pods are ready."
    )
    watch = Watch(record)
    seen = watch.until(lambda status: condition_reason(status) == "Healthy", 240, "v1 as the stable version")
    check(seen["stable"]["ready"] == 2, "v1 is stable with 2 pods of 1 GPU each")
    say("Now users come: 160 requests a second through the gateway, one in 25 with a pixel that is missing.")
    _apply("load.yaml")
    _wait_for_users()
    return "v1 is stable, without steps"


def _wait_for_users() -> None:
    """Until they come at the full rate, and ten seconds more: the first requests warm the model up."""
    end = time.time() + 90
    while time.time() < end:
        rates = measures.now()[measures.REQUESTS]
        if sum(rates.values()) > 140:
            time.sleep(10)
            check(True, f"{sum(rates.values()):.0f} requests a second arrive")
            return
        time.sleep(2)
    raise ActFailed(
        f"140 requests a second did not arrive: {measures.now()[measures.REQUESTS]}; is the machine busy otherwise?"
    )


def better_version(record: Record) -> str:
    """Act 2: v2 is promoted, and its pods are loaded once."""
    before = _answers()
    _apply("v2.yaml")
    say("It gets 20 %, then 50 % of the requests, and all of them once it is shown to be no worse than v1.")
    watch = Watch(record)
    old = kube.status()["stable"]["revision"]
    seen = watch.until(lambda status: _promoted(status, old), 420, "the promotion of v2")
    stable = seen["stable"]["revision"]
    check(record.versions[stable] == "v2", "v2 is stable; Git's route says 100/0 again")
    promoted = kube.seconds_of(_decision(record, "promote", stable)["time"])
    mine = sorted(record.pods[stable].values(), key=lambda pod: pod.started)
    check(
        len(mine) == 2 and {pod.uid for pod in kube.pods() if pod.revision == stable} == {pod.uid for pod in mine},
        "v2 ever had two pods, and they are the two that serve now",
    )
    for pod in mine:
        late = kube.seconds_of(pod.started) - promoted
        check(
            pod.restarts == 0 and late <= 0,
            f"{pod.name} started {-late:.0f} s before v2 got all requests and was not started again",
        )
    told = _told(_answers() - before)
    say(f"Of users' requests meanwhile, {told}.")
    return f"v2 promoted; of users' requests, {told}"


def failing_version(record: Record) -> str:
    """Act 3: v3 raises on inputs with missing features and is taken back at the first step."""
    before = _answers()
    _apply("v3.yaml")
    say("As accurate as v2 on the test data, which has no gaps. Real requests have.")
    return _taken_back(record, "v3", "mlserver/success-rate", before)


def slow_version(record: Record) -> str:
    """Act 4: v4 is slow and is taken back on latency."""
    before = _answers()
    _apply("v4.yaml")
    say("It makes no errors. Its answers only take several times as long.")
    return _taken_back(record, "v4", "mlserver/latency", before)


def _taken_back(record: Record, version: str, sli: str, before: Answers) -> str:
    stable = kube.status()["stable"]["revision"]
    known = set(record.decisions)
    watch = Watch(record)
    seen = watch.until(lambda status: _new_end(status, known), 420, f"the end of the trial of {version}")
    check(seen["phase"] == "RolledBack", f"{version} is taken back, and stays away until it changes")
    check(seen["stable"]["revision"] == stable, "v2 is still stable")
    check(f"{sli} is worse" in seen["message"], f"the reason is {sli}")
    each = ", ".join(f"{one['name']} {one['eHarm']}" for one in seen["slis"])
    say(f"Evidence of harm in the status now: {harm(seen):.3g}, the average of {each}; 100 was needed.")
    decisions = [one for number, one in sorted(record.decisions.items()) if number not in known]
    weights = [one["weight"] for one in decisions]
    check(max(weights) == 20, f"{version} never got more than 20 %")
    shown = next(kube.seconds_of(one["time"]) for one in decisions if one["weight"] == 20)
    took = kube.seconds_of(decisions[-1]["time"]) - shown
    cost = _answers() - before
    say(f"From its first share of the requests to the rollback: {took:.0f} s. Of users' requests, {_told(cost)}.")
    if cost.failed:
        everyone = 60 * _bad_share(seen) * 160
        say(f"Given to everybody at once, {version} would have failed about {everyone:.0f} requests a minute.")
    return f"{version} rolled back after {took:.0f} s at 20 %; of users' requests, {_told(cost)}"


def _bad_share(seen: Manifest) -> float:
    """The candidate's share of bad answers, as the status of its trial says."""
    slis = seen.get("slis", ())
    found = next((one["candidate"] for one in slis if one["name"].endswith("success-rate")), "0%")
    return float(found.rstrip("%")) / 100


def greedy_version(record: Record) -> str:
    """Act 5: v5 wants more GPUs than are free; nothing moves."""
    pods = {pod.uid for pod in kube.pods()}
    _apply("v5.yaml")
    watch = Watch(record)
    seen = watch.until(
        lambda status: condition_reason(status) == "InsufficientCapacity", 60, "a word about GPUs that are missing"
    )
    check("needs 8 x nvidia.com/gpu" in seen["message"], "the status says what is missing, before any pod is made")
    end = time.time() + 8
    while time.time() < end:
        seen = watch.look()
        if seen["weights"]["wanted"] != 0:
            raise ActFailed("traffic moved although GPUs are missing")
        time.sleep(2)
    check({pod.uid for pod in kube.pods()} <= pods, "no pod was made, none waits as Pending, no request moved")
    sentence = seen["message"].rstrip(".")
    say("Back to v2, as a revert in Git would do it.")
    _apply("v2.yaml")
    seen = watch.until(lambda status: condition_reason(status) == "Healthy", 120, "rest with v2")
    check(record.versions[seen["stable"]["revision"]] == "v2", "at rest: v2 is stable, and nothing is on trial")
    return f"nothing moved: {sentence[sentence.find('needs') :]}"


def _apply(*files: str) -> None:
    say_command(f"kubectl -n {kube.NAMESPACE} apply " + " ".join(f"-f examples/demo/{file}" for file in files))
    kube.apply(*files)


def _promoted(status: Manifest, old: str) -> bool:
    if status.get("phase") == "RolledBack":
        raise ActFailed(f"v2 was taken back: {status['message']}")
    return status.get("phase") == "Healthy" and (status.get("stable") or {}).get("revision") != old


def _new_end(status: Manifest, known: set[int]) -> bool:
    new = [one for one in status.get("decisions", ()) if one["number"] not in known]
    return status.get("phase") in ("RolledBack", "Healthy", "Paused") and any(one["weight"] for one in new)


def _decision(record: Record, cause: str, revision: str) -> Manifest:
    return next(
        one for _, one in sorted(record.decisions.items()) if one["cause"] == cause and one["revision"] == revision
    )


def _answers() -> Answers:
    """What users were answered so far."""
    time.sleep(_SCRAPED)
    return measures.answers()


def _told(answered: Answers) -> str:
    """What the act cost users, in words."""
    told = f"{answered.failed:.0f} of {answered.total:,.0f} failed in a model"
    if answered.lost:
        told += f", {answered.lost:.0f} were lost between Envoy and a pod"
    return told


ACTS: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("Act 1: the first version", first_version),
    ("Act 2: a better version", better_version),
    ("Act 3: a version that fails where data is missing", failing_version),
    ("Act 4: a version that is slow", slow_version),
    ("Act 5: a version that does not fit", greedy_version),
)
