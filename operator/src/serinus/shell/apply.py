"""Plans come true here: absolute actions, each one write with its own precondition, in the order of the plan.

what                          on a conflict (someone else was faster)     on any other error
------------------------------------------------------------------------------------------------------------
every action                  the rest of the plan is dropped; the tick   the rest is dropped; the reconcile
                              is made again from fresh reads              loop says when to try again
"""

from collections.abc import Awaitable
from dataclasses import dataclass

import structlog

from serinus.core.model import Spec
from serinus.core.observed import Manifest, Observed
from serinus.core.ownership import claim, conflict, hand_over, owned_by
from serinus.core.patches import Operation, expect, put, remove, unchanged
from serinus.core.plan import (
    Action,
    DeleteRevision,
    EnsureRevision,
    EnsureRoute,
    FollowStable,
    Release,
    SelectRevision,
    SetSplit,
)
from serinus.plugin import Resource
from serinus.shell.facts import ROUTERS, Facts
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import AlreadyExists, NotFound, Refused
from serinus.shell.observe import adjustments, is_our_route, is_ours, names_of, port_of
from serinus.shell.resources import DEPLOYMENT, ROLLOUT, SERVICE
from serinus.workloads.revision import deployment_name, deployment_of, revision_of, scale
from serinus.workloads.services import CANDIDATE, select, service_name, service_of

FINALIZER = "serinus.dev/finalizer"

log = structlog.get_logger("serinus")


class CannotApply(Exception):
    """An action that nothing here can carry out: says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Carries out the actions of one plan, from the facts that it was made of."""

    kube: Kube
    spec: Spec
    facts: Facts
    observed: Observed

    async def do(self, action: Action) -> None:
        """One action. Raises `KubeError`, or `CannotApply`."""
        match action:
            case SetSplit():
                await self._set_split(action)
            case SelectRevision():
                await self._select(action.service, action.revision)
            case FollowStable():
                await self._follow(action.service, action.revision)
            case EnsureRevision():
                await self._ensure(action.revision, action.replicas)
            case DeleteRevision():
                if (deployment := self._deployment(action.revision)) is not None:
                    await self._delete(DEPLOYMENT, deployment)
            case EnsureRoute():
                await self._ensure_route(action.stable)
            case Release():
                await self._release(action.keep)

    async def _set_split(self, action: SetSplit) -> None:
        """Write to the route that the entry names: that of the spec, or the one that it named before."""
        kind, _, name = action.record.route.partition("/")
        route = self.facts.route if action.record.route == self.spec.traffic.route else self.facts.left
        if route is None:
            raise CannotApply(self.observed.route_problem)
        operations = ROUTERS[kind].patch(route, action.record, names=names_of(self.spec))
        await self.kube.json_patch(ROUTERS[kind].resource, self.spec.namespace, name, operations)

    async def _select(self, role: str, revision: str) -> None:
        port = port_of(self.spec, self.observed.source)
        service = self._service(role)
        if port is None and service is None:
            raise CannotApply("The model server's port is not known: write traffic.port.")
        if service is None:
            assert port is not None
            manifest = service_of(self.facts.rollout, role=role, revision=revision, port=port)
            await self._create(SERVICE, manifest)
            return
        await self._point(service, revision, port)

    async def _follow(self, name: str, revision: str) -> None:
        service = next((one for one in self._services() if _name(one) == name), None)
        if service is not None:
            await self._point(service, revision, port_of(self.spec, self.observed.source))

    async def _point(self, service: Manifest, revision: str, port: int | None) -> None:
        port = port if port is not None else service["spec"]["ports"][0]["port"]
        operations = select(service, rollout=self.spec.name, revision=revision, port=port)
        if operations:
            await self.kube.json_patch(SERVICE, self.spec.namespace, _name(service), operations)

    async def _ensure(self, revision: str, replicas: int) -> None:
        deployment = self._deployment(revision)
        if deployment is not None:
            if operations := scale(deployment, replicas):
                await self.kube.json_patch(DEPLOYMENT, self.spec.namespace, deployment["metadata"]["name"], operations)
            return
        source = self.observed.source
        if source is None or self.observed.wanted != revision:
            raise CannotApply(
                f"Deployment {deployment_name(self.spec.name, revision)} is gone and its template with it: write the "
                "template of that revision into the source again."
            )
        manifest = deployment_of(self.spec, self.facts.rollout, source.template, revision=revision, replicas=replicas)
        await self._create(DEPLOYMENT, manifest)

    async def _create(self, resource: Resource, manifest: Manifest) -> None:
        """Create an object. One of that name that is not ours is named and left alone."""
        try:
            await self.kube.create(resource, self.spec.namespace, manifest)
        except AlreadyExists:
            present = await self.kube.get(resource, self.spec.namespace, manifest["metadata"]["name"])
            if present is not None and not is_ours(present, self.spec.uid, self.spec.name):
                raise CannotApply(conflict(present, self.spec.uid)) from None
            raise

    async def _delete(self, resource: Resource, manifest: Manifest) -> None:
        """Delete this very object, and what it owns after it. One that is gone already is fine."""
        await self.kube.delete(
            resource, self.spec.namespace, _name(manifest), uid=manifest["metadata"]["uid"], propagation="Background"
        )

    async def _ensure_route(self, stable: str) -> None:
        router, name = ROUTERS[self.spec.traffic.router], self.spec.traffic.name
        if operations := adjustments(self.facts, self.spec):
            await self.kube.json_patch(router.resource, self.spec.namespace, name, operations)
            return
        port = port_of(self.spec, self.observed.source)
        if port is None:
            raise CannotApply("The model server's port is not known: write traffic.port.")
        manifest = router.generate(
            self.facts.rollout,
            traffic=self.spec.traffic,
            names=names_of(self.spec),
            port=port,
            stable=stable,
        )
        await self._create(router.resource, manifest)

    async def _release(self, keep: tuple[str, ...]) -> None:
        """What goes is deleted first, by name; only then may the finalizer go."""
        if keep and self._service(CANDIDATE) is not None:
            await self._tolerant(self._select(CANDIDATE, keep[0]))
        ours = [one for one in self.facts.deployments if is_ours(one, self.spec.uid, self.spec.name)]
        go = [(SERVICE, one) for one in self._services() if not keep]
        go += [(DEPLOYMENT, one) for one in ours if revision_of(one) not in keep]
        leaves = {_name(manifest) for _, manifest in go}
        for resource, manifest, operations in unclaimed(self.facts, self.spec):
            if _name(manifest) not in leaves:
                await self._tolerant(self.kube.json_patch(resource, self.spec.namespace, _name(manifest), operations))
        if not keep:
            await self._tolerant(self._delete_route())
        for resource, manifest in go:
            await self._tolerant(self._delete(resource, manifest))
        await remove_finalizer(self.kube, self.facts.rollout)

    @staticmethod
    async def _tolerant(write: Awaitable[object]) -> None:
        """A write of a deletion: what is gone, or goes with its namespace, needs it no longer."""
        try:
            await write
        except (NotFound, Refused) as error:
            log.info("not needed any more", error=str(error))

    async def _delete_route(self) -> None:
        """A generated route goes with its rollout, by the garbage collector where Serinus has no right to delete it."""
        route, router = self.facts.route, ROUTERS[self.spec.traffic.router]
        if route is None or not self.spec.traffic.generated or not owned_by(route, self.spec.uid):
            return
        if any("delete" in one.verbs for one in router.permissions):
            await self._delete(router.resource, route)
        elif operations := hand_over(route, self.facts.rollout):
            await self.kube.json_patch(router.resource, self.spec.namespace, _name(route), operations)

    def _deployment(self, revision: str) -> Manifest | None:
        ours = (one for one in self.facts.deployments if is_ours(one, self.spec.uid, self.spec.name))
        return next((one for one in ours if revision_of(one) == revision), None)

    def _service(self, role: str) -> Manifest | None:
        name = service_name(self.spec.name, role)
        return next((one for one in self._services() if _name(one) == name), None)

    def _services(self) -> list[Manifest]:
        return [one for one in self.facts.services if is_ours(one, self.spec.uid, self.spec.name)]


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


