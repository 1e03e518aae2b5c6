"""The kinds of objects that the operator itself reads or writes. Routes and sources come from their plug-ins."""

from serinus.core.ownership import GROUP, KIND
from serinus.plugin import Resource

ROLLOUT = Resource(group=GROUP, version="v1alpha1", plural="modelrollouts", kind=KIND)
DEPLOYMENT = Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
POD_TEMPLATE = Resource(group="", version="v1", plural="podtemplates", kind="PodTemplate")
POD = Resource(group="", version="v1", plural="pods", kind="Pod")
SERVICE = Resource(group="", version="v1", plural="services", kind="Service")
ENDPOINT_SLICE = Resource(group="discovery.k8s.io", version="v1", plural="endpointslices", kind="EndpointSlice")
LEASE = Resource(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
EVENT = Resource(group="events.k8s.io", version="v1", plural="events", kind="Event")

ROLLOUT_LABEL = f"{GROUP}/rollout"
"""On every object that a rollout owns: the rollout's name."""
