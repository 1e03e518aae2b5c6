"""`spec.traffic`: what splits the requests between stable and candidate."""

from typing import Annotated, ClassVar

from pydantic import Field

from serinus.api.text import LABEL, SUBDOMAIN, ObjectName, Text
from serinus.api.typed import Rule, Typed, count

GatewayName = Annotated[
    str,
    Text(
        f"({LABEL}/)?{SUBDOMAIN}",
        "write the name of a Gateway, such as public, or namespace/name, such as infra/public",
        317,
    ),
]
Hostname = Annotated[
    str,
    Text(rf"(\*\.)?{SUBDOMAIN}", "write a host name without scheme and port, such as chat.example.com", 253),
]


ServiceName = Annotated[
    str,
    Text(
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        "write the name of a Service: lower-case letters, digits and '-', such as chat",
        63,
    ),
]

_BY_PODS = "has(self.replicas) && self.replicas"


class Traffic(Typed):
    """One router: an HTTPRoute that Git owns, or one that Serinus generates; or none, and shares by pods."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"[has(self.httpRoute), has(self.gateway), {_BY_PODS}].exists_one(x, x)",
            message=(
                "write exactly one of httpRoute: NAME (a route of yours that lists the two Services), or gateway: NAME "
                "with hostnames (Serinus generates the route), or replicas: true (no router: share by pods)"
            ),
            holds=lambda it: count(it.http_route, it.gateway, it.replicas or None) == 1,
        ),
        Rule(
            cel=f"!has(self.service) || ({_BY_PODS})",
            message="service belongs to replicas: true; with httpRoute or gateway, requests come by the route",
            holds=lambda it: it.service is None or bool(it.replicas),
            field="service",
        ),
        Rule(
            cel="has(self.gateway) == (has(self.hostnames) && size(self.hostnames) > 0)",
            message=(
                "gateway and hostnames belong together: write gateway: public with hostnames: [chat.example.com]; "
                "with httpRoute, the host names stand in the route"
            ),
            holds=lambda it: (it.gateway is not None) == bool(it.hostnames),
            field="hostnames",
        ),
    )

    http_route: ObjectName | None = Field(
        default=None,
        description=(
            "Name of an HTTPRoute (gateway.networking.k8s.io/v1) in the same namespace. It belongs to you and "
            "lists the Services `NAME-stable` with weight 100 and `NAME-candidate` with weight 0, where NAME is "
            "this rollout's name; Serinus changes only these two weights.\n"
            "Example: `chat`. Either this, `gateway` or `replicas`."
        ),
    )
    gateway: GatewayName | None = Field(
        default=None,
        description=(
            "Gateway on which Serinus generates an HTTPRoute with this rollout's name: `NAME`, or "
            "`NAMESPACE/NAME` where the Gateway admits routes of this namespace.\n"
            "Example: `infra/public`. Either this, `httpRoute` or `replicas`."
        ),
    )
    hostnames: tuple[Hostname, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=(
            "Host names of the generated route; required with `gateway`, so that it cannot catch the requests of "
            "others.\n"
            "Example: `[chat.example.com]`."
        ),
    )
    replicas: bool | None = Field(
        default=None,
        description=(
            "No router: requests are shared evenly by ready pods, and Serinus makes a Service that selects those of "
            "stable, of both, or of the candidate. Shares are as fine as pods are many: with 4 replicas the least is "
            "20 %; status says what was asked and what is given. Weights up to 50.\n"
            "Example: `true`. Either this, `httpRoute` or `gateway`."
        ),
    )
    service: ServiceName | None = Field(
        default=None,
        description=(
            "Name of the Service that clients use, with `replicas: true`. Serinus makes it and sets its selector; a "
            "Service of that name that is not its own is left alone, and the rollout waits.\n"
            "Example: `chat-live`. Default: this rollout's name."
        ),
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description=(
            "Port of the model server in the pod; the Services use the same number.\n"
            "Example: `8000`. Default: the template's only containerPort."
        ),
    )
