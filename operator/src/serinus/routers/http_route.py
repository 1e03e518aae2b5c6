"""HTTPRoute of the Gateway API (gateway.networking.k8s.io/v1).

What is ours in a route that Git owns: the weights of the two backends that name our Services, and one annotation
beside them. `rules` and `backendRefs` are atomic lists, so that a server-side apply would take ownership of all rules;
this is why weights travel as JSON patches that test what they replace.

What "accepted" means: each parent that a controller reports in `status.parents` says `Accepted` and `ResolvedRefs`
for exactly this generation of the route. It says that the controller took it, not that the proxies already moved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from serinus.core.model import SplitRecord
from serinus.core.observed import Manifest, Route
from serinus.core.ownership import owner_mark
from serinus.core.patches import Operation, expect, put, replace, unchanged
from serinus.core.questions import TrafficRef
from serinus.plugin import Names, NotListed, Permission, Resource, Router
from serinus.routers.entry import read_entry, write_entry


class HttpRoute(Router):
    """Weights between the two role Services in every rule of an HTTPRoute that names both."""

    name: ClassVar[str] = "httpRoute"
    doc: ClassVar[str] = (
        "An HTTPRoute of the Gateway API v1. Serinus sets the weights of NAME-stable and NAME-candidate in every rule "
        "that lists both, and the annotation serinus.dev/split; it touches nothing else."
    )
    resource: ClassVar[Resource] = Resource(
        group="gateway.networking.k8s.io", version="v1", plural="httproutes", kind="HTTPRoute"
    )
    permissions: ClassVar[tuple[Permission, ...]] = (
        Permission(
            group="gateway.networking.k8s.io",
            resources=("httproutes",),
            verbs=("get", "list", "watch", "create", "patch"),
        ),
    )

    def read(
        self,
        manifest: Manifest | None,
        *,
        namespace: str,
        name: str,
        rollout_uid: str,
        names: Names,
        port: int | None = None,
    ) -> Route:
        paste = _paste(names, port)
        if manifest is None:
            missing = f"HTTPRoute {namespace}/{name} does not exist: create it, or correct traffic.httpRoute."
            return Route(
                kind="HTTPRoute", name=name, listed=False, weights=(), record=None, accepted=False,
                not_accepted=missing, paste=paste, problems=(missing,),
            )  # fmt: skip
        rules = list(_rules(manifest, names))
        record, unreadable = read_entry(manifest)
        foreign = record.uid if record and record.uid != rollout_uid else ""
        not_accepted = _not_accepted(manifest)
        both = [rule for rule in rules if rule.both]
        return Route(
            kind="HTTPRoute",
            name=name,
            listed=bool(both),
            weights=tuple(rule.share() for rule in both),
            record=None if foreign else record,
            foreign_uid=foreign,
            accepted=not not_accepted,
            not_accepted=not_accepted,
            paste="" if both else paste,
            problems=tuple(problem for rule in rules for problem in rule.problems()) + unreadable,
            remedy="Let Git ignore .spec.rules[].backendRefs[].weight of the route",
        )

    def patch(self, manifest: Manifest, record: SplitRecord, *, names: Names) -> list[Operation]:
        rules = [rule for rule in _rules(manifest, names) if rule.both]
        if not rules:
            raise NotListed(
                f"HTTPRoute {manifest['metadata']['name']} has no rule that names both {names.stable} "
                f"and {names.candidate}."
            )
        tests = [unchanged(manifest)]
        writes: list[Operation] = []
        for rule in rules:
            # A Service that a rule names twice gets its whole weight at its first place.
            wanted = dict.fromkeys((*rule.stable, *rule.candidate), 0)
            wanted |= {rule.stable[0]: 100 - record.weight, rule.candidate[0]: record.weight}
            for index, weight in wanted.items():
                where = ("spec", "rules", rule.index, "backendRefs", index, "weight")
                if "weight" in rule.backends[index]:
                    tests.append(expect(rule.backends[index]["weight"], *where))
                    writes.append(replace(weight, *where))
                else:
                    writes.append(put(weight, *where))
        entry_tests, entry_write = write_entry(manifest, record)
        return [*tests, *entry_tests, *writes, entry_write]

    def generate(
        self,
        rollout: Manifest,
        *,
        traffic: TrafficRef,
        names: Names,
        port: int,
        stable: str,  # noqa: ARG002 - a route names Services, not revisions
    ) -> Manifest:
        metadata = rollout["metadata"]
        weights = ((names.stable, 100), (names.candidate, 0))
        backends = [{"name": service, "port": port, "weight": weight} for service, weight in weights]
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "labels": {"app.kubernetes.io/managed-by": "serinus", "serinus.dev/rollout": metadata["name"]},
                "annotations": owner_mark(rollout),
            },
            "spec": {
                "parentRefs": [_parent(traffic)],
                "hostnames": list(traffic.hostnames),
                "rules": [{"backendRefs": backends}],
            },
        }

    def adjust(self, manifest: Manifest, *, traffic: TrafficRef) -> list[Operation]:
        spec = manifest["spec"]
        wanted, hostnames = _parent(traffic), list(traffic.hostnames)
        parents = [{key: one[key] for key in ("name", "namespace") if key in one} for one in spec.get("parentRefs", ())]
        operations = [] if parents == [wanted] else [put([wanted], "spec", "parentRefs")]
        operations += [] if spec.get("hostnames") == hostnames else [put(hostnames, "spec", "hostnames")]
        return [unchanged(manifest), *operations] if operations else []


HTTP_ROUTE = HttpRoute()


def _parent(traffic: TrafficRef) -> dict[str, str]:
    namespace, _, name = traffic.gateway.rpartition("/")
    return {"name": name} | ({"namespace": namespace} if namespace else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One rule, and where in its `backendRefs` our two Services stand."""

    index: int
    backends: Sequence[Manifest]
    stable: tuple[int, ...]
    candidate: tuple[int, ...]
    stable_service: str
    candidate_service: str

    @property
    def both(self) -> bool:
        return bool(self.stable and self.candidate)

    def share(self) -> int:
        """The candidate's share of the rule in whole percent. A share that is neither nothing nor everything is never
        rounded to 0 or 100: half a percent of traffic is traffic."""
        total = sum(_weight(backend) for backend in self.backends)
        candidate = sum(_weight(self.backends[index]) for index in self.candidate)
        if candidate in (0, total):
            return 100 if candidate else 0
        return min(99, max(1, (200 * candidate + total) // (2 * total)))

    def problems(self) -> Iterator[str]:
        rule = f"Rule {self.index + 1}"
        if self.candidate and not self.stable:
            yield (
                f"{rule} names {self.candidate_service} without {self.stable_service}: all of its requests go to the "
                f"candidate whatever the weight. Add {self.stable_service} beside it."
            )
        if not self.both:
            return
        others = [
            str(backend.get("name", ""))
            for index, backend in enumerate(self.backends)
            if index not in (*self.stable, *self.candidate)
        ]
        if others:
            yield (
                f"{rule} names further backends beside our two Services ({', '.join(others)}): the weights would not "
                "be percent. Move them to a rule of their own."
            )
        if all(_weight(self.backends[index]) == 0 for index in (*self.stable, *self.candidate)):
            yield (
                f"{rule} gives weight 0 to both {self.stable_service} and {self.candidate_service}: "
                f"it answers no request. Give {self.stable_service} weight 100."
            )


def _rules(manifest: Manifest, names: Names) -> Iterator[_Rule]:
    namespace = manifest["metadata"].get("namespace", "")

    def places(backends: Sequence[Manifest], service: str) -> tuple[int, ...]:
        return tuple(index for index, one in enumerate(backends) if _is_service(one, service, namespace))

    for index, rule in enumerate(manifest.get("spec", {}).get("rules") or ()):
        backends = rule.get("backendRefs") or ()
        yield _Rule(
            index=index,
            backends=backends,
            stable=places(backends, names.stable),
            candidate=places(backends, names.candidate),
            stable_service=names.stable,
            candidate_service=names.candidate,
        )


def _is_service(backend: Manifest, service: str, namespace: str) -> bool:
    return (
        backend.get("name") == service
        and backend.get("kind", "Service") == "Service"
        and not backend.get("group", "")
        and backend.get("namespace", namespace) == namespace
    )


def _weight(backend: Manifest) -> int:
    """The API's default for a backend that says nothing is 1."""
    return int(backend.get("weight", 1))


def _not_accepted(manifest: Manifest) -> str:
    """Why the route is not (yet) taken by each controller that reports on it; empty when it is."""
    generation = manifest["metadata"].get("generation", 0)
    parents = manifest.get("status", {}).get("parents") or ()
    if not parents:
        return "no Gateway controller has reported on it yet"
    for parent in parents:
        gateway = parent.get("parentRef", {}).get("name", "?")
        conditions = {one.get("type"): one for one in parent.get("conditions") or ()}
        for kind in ("Accepted", "ResolvedRefs"):
            complaint = _complaint(conditions.get(kind), generation)
            if complaint:
                return f"Gateway {gateway} says {kind}: {complaint}"
    return ""


def _complaint(condition: dict[str, Any] | None, generation: int) -> str:
    if condition is None:
        return "nothing yet"
    if condition.get("observedGeneration") != generation:
        return f"it has seen generation {condition.get('observedGeneration', 0)} of {generation}"
    if condition.get("status") != "True":
        return f"{condition.get('reason', '')} {condition.get('message', '')}".strip() or str(condition.get("status"))
    return ""


def _paste(names: Names, port: int | None) -> str:
    """In YAML's flow style: one line that survives a status message and any indentation."""
    if port is None:
        return ""
    backends = (
        f"{{name: {service}, port: {port}, weight: {weight}}}"
        for service, weight in ((names.stable, 100), (names.candidate, 0))
    )
    return f"backendRefs: [{', '.join(backends)}]"
