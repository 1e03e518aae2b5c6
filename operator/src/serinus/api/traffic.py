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


class Traffic(Typed):
    """One router: an HTTPRoute that Git owns, or one that Serinus generates on a Gateway."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.httpRoute) != has(self.gateway)",
            message=(
                "write exactly one of httpRoute: NAME (a route of yours that lists the two Services), or gateway: NAME "
                "with hostnames (Serinus generates the route)"
            ),
            holds=lambda it: count(it.http_route, it.gateway) == 1,
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
            "Example: `chat`. Either this or `gateway`."
        ),
    )
    gateway: GatewayName | None = Field(
        default=None,
        description=(
            "Gateway on which Serinus generates an HTTPRoute with this rollout's name: `NAME`, or "
            "`NAMESPACE/NAME` where the Gateway admits routes of this namespace.\n"
            "Example: `infra/public`. Either this or `httpRoute`."
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
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description=(
            "Port of the model server in the pod; the two Services use the same number.\n"
            "Example: `8000`. Default: the template's only containerPort."
        ),
    )
