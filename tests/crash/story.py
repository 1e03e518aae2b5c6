"""The stories in which the operator is killed, compressed, and the state that each ends in.

first       the first revision becomes stable
promotion   a second one, as good as the first, goes through two steps and becomes stable
rollback    a second one passes step 1, is bad from 50 % of the traffic on, and is taken back
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.api_server.api import Api, Manifest
from tests.api_server.stage import Behaviour, Scene, Stage, scene_of
from tests.crash.promises import Rules, entry_of
from tests.crash.witness import Witness

REPLICAS = 4
HOLDS = (2, 1)
DRAIN = 1
BAD_FROM = 50
SPEC: Manifest = {
    "workload": {"deployment": "chat", "replicas": REPLICAS},
    "steps": [{"weight": 25, "hold": f"{HOLDS[0]}s"}, {"weight": 50, "hold": f"{HOLDS[1]}s"}],
    "rollback": {"drain": f"{DRAIN}s", "scaleDownDelay": "1s", "window": 0},
}
RULES = Rules(replicas=REPLICAS, holds=HOLDS, drain=DRAIN)


class WatchedStage(Stage):
    """A stage that asks nobody where requests go: the witness has seen it. Many of them fit on one machine."""

    def __init__(self, api: Api, namespace: str, exporter: str, witness: Witness) -> None:
        super().__init__(api, namespace, exporter)
        self._witness = witness
        self._last: tuple[Scene, Behaviour | None] | None = None
        self.turns_bad = False

    def _drive(self) -> None:
        try:
            while not self._over.is_set():
                self._witness.changed.wait(0.5)
                self._witness.changed.clear()
                self._feed()
                if self._witness.trouble:
                    raise ConnectionError(self._witness.trouble)
        except BaseException as error:
            self.driver_error = error

    def scene(self) -> Scene | None:
        """None where nothing has changed: the exporter counts on as it did."""
        route = self._witness.now("HTTPRoute").get("chat")
        if route is None:
            return None
        services = self._witness.now("Service")
        names = ("chat-stable", "chat-candidate")
        scene = scene_of(route, {name: services.get(name) for name in names}, self._witness.now("Pod").values())
        if self.turns_bad and scene.share["chat-candidate"] >= BAD_FROM:
            self.behaves("v2", errors=0.3)
        now = (scene, self._behaviour.get("v2"))
        if now == self._last:
            return None
        self._last = now
        return scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the team does, and when it is over."""

    name: str
    sets_out: Callable[[WatchedStage], None]
    """Brings the rollout to where the story begins: nothing of it is killed."""
    begins: Callable[[WatchedStage], None]
    course: tuple[tuple[str, int, int], ...]
    """(cause, step, weight) of every entry of the journal."""
    pods: dict[str, int]
    """Replicas by version at the end."""
    phase: str


def _nothing(stage: WatchedStage) -> None:
    stage.source("v1")
    stage.route()


def _first(stage: WatchedStage) -> None:
    stage.rollout(**SPEC)


def _healthy(stage: WatchedStage) -> None:
    _nothing(stage)
    _first(stage)
    stage.wait_for(120, phase="Healthy", reason="Healthy")


def _second(stage: WatchedStage) -> None:
    stage.source("v2")


def _bad_second(stage: WatchedStage) -> None:
    stage.turns_bad = True
    stage.source("v2")


FIRST = Story(
    name="first",
    sets_out=_nothing,
    begins=_first,
    course=(("finish", 0, 0),),
    pods={"v1": REPLICAS},
    phase="Healthy",
)
PROMOTION = Story(
    name="promotion",
    sets_out=_healthy,
    begins=_second,
    course=(*FIRST.course, ("start", 0, 0), ("step", 1, 25), ("step", 2, 50), ("promote", 3, 100), ("finish", 0, 0)),
    pods={"v1": 0, "v2": REPLICAS},
    phase="Healthy",
)
ROLLBACK = Story(
    name="rollback",
    sets_out=_healthy,
    begins=_bad_second,
    course=(*FIRST.course, ("start", 0, 0), ("step", 1, 25), ("step", 2, 50), ("rollback", 2, 0)),
    pods={"v1": REPLICAS, "v2": 0},
    phase="RolledBack",
)
STORIES = {one.name: one for one in (FIRST, PROMOTION, ROLLBACK)}


