"""The shortest promotion and the shortest rollback of real pods, by real requests through a real Envoy."""

import pytest

from tests.whole.stage import Stage

pytestmark = pytest.mark.whole


def test_an_equal_version_is_promoted_by_real_requests_and_no_pod_is_started_twice(stage: Stage) -> None:
    old = stage.status()["stable"]["revision"]
    stage.source("v2")
    stage.wait_for("Analyzing", also=lambda status: (status.get("weights") or {}).get("wanted") == 50)
    trial = set(stage.pods())
    status = stage.wait_for("Healthy", 150, also=lambda status: status["stable"]["revision"] != old)
    assert stage.weights() == (100, 0)
    assert [one["cause"] for one in reversed(status["decisions"])][-4:] == ["start", "step", "promote", "finish"]
    mine = {uid: once for uid, (revision, once) in stage.pods().items() if revision == status["stable"]["revision"]}
    assert len(mine) == 2
    assert all(mine.values()), "a container of the promoted revision was started again"
    assert trial & set(mine), "the pods that were on trial are not those that serve"
    failed = {key: count for key, count in stage.answered.items() if key[1] != 200}
    assert not failed, f"a promotion of an equal version cost requests: {failed} of {stage.answered.total()}"


def test_a_version_that_fails_is_taken_back_by_real_requests(stage: Stage) -> None:
    old = stage.status()["stable"]["revision"]
    stage.source("v2", errors=0.3)
    status = stage.wait_for("RolledBack", 120)
    assert stage.weights() == (100, 0)
    assert status["stable"]["revision"] == old
    assert "http/success-rate is worse" in status["message"], status["message"]
    before = stage.answered["v2", 500]
    assert before > 10, "the failures that it was taken back for reached users"
    stage.wait_for("RolledBack", also=lambda _: {revision for revision, _ in stage.pods().values()} == {old})
    assert stage.answered["v2", 500] - before <= 5, "requests reached it after it was taken back"
