"""The watches, the cache and the wake-ups against a real API server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import yaml

from serinus.plugin import Resource
from serinus.shell import access, inbox
from serinus.shell.cache import Cache
from serinus.shell.inbox import Inbox
from serinus.shell.kube import Kube
from serinus.shell.resources import DEPLOYMENT, POD, POD_TEMPLATE, ROLLOUT, SERVICE
from serinus.shell.scheduler import Key
from serinus.shell.watch import Event, Watch
from tests.api_server.conftest import ApiServer

pytestmark = [pytest.mark.api_server, pytest.mark.xdist_group("kinds")]


@dataclass
class Operator:
    """The watching half of an operator in one namespace."""

    api_server: ApiServer
    namespace: str
    kube: Kube
    access: access.Access
    cache: Cache = field(default_factory=Cache)
    woken: list[Key] = field(default_factory=list)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self, *, needed: Resource = ROLLOUT, kinds: Sequence[Resource] = (POD_TEMPLATE, SERVICE, POD)) -> Inbox:
        """Begin to watch."""
        made = Inbox(
            self.access,
            self.kube,
            self.cache,
            needed=needed,
            kinds=kinds,
            wake=self.woken.append,
            namespaces=(self.namespace,),
            ask_again=0.5,
        )
        self.running.append(asyncio.create_task(made.run()))
        return made

    def apply(self, text: str) -> None:
        """Apply YAML in the test's namespace."""
        self.api_server.apply("-n", self.namespace, manifest=text)

    def delete(self, *what: str) -> None:
        """Delete objects in the test's namespace."""
        answer = self.api_server.kubectl("delete", "-n", self.namespace, "--now", *what)
        assert answer.returncode == 0, answer.stderr


@pytest.fixture
async def operator(with_crds: ApiServer, namespace: str) -> AsyncIterator[Operator]:
    reached = await access.load(with_crds.kubeconfig)
    made = Operator(with_crds, namespace, Kube(reached), reached)
    yield made
    for task in made.running:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await made.kube.close()