async def add_finalizer(kube: Kube, rollout: Manifest) -> None:
    """Make sure that a deletion waits until traffic is safe. Raises `Conflict` when the object has changed."""
    metadata = rollout["metadata"]
    finalizers = [*(metadata.get("finalizers") or ()), FINALIZER]
    operations = [unchanged(rollout), put(finalizers, "metadata", "finalizers")]
    await kube.json_patch(ROLLOUT, metadata["namespace"], metadata["name"], operations)


async def remove_finalizer(kube: Kube, rollout: Manifest) -> None:
    """Let the resource go. Others' finalizers stay."""
    metadata = rollout["metadata"]
    finalizers = list(metadata.get("finalizers") or ())
    if FINALIZER in finalizers:
        index = finalizers.index(FINALIZER)
        where = ("metadata", "finalizers", index)
        await kube.json_patch(
            ROLLOUT, metadata["namespace"], metadata["name"], [expect(FINALIZER, *where), remove(*where)]
        )


async def claim_all(kube: Kube, facts: Facts, spec: Spec) -> bool:
    """Mark what is to be this rollout's and is not so wholly. True when something was marked: read again.

    What the API server refuses is told and left: it must not stand in the way of a rollback.
    """
    done = False
    for resource, manifest, operations in unclaimed(facts, spec):
        try:
            await kube.json_patch(resource, spec.namespace, _name(manifest), operations)
            done = True
        except (NotFound, Refused) as error:
            log.warning("cannot mark what is ours", rollout=f"{spec.namespace}/{spec.name}", error=str(error))
    return done


def unclaimed(facts: Facts, spec: Spec) -> list[tuple[Resource, Manifest, list[Operation]]]:
    """Objects of the rollout that are not wholly marked as its own, with the patches that make them so."""
    route = facts.route if facts.route is not None and is_our_route(facts.route, spec) else None
    return [
        (resource, manifest, operations)
        for resource, many in (
            (SERVICE, facts.services),
            (DEPLOYMENT, facts.deployments),
            (ROUTERS[spec.traffic.router].resource, [route] if route is not None and not spec.traffic.by_pods else []),
        )
        for manifest in many
        if (manifest is route or is_ours(manifest, spec.uid, spec.name)) and (operations := claim(manifest, spec.uid))
    ]
