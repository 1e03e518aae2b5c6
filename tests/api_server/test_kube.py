"""What our client makes of the answers of a real API server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serinus.core.patches import expect, put, remove, replace
from serinus.plugin import Resource
from serinus.shell import access
from serinus.shell.kube import AlreadyExists, Conflict, Kube, NotFound, NotLeader, Refused, UnknownKind
from serinus.shell.resources import DEPLOYMENT, POD
from tests.api_server.conftest import ApiServer

pytestmark = pytest.mark.api_server

CONFIG_MAP = Resource(group="", version="v1", plural="configmaps", kind="ConfigMap")
UNKNOWN = Resource(group="nobody.example", version="v1", plural="things", kind="Thing")
UNKNOWN_IN_KNOWN_GROUP = Resource(group="apps", version="v1", plural="things", kind="Thing")


@pytest.fixture
async def kube(api_server: ApiServer) -> AsyncIterator[Kube]:
    client = Kube(await access.load(api_server.kubeconfig))
    yield client
    await client.close()


def config_map(name: str = "one", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_what_was_created_is_read_back_with_serinus_as_its_manager(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAP, namespace, config_map(a="1"))
    read = await kube.get(CONFIG_MAP, namespace, "one")
    assert read is not None
    assert read["data"] == {"a": "1"}
    assert [one["manager"] for one in read["metadata"]["managedFields"]] == ["serinus"]


async def test_a_missing_object_reads_as_none_and_a_missing_kind_as_an_error(kube: Kube, namespace: str) -> None:
    assert await kube.get(CONFIG_MAP, namespace, "nobody") is None
    for kind in (UNKNOWN, UNKNOWN_IN_KNOWN_GROUP):
        with pytest.raises(UnknownKind):
            await kube.get(kind, namespace, "nobody")
        with pytest.raises(UnknownKind):
            await kube.list(kind, namespace)
        assert not await kube.serves(kind)
    assert await kube.serves(POD)


async def test_a_name_that_is_taken_is_told_apart_from_other_conflicts(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAP, namespace, config_map())
    with pytest.raises(AlreadyExists, match="already exists"):
        await kube.create(CONFIG_MAP, namespace, config_map())


async def test_a_json_patch_whose_test_fails_is_a_conflict_and_changes_nothing(kube: Kube, namespace: str) -> None:
    before = await kube.create(CONFIG_MAP, namespace, config_map(a="1"))
    patches = (
        [put("2", "data", "a"), expect("9", "data", "a")],
        [expect("1", "metadata", "resourceVersion"), put("2", "data", "a")],
        [expect("1", "data", "missing"), put("2", "data", "a")],
        [remove("data", "missing"), put("2", "data", "a")],
        [replace("2", "binaryData", "missing"), put("2", "data", "a")],
    )
    for patch in patches:
        with pytest.raises(Conflict):
            await kube.json_patch(CONFIG_MAP, namespace, "one", patch)
    assert await kube.get(CONFIG_MAP, namespace, "one") == before


async def test_a_json_patch_whose_result_is_not_valid_is_refused_with_the_reason(kube: Kube, namespace: str) -> None:
    await kube.create(CONFIG_MAP, namespace, config_map(a="1"))
    with pytest.raises(Refused, match="a valid config key"):
        await kube.json_patch(CONFIG_MAP, namespace, "one", [put("1", "data", "no such key!")])
    with pytest.raises(Refused, match="is invalid"):
        await kube.json_patch(CONFIG_MAP, namespace, "one", [put(3, "data")])


async def test_a_json_patch_whose_tests_hold_is_applied_as_a_whole(kube: Kube, namespace: str) -> None:
    before = await kube.create(CONFIG_MAP, namespace, config_map(a="1"))
    version = before["metadata"]["resourceVersion"]
    patch = [expect(version, "metadata", "resourceVersion"), expect("1", "data", "a"), put("2", "data", "a")]
    after = await kube.json_patch(CONFIG_MAP, namespace, "one", patch)
    assert after["data"] == {"a": "2"}


async def test_a_patch_of_a_missing_object_says_so(kube: Kube, namespace: str) -> None:
    with pytest.raises(NotFound):
        await kube.json_patch(CONFIG_MAP, namespace, "nobody", [put("2", "data")])


async def test_a_delete_with_another_uid_or_an_old_version_deletes_nothing(kube: Kube, namespace: str) -> None:
    made = await kube.create(CONFIG_MAP, namespace, config_map())
    for wrong in ({"uid": "00000000-0000-0000-0000-000000000000"}, {"resource_version": "1"}):
        with pytest.raises(Conflict):
            await kube.delete(CONFIG_MAP, namespace, "one", **wrong)
    assert await kube.delete(CONFIG_MAP, namespace, "one", uid=made["metadata"]["uid"])
    assert not await kube.delete(CONFIG_MAP, namespace, "one")


async def test_a_status_is_patched_without_touching_the_spec(kube: Kube, namespace: str) -> None:
    labels = {"app": "one"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"}, "spec": spec}
    await kube.create(DEPLOYMENT, namespace, manifest)
    patch = [put(3, "spec", "replicas"), put(7, "status", "collisionCount")]
    after = await kube.json_patch(DEPLOYMENT, namespace, "one", patch, subresource="status")
    assert after["status"]["collisionCount"] == 7
    assert after["spec"]["replicas"] == 0


async def test_a_long_list_comes_in_chunks_and_is_complete(kube: Kube, namespace: str) -> None:
    names = {f"many-{number}" for number in range(12)}
    await asyncio.gather(*(kube.create(CONFIG_MAP, namespace, config_map(name)) for name in names))
    pages = [page async for page in kube.pages(CONFIG_MAP, namespace, chunk=5)]
    found = [one for page in pages for one in page]
    assert len(pages) >= 3
    assert names <= {one["metadata"]["name"] for one in found}
    assert {(one["apiVersion"], one["kind"]) for one in found} == {("v1", "ConfigMap")}
    assert await kube.list(CONFIG_MAP, namespace) == found


async def test_a_write_without_the_lease_is_not_sent(api_server: ApiServer, namespace: str) -> None:
    client = Kube(await access.load(api_server.kubeconfig), may_write=lambda: False)
    with pytest.raises(NotLeader):
        await client.create(CONFIG_MAP, namespace, config_map())
    assert await client.get(CONFIG_MAP, namespace, "one") is None
    await client.close()


async def test_a_write_whose_caller_is_cancelled_is_finished(kube: Kube, namespace: str) -> None:
    for number in range(10):
        writing = asyncio.create_task(kube.create(CONFIG_MAP, namespace, config_map(f"cut-{number}")))
        await asyncio.sleep(0)  # the task has started, nothing has been answered
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await kube.drain(5.0)
    assert len(await kube.list(CONFIG_MAP, namespace)) >= 10


async def test_each_request_is_counted_with_its_outcome(api_server: ApiServer, namespace: str) -> None:
    seen: list[tuple[str, str, str]] = []
    client = Kube(await access.load(api_server.kubeconfig), counted=lambda *one: seen.append(one))
    await client.get(CONFIG_MAP, namespace, "one")
    await client.create(CONFIG_MAP, namespace, config_map())
    await client.delete(CONFIG_MAP, namespace, "one")
    await client.close()
    assert seen == [
        ("get", "configmaps", "NotFound"),
        ("create", "configmaps", "ok"),
        ("delete", "configmaps", "ok"),
    ]
