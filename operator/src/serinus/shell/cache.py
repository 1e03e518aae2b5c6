"""What the watches have seen, kept small: the last state of the objects that a rollout owns or names.

    ours (label serinus.dev/rollout)        kept, found by `owned`
    named by a rollout (`refer`)            kept while a rollout names it: its route, its source
    other Services                          only their selectors, to find traffic that bypasses the weights
    anything else                           not kept

Objects are kept as JSON text: a fifth of the memory of parsed ones, and nobody can change what another one reads.
"Resource version" is compared as a number, which the API server promises for objects of one kind.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from serinus.plugin import Resource
from serinus.shell.resources import POD, ROLLOUT, ROLLOUT_LABEL, SERVICE
from serinus.shell.scheduler import Key

Manifest = dict[str, Any]
_POD_SPEC = ("nodeName",)
_POD_STATUS = (
    "phase", "reason", "message", "conditions", "containerStatuses", "initContainerStatuses", "podIP", "startTime",
)  # fmt: skip


class Cache:
    """Manifests by kind, namespace and name. Belongs to one thread."""

    def __init__(self) -> None:
        self._objects: dict[tuple[Resource, str, str], tuple[int, str, bytes]] = {}
        self._owned: dict[tuple[Resource, str, str], set[str]] = defaultdict(set)
        self._named: dict[tuple[Resource, str, str], set[Key]] = defaultdict(set)
        self._names: dict[Key, frozenset[tuple[Resource, str]]] = {}
        self._selectors: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        self._gone: dict[tuple[Resource, str, str], int] = {}
        self._uids: dict[str, dict[str, str]] = defaultdict(dict)
        self._changes = 0
        self._changed_at: dict[Key | str, int] = {}
        """The number of the last change that concerns a rollout, or all of a namespace."""

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """The object as last seen (a copy), or None: gone, or nobody's."""
        kept = self._objects.get((resource, namespace, name))
        return None if kept is None else json.loads(kept[2])

    def owned(self, resource: Resource, namespace: str, rollout: str) -> list[Manifest]:
        """All objects of a kind that carry the rollout's label, by name (copies)."""
        names = sorted(self._owned.get((resource, namespace, rollout), ()))
        return [json.loads(self._objects[resource, namespace, name][2]) for name in names]

    def version(self, key: Key) -> tuple[int, int]:
        """Another one after anything changed that `get`, `owned`, `uids` and `selectors` tell of a rollout."""
        return self._changed_at.get(key, 0), self._changed_at.get(key.namespace, 0)

    def rollouts(self) -> list[Key]:
        """Every ModelRollout that was seen."""
        return [Key(namespace, name) for resource, namespace, name in self._objects if resource == ROLLOUT]

    def uids(self, namespace: str) -> Mapping[str, str]:
        """Names of a namespace's ModelRollouts by uid."""
        return self._uids.get(namespace, {})

    def selectors(self, namespace: str) -> Mapping[str, Mapping[str, str]]:
        """Selectors of the Services in a namespace that are no rollout's, by name. Those without one are left out."""
        return self._selectors.get(namespace, {})

    def refer(self, key: Key, named: Collection[tuple[Resource, str]]) -> list[tuple[Resource, str]]:
        """Say which other objects (kind, name) of its namespace a rollout names; replaces what it named before.

        Returns those that are not known here: read each once, and `store` it where it exists.
        """
        wanted = frozenset(named)
        for resource, name in self._names.get(key, frozenset()) - wanted:
            where = (resource, key.namespace, name)
            self._named[where].discard(key)
            if not self._named[where]:
                del self._named[where]
                self._gone.pop(where, None)
                if where in self._objects and not self._objects[where][1]:
                    del self._objects[where]
        for resource, name in wanted:
            self._named[resource, key.namespace, name].add(key)
        if wanted != self._names.get(key, frozenset()):
            self._change(key)
        if wanted:
            self._names[key] = wanted
        else:
            self._names.pop(key, None)
            self._changed_at.pop(key, None)
        return sorted(
            (one for one in wanted if (one[0], key.namespace, one[1]) not in self._objects),
            key=lambda one: (one[0].kind, one[1]),
        )

    def store(self, resource: Resource, manifest: Mapping[str, Any]) -> frozenset[Key]:
        """Take in an object as seen by a watch or a read; older than what is known changes nothing.

        Returns the rollouts that it concerns.
        """
        if not self.behind(resource, manifest):
            return frozenset()
        where, version, rollout = _identity(resource, manifest)
        concerned = self._concerned(where, rollout)
        uid = manifest["metadata"].get("uid", "")
        if resource == ROLLOUT and self._uids.get(where[1], {}).get(uid) != where[2]:
            self._change(where[1])
        self._drop(where)
        if resource == SERVICE and not rollout:
            concerned |= self._take_selector(where, manifest)
        if self._keeps(where, rollout):
            self._objects[where] = (version, rollout, json.dumps(slim(resource, manifest)).encode())
            if rollout:
                self._owned[resource, where[1], rollout].add(where[2])
            if resource == ROLLOUT:
                self._uids[where[1]][uid] = where[2]
        self._change(*concerned)
        return concerned

    def behind(self, resource: Resource, manifest: Mapping[str, Any]) -> bool:
        """Whether `store` would change anything."""
        where, version, rollout = _identity(resource, manifest)
        if where in self._objects:
            return version > self._objects[where][0]
        if version <= self._gone.get(where, -1):
            return False
        if resource == SERVICE and not rollout:
            selector = (manifest.get("spec") or {}).get("selector") or None
            return selector != self._selectors.get(where[1], {}).get(where[2]) or where in self._named
        return self._keeps(where, rollout)

    def remove(self, resource: Resource, namespace: str, name: str, version: int = 0) -> frozenset[Key]:
        """Forget an object that is gone since resource version `version`. Returns the rollouts that it concerns."""
        where = (resource, namespace, name)
        if where in self._objects and version and self._objects[where][0] > version:
            return frozenset()  # it was created again since
        concerned = self._concerned(where, "")
        self._drop(where)
        if resource == ROLLOUT:
            self._change(namespace)
        if where in self._named and version:
            self._gone[where] = version
        self._change(*concerned)
        return concerned

    def versions(self, resource: Resource) -> dict[tuple[str, str], int]:
        """Resource versions of all known objects of a kind, by namespace and name; 0 where only a selector is kept."""
        known = {(where[1], where[2]): kept[0] for where, kept in self._objects.items() if where[0] == resource}
        if resource == SERVICE:
            selectors = ((namespace, name) for namespace, names in self._selectors.items() for name in names)
            known = dict.fromkeys(selectors, 0) | known
        return known

    def _change(self, *concerned: Key | str) -> None:
        """Give rollouts, or all of a namespace, another version."""
        self._changes += 1
        self._changed_at.update(dict.fromkeys(concerned, self._changes))

    def _keeps(self, where: tuple[Resource, str, str], rollout: str) -> bool:
        return bool(rollout) or where[0] == ROLLOUT or where in self._named

    def _concerned(self, where: tuple[Resource, str, str], rollout: str) -> frozenset[Key]:
        resource, namespace, name = where
        keys = set(self._named.get(where, ()))
        if resource == ROLLOUT:
            keys.add(Key(namespace, name))
        before = self._objects[where][1] if where in self._objects else ""
        keys |= {Key(namespace, one) for one in (rollout, before) if one}
        return frozenset(keys)

    def _drop(self, where: tuple[Resource, str, str]) -> None:
        resource, namespace, name = where
        kept = self._objects.pop(where, None)
        if kept is not None and kept[1]:
            owned = self._owned[resource, namespace, kept[1]]
            owned.discard(name)
            if not owned:
                del self._owned[resource, namespace, kept[1]]
        self._gone.pop(where, None)
        if resource == ROLLOUT and kept is not None:
            uids = self._uids[namespace]
            uids.pop(json.loads(kept[2])["metadata"].get("uid", ""), None)
            if not uids:
                del self._uids[namespace]
        if resource == SERVICE and name in self._selectors.get(namespace, ()):
            self._change(namespace)
            del self._selectors[namespace][name]
            if not self._selectors[namespace]:
                del self._selectors[namespace]

    def _take_selector(self, where: tuple[Resource, str, str], manifest: Mapping[str, Any]) -> frozenset[Key]:
        """Keep the selector of someone else's Service; returns the rollouts whose pods it selects."""
        _, namespace, name = where
        selector = (manifest.get("spec") or {}).get("selector")
        if not selector:
            return frozenset()
        self._change(namespace)
        self._selectors[namespace][name] = dict(selector)
        return frozenset(
            Key(namespace, rollout)
            for (resource, where_owned, rollout) in self._owned
            if resource == POD and where_owned == namespace and self._selects(selector, namespace, rollout)
        )

    def _selects(self, selector: Mapping[str, str], namespace: str, rollout: str) -> bool:
        pods = self.owned(POD, namespace, rollout)
        return any(selector.items() <= pod["metadata"].get("labels", {}).items() for pod in pods)


def _identity(resource: Resource, manifest: Mapping[str, Any]) -> tuple[tuple[Resource, str, str], int, str]:
    metadata = manifest["metadata"]
    rollout = (metadata.get("labels") or {}).get(ROLLOUT_LABEL, "")
    version = int(metadata.get("resourceVersion") or 0)
    return (resource, metadata["namespace"], metadata["name"]), version, rollout


def slim(resource: Resource, manifest: Mapping[str, Any]) -> Manifest:
    """What is kept of an object: all but the managed fields; of a pod only what is decided on."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    if resource != POD:
        return {**manifest, "metadata": metadata}
    spec, status = manifest.get("spec", {}), manifest.get("status", {})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {key: spec[key] for key in _POD_SPEC if key in spec},
        "status": {key: status[key] for key in _POD_STATUS if key in status},
    }