def state(stage: Stage) -> Manifest:
    """Where the rollout is, in all that must not depend on when the operator was killed."""
    api, namespace = stage.api, stage.namespace
    rollout = api.get("ModelRollout", namespace, "chat") or {"metadata": {}}
    status = rollout.get("status") or {}
    record = status.get("record") or {}
    route = api.get("HTTPRoute", namespace, "chat")
    deployments = {
        one["metadata"]["labels"]["serinus.dev/revision"]: one["spec"]
        for one in api.list("Deployment", namespace, "serinus.dev/rollout=chat")
    }
    versions = {
        revision: spec["template"]["spec"]["containers"][0]["env"][0]["value"] for revision, spec in deployments.items()
    }
    written = route is not None and "serinus.dev/split" in (route["metadata"].get("annotations") or {})
    entry = entry_of(route) if route is not None and written else {}
    return {
        "finalizers": rollout["metadata"].get("finalizers"),
        "phase": status.get("phase"),
        "ready": _ready(status),
        "stable": versions.get((status.get("stable") or {}).get("revision", "")),
        "candidate": status.get("candidate"),
        "attempt": status.get("attempt"),
        "weights": stage.weights(),
        "entry": {key: entry.get(key) for key in ("seq", "cause", "step", "weight")},
        "rejected": [versions.get(one["revision"]) for one in record.get("rejected") or ()],
        "retired": [versions.get(one["revision"]) for one in record.get("retired") or ()],
        "decisions": [
            (one["number"], one["cause"], versions.get(one["revision"]), one["weight"])
            for one in status.get("decisions") or ()
        ],
        "selectors": {
            one["metadata"]["name"]: versions.get((one["spec"].get("selector") or {}).get("serinus.dev/revision", ""))
            for one in api.list("Service", namespace, "serinus.dev/rollout=chat")
        },
        "pods": {versions[revision]: spec["replicas"] for revision, spec in deployments.items()},
        "events": events(stage, rollout),
    }


def events(stage: Stage, rollout: Manifest) -> dict[str, str]:
    """Reason by number of the rollout's events; one whose name is not as it should be stands under its name."""
    uid = rollout["metadata"].get("uid", "")
    found = {}
    for one in stage.api.list("Event", stage.namespace):
        if (one.get("regarding") or {}).get("uid") == uid:
            name = str(one["metadata"]["name"])
            prefix = f"chat.{uid[:8]}."
            found[name.removeprefix(prefix) if name.startswith(prefix) else name] = str(one["reason"])
    return found


def is_over(story: Story, now: Manifest) -> bool:
    """Whether a run that nobody disturbs has come to its end."""
    return bool(
        now["phase"] == story.phase and now["pods"] == story.pods and len(now["decisions"]) == len(story.course)
    )


def comes_to_rest(stage: Stage, reached: Callable[[Manifest], bool], seconds: float, rest: float) -> Manifest:
    """The state, once it was `reached` and stayed the same for `rest` seconds. Where that does not happen, the last."""
    end = time.monotonic() + seconds
    last: Any = None
    since = time.monotonic()
    while time.monotonic() < end:
        if stage.driver_error is not None:
            raise stage.driver_error
        now = state(stage)
        if now != last:
            last, since = now, time.monotonic()
        if reached(now) and time.monotonic() >= since + rest:
            return now
        time.sleep(0.4)
    return dict(last)


def _ready(status: Manifest) -> str:
    condition: Manifest = next((one for one in status.get("conditions") or () if one["type"] == "Ready"), {})
    return f"{condition.get('status')} {condition.get('reason')}"
