"""Pods: since when ready, how often restarted, and why not ready, in Kubernetes' own words."""

from typing import Any

import pytest

from serinus.workloads.pods import epoch_seconds, is_live, read_pod
from tests.workloads.worlds import a_pod

AT_10 = 1793527200.0


def condition(kind: str, status: str, **said: str) -> dict[str, str]:
    return {"type": kind, "status": status, "lastTransitionTime": "2026-11-01T10:01:00Z", **said}


def container(name: str = "model", *, restarts: int = 0, last: Any = None, **state: Any) -> dict[str, Any]:
    return {"name": name, "restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}


def ended(code: int, reason: str = "Error", at: str = "2026-11-01T10:02:00Z", **more: str) -> dict[str, Any]:
    return {"exitCode": code, "reason": reason, "finishedAt": at, **more}


def unready(*containers: Any, init: Any = (), conditions: Any = None) -> Any:
    said = condition("Ready", "False", message="containers with unready status: [model]")
    return a_pod(
        phase="Pending",
        conditions=[said] if conditions is None else conditions,
        containerStatuses=list(containers),
        initContainerStatuses=list(init),
    )


def why(pod: Any) -> tuple[str, str]:
    read = read_pod(pod)
    assert read.ready_since is None
    return read.waiting_reason, read.waiting


def test_times_are_seconds_since_the_epoch() -> None:
    assert epoch_seconds("2026-11-01T10:00:00Z") == AT_10
    assert epoch_seconds("2026-11-01T10:00:00.500000Z") == AT_10 + 0.5


def test_a_ready_pod_says_since_when_and_waits_for_nothing() -> None:
    pod = read_pod(a_pod())
    assert (pod.name, pod.created_at, pod.ready_since) == ("chat-bcd45678-1", AT_10, AT_10 + 300)
    assert (pod.waiting, pod.waiting_reason, pod.restarts, pod.failed_at) == ("", "", 0, None)


def test_a_pod_that_cannot_be_placed_is_explained_by_the_scheduler() -> None:
    said = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    pod = unready(conditions=[condition("PodScheduled", "False", reason="Unschedulable", message=said)])
    assert why(pod) == ("Unschedulable", said)


def test_a_pod_that_is_held_back_on_purpose_says_that_and_not_that_no_node_fits() -> None:
    pod = unready(conditions=[condition("PodScheduled", "False", reason="SchedulingGated", message="gated by quota")])
    assert why(pod) == ("SchedulingGated", "gated by quota")


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CreateContainerConfigError", "ErrImagePull"])
def test_a_container_that_cannot_start_is_explained_by_the_kubelet(reason: str) -> None:
    pod = unready(container(waiting={"reason": reason, "message": "no such image"}))
    assert why(pod) == (reason, f"container model {reason}: no such image")


def test_a_crash_loop_says_how_the_container_last_ended() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
    pod = unready(container(restarts=3, waiting=waiting, last=ended(137, "OOMKilled")))
    assert why(pod) == (
        "CrashLoopBackOff",
        "container model CrashLoopBackOff: back-off 10s; it last ended with exit code 137 (OOMKilled)",
    )
    assert read_pod(pod).restarts == 3


def test_a_container_that_just_ended_with_an_error_says_its_last_words() -> None:
    pod = unready(container(terminated=ended(1, message="no weights\n")))
    assert why(pod) == ("Error", "container model ended with exit code 1 (Error): no weights")


def test_an_end_without_a_reason_or_a_time_is_told_by_its_exit_code() -> None:
    end = {"exitCode": 3, "reason": "", "finishedAt": None}
    pod = unready(container(terminated=end))
    assert why(pod) == ("Error", "container model ended with exit code 3")
    assert read_pod(pod).failed_at is None


def test_what_cannot_go_on_comes_before_what_is_on_its_way() -> None:
    on_the_way = container("proxy", waiting={"reason": "ContainerCreating"})
    stuck = container(waiting={"reason": "CreateContainerConfigError", "message": 'secret "x" not found'})
    assert why(unready(on_the_way, stuck))[0] == "CreateContainerConfigError"
    assert why(unready(on_the_way)) == ("ContainerCreating", "container proxy ContainerCreating")


def test_an_init_container_that_fails_is_the_reason_and_not_the_container_that_waits_for_it() -> None:
    pod = unready(
        container(waiting={"reason": "PodInitializing"}),
        init=[container("fetch", waiting={"reason": "CrashLoopBackOff"}, restarts=2)],
    )
    assert why(pod) == ("CrashLoopBackOff", "container fetch CrashLoopBackOff")
    assert read_pod(pod).restarts == 2


def test_a_running_container_that_is_not_ready_is_said_to_be_so() -> None:
    pod = unready(container(running={"startedAt": "2026-11-01T10:00:30Z"}))
    assert why(pod) == ("NotReady", "containers with unready status: [model]")


def test_an_init_container_that_ended_well_is_no_reason() -> None:
    pod = unready(container(running={}), init=[container("fetch", terminated=ended(0, "Completed"))])
    assert why(pod)[0] == "NotReady"
    assert read_pod(pod).failed_at is None


def test_a_pod_without_any_status_is_pending() -> None:
    assert why(a_pod(conditions=[], phase="Pending")) == ("Pending", "no node has taken it yet")


def test_the_last_failure_of_any_container_is_kept() -> None:
    pod = a_pod(
        containerStatuses=[
            container(restarts=1, last=ended(1, at="2026-11-01T10:03:00Z"), running={}),
            container("proxy", restarts=1, last=ended(2, at="2026-11-01T10:02:00Z"), running={}),
        ]
    )
    assert read_pod(pod).failed_at == AT_10 + 180


def test_a_pod_that_is_being_deleted_is_neither_ready_nor_live() -> None:
    pod = a_pod()
    pod["metadata"]["deletionTimestamp"] = "2026-11-01T11:00:00Z"
    assert why(pod) == ("Terminating", "it is being deleted")
    assert not is_live(pod)


def test_pods_that_are_over_are_not_live() -> None:
    assert is_live(a_pod())
    assert not is_live(a_pod(phase="Failed"))
    assert not is_live(a_pod(phase="Succeeded"))