async def until(holds: Callable[[], bool], within: float = 10.0) -> float:
    """Wait for something; returns the seconds it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < within, "it did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - started


def template(name: str, rollout: str = "", value: str = "1") -> str:
    labels = f"{{serinus.dev/rollout: {rollout}}}" if rollout else "{}"
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": name, "labels": yaml.safe_load(labels)},
            "template": {"spec": {"containers": [{"name": "c", "image": f"none:{value}"}]}},
        }
    )


def image(manifest: dict[str, object] | None) -> str:
    assert manifest is not None
    return str(manifest["template"]["spec"]["containers"][0]["image"])  # type: ignore[index]


async def test_what_exists_at_the_start_is_in_the_cache_when_it_says_synced(operator: Operator) -> None:
    for number in range(5):
        operator.apply(template(f"t{number}", rollout="chat"))
    operator.apply(template("foreign"))
    watching = operator.start()
    await asyncio.wait_for(watching.synced(), 15.0)
    assert watching.problem == ""
    assert [one["metadata"]["name"] for one in operator.cache.owned(POD_TEMPLATE, operator.namespace, "chat")] == [
        f"t{number}" for number in range(5)
    ]
    assert operator.cache.get(POD_TEMPLATE, operator.namespace, "foreign") is None
    assert set(operator.woken) == {Key(operator.namespace, "chat")}


async def test_changes_and_deletions_reach_the_cache_and_wake_the_rollout(operator: Operator) -> None:
    watching = operator.start()
    await asyncio.wait_for(watching.synced(), 15.0)
    key = Key(operator.namespace, "chat")
    for value in ("1", "2"):
        operator.woken.clear()
        operator.apply(template("t", rollout="chat", value=value))
        await until(lambda: key in operator.woken)
        assert image(operator.cache.get(POD_TEMPLATE, operator.namespace, "t")) == f"none:{value}"
    operator.woken.clear()
    operator.delete("podtemplate/t")
    await until(lambda: key in operator.woken)
    assert operator.cache.get(POD_TEMPLATE, operator.namespace, "t") is None


async def test_an_object_that_a_rollout_names_is_kept_and_wakes_it(operator: Operator) -> None:
    watching = operator.start()
    await asyncio.wait_for(watching.synced(), 15.0)
    operator.apply(template("source"))
    key = Key(operator.namespace, "chat")
    assert operator.cache.refer(key, [(POD_TEMPLATE, "source")]) == [(POD_TEMPLATE, "source")]
    read = await operator.kube.get(POD_TEMPLATE, operator.namespace, "source")
    assert read is not None
    operator.cache.store(POD_TEMPLATE, read)
    operator.woken.clear()
    operator.apply(template("source", value="2"))
    await until(lambda: key in operator.woken)
    assert image(operator.cache.get(POD_TEMPLATE, operator.namespace, "source")) == "none:2"


async def test_a_rollout_is_seen_within_a_fraction_of_a_second(operator: Operator) -> None:
    watching = operator.start()
    await asyncio.wait_for(watching.synced(), 15.0)
    body = yaml.safe_load(template("quick", rollout="chat"))
    started = time.monotonic()
    await operator.kube.create(POD_TEMPLATE, operator.namespace, body)
    await until(lambda: bool(operator.woken))
    assert time.monotonic() - started < 1.0


async def test_nothing_is_written_to_what_is_watched(operator: Operator) -> None:
    watching = operator.start(kinds=(POD_TEMPLATE, DEPLOYMENT))
    await asyncio.wait_for(watching.synced(), 15.0)
    body = yaml.safe_load(template("quiet", rollout="chat"))
    made = await operator.kube.create(POD_TEMPLATE, operator.namespace, body)
    await until(lambda: bool(operator.woken))
    await asyncio.sleep(1.0)
    assert await operator.kube.get(POD_TEMPLATE, operator.namespace, "quiet") == made
    events = operator.api_server.kubectl("get", "events", "-n", operator.namespace, "-o", "name")
    assert events.stdout == ""


WIDGET = Resource(group="test.serinus.dev", version="v1", plural="widgets", kind="Widget")
WIDGET_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.test.serinus.dev}
spec:
  group: test.serinus.dev
  names: {plural: widgets, singular: widget, kind: Widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
A_WIDGET = "{apiVersion: test.serinus.dev/v1, kind: Widget, metadata: {name: w, labels: {serinus.dev/rollout: chat}}}"


@pytest.fixture
async def without_widgets(operator: Operator) -> AsyncIterator[Operator]:
    def away() -> None:
        operator.api_server.kubectl("delete", "crd", "widgets.test.serinus.dev", "--ignore-not-found")

    await asyncio.to_thread(away)
    yield operator
    await asyncio.to_thread(away)


async def install_widgets(operator: Operator) -> None:
    await asyncio.to_thread(operator.api_server.apply, manifest=WIDGET_CRD)
    waiting = ("wait", "--for=condition=Established", "crd/widgets.test.serinus.dev", "--timeout=30s")
    answer = await asyncio.to_thread(operator.api_server.kubectl, *waiting)
    assert answer.returncode == 0, answer.stderr


async def test_without_the_needed_crd_it_says_what_to_install_and_goes_on_when_it_is_there(
    without_widgets: Operator,
) -> None:
    watching = without_widgets.start(needed=WIDGET)
    await until(lambda: "does not know widgets.test.serinus.dev/v1: install" in watching.problem)
    assert not watching.is_synced()
    await install_widgets(without_widgets)
    await asyncio.wait_for(watching.synced(), 20.0)
    assert watching.problem == ""


async def test_a_kind_that_is_missing_is_named_and_taken_in_when_it_is_installed(without_widgets: Operator) -> None:
    watching = without_widgets.start(kinds=(POD_TEMPLATE, WIDGET))
    await asyncio.wait_for(watching.synced(), 15.0)
    assert watching.missing == ("widgets.test.serinus.dev/v1",)
    await install_widgets(without_widgets)
    await asyncio.to_thread(without_widgets.apply, A_WIDGET)
    await until(lambda: bool(without_widgets.cache.owned(WIDGET, without_widgets.namespace, "chat")), 30.0)
    assert not watching.missing


async def test_a_crd_that_is_deleted_ends_the_watch_and_not_the_operator(without_widgets: Operator) -> None:
    await install_widgets(without_widgets)
    watching = without_widgets.start(needed=WIDGET)
    await asyncio.wait_for(watching.synced(), 20.0)
    without_widgets.api_server.kubectl("delete", "crd", "widgets.test.serinus.dev")
    await until(lambda: "widgets.test.serinus.dev" in watching.problem, 30.0)
    await install_widgets(without_widgets)
    await until(lambda: watching.problem == "", 40.0)
    await asyncio.to_thread(without_widgets.apply, A_WIDGET)
    await until(lambda: bool(without_widgets.cache.owned(WIDGET, without_widgets.namespace, "chat")), 10.0)
    assert not without_widgets.running[0].done()


async def test_the_sweep_removes_what_vanished_and_takes_in_what_no_watch_told(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SETTLE", 0.1)
    for name in ("stays", "goes"):
        operator.apply(template(name, rollout="chat"))
    blind = Inbox(
        operator.access,
        operator.kube,
        operator.cache,
        needed=POD_TEMPLATE,
        kinds=(),
        wake=operator.woken.append,
        namespaces=(operator.namespace,),
    )
    assert await blind.sweep() == 2
    assert await blind.sweep() == 0
    operator.woken.clear()
    operator.delete("podtemplate/goes")
    operator.apply(template("stays", rollout="chat", value="2"))
    assert await blind.sweep() == 2
    assert operator.cache.get(POD_TEMPLATE, operator.namespace, "goes") is None
    assert image(operator.cache.get(POD_TEMPLATE, operator.namespace, "stays")) == "none:2"
    assert set(operator.woken) == {Key(operator.namespace, "chat")}


async def test_what_is_deleted_while_the_watches_start_anew_is_found_by_a_sweep(without_widgets: Operator) -> None:
    await install_widgets(without_widgets)
    await asyncio.to_thread(without_widgets.apply, A_WIDGET)
    watching = without_widgets.start(needed=WIDGET)
    await asyncio.wait_for(watching.synced(), 20.0)
    await asyncio.to_thread(without_widgets.apply, template("goes", rollout="chat"))
    await until(lambda: bool(without_widgets.cache.owned(POD_TEMPLATE, without_widgets.namespace, "chat")))
    crd = ("delete", "crd", "widgets.test.serinus.dev")
    await asyncio.to_thread(without_widgets.api_server.kubectl, *crd)
    await until(lambda: "widgets.test.serinus.dev" in watching.problem, 30.0)
    await asyncio.to_thread(without_widgets.delete, "podtemplate/goes")
    await install_widgets(without_widgets)
    cache, namespace = without_widgets.cache, without_widgets.namespace
    await until(lambda: not cache.owned(POD_TEMPLATE, namespace, "chat"), 40.0)
    await until(lambda: not cache.owned(WIDGET, namespace, "chat"), 40.0)


async def test_a_watch_that_the_server_ends_is_taken_up_again_without_a_gap(operator: Operator) -> None:
    seen: list[Event] = []
    watch = Watch(
        operator.access,
        [POD_TEMPLATE],
        on_event=seen.append,
        namespaces=[operator.namespace],
        reconnect_seconds=1,
    )
    watch.start()
    await until(watch.watching)
    names = [f"t{number}" for number in range(20)]
    for name in names:
        await operator.kube.create(POD_TEMPLATE, operator.namespace, yaml.safe_load(template(name)))
        await asyncio.sleep(0.2)
    await until(lambda: len(seen) >= len(names))
    await asyncio.to_thread(watch.stop, 5.0)
    assert not watch.alive()
    assert watch.error is None
    assert [manifest["metadata"]["name"] for _, how, manifest in seen if how == "ADDED"] == names


async def test_the_age_of_a_watch_grows_in_silence_and_falls_with_an_event(operator: Operator) -> None:
    seen: list[Event] = []
    watch = Watch(operator.access, [POD_TEMPLATE], on_event=seen.append, namespaces=[operator.namespace])
    watch.start()
    await until(watch.watching)
    watch.ages()
    await asyncio.sleep(1.0)
    assert watch.ages()["podtemplates"] >= 0.9
    await operator.kube.create(POD_TEMPLATE, operator.namespace, yaml.safe_load(template("new")))
    await until(lambda: watch.ages()["podtemplates"] < 0.5)
    await asyncio.to_thread(watch.stop, 5.0)
