"""How many further pods would find their accelerators: nodes, pods and quotas, read when pods are to be added.

The lists of nodes and pods are shared by all rollouts for a few seconds: they are the largest reads there are.
"""

import time
from typing import Any

from serinus.core.capacity import capacity
from serinus.core.observed import Capacity, Source
from serinus.plugin import Permission, Resource
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import Refused
from serinus.shell.resources import POD

NODE = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
QUOTA = Resource(group="", version="v1", plural="resourcequotas", kind="ResourceQuota")
PERMISSIONS = (
    Permission(group="", resources=("nodes",), verbs=("get", "list")),
    Permission(group="", resources=("resourcequotas",), verbs=("list",)),
)

KEPT_SECONDS = 5.0
UNSEEN = 1_000_000


class Room:
    """Counts free accelerators. Belongs to one event loop."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._read_at = 0.0
        self._nodes: list[dict[str, Any]] | None = []
        self._pods: list[dict[str, Any]] = []

    async def for_pods_of(self, source: Source, namespace: str) -> Capacity | None:
        """Room for further pods of the source's template; None when it asks for no accelerators.

        Without the right to see nodes nothing can be counted: room for any number, and `why` says so.
        """
        if not source.gpus_per_pod:
            return None
        if time.monotonic() >= self._read_at + KEPT_SECONDS:
            await self._read()
        if self._nodes is None:
            return Capacity(
                resource=source.gpu_resource,
                pool="the cluster",
                free=UNSEEN,
                free_gpus=UNSEEN,
                per_pod=source.gpus_per_pod,
                why="nodes may not be listed, so accelerators are not counted",
            )
        quotas = await self._kube.list(QUOTA, namespace)
        return capacity(source.template, nodes=self._nodes, pods=self._pods, quotas=quotas)

    async def _read(self) -> None:
        try:
            self._nodes = await self._kube.list(NODE)
            self._pods = await self._kube.list(POD, fields="status.phase!=Succeeded,status.phase!=Failed")
        except Refused:
            self._nodes, self._pods = None, []
        self._read_at = time.monotonic()
