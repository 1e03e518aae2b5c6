"""A real release of the real chart on the API server, installed by Helm's own engine. Its pods need not run."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any

import helm_python

from tests.api_server.conftest import ApiServer
from tests.charts.render import CHART

NAME = "serinus"
OPERATOR = "operator"
"""Stands for the release's own service account wherever a user is named."""


@dataclass(frozen=True)
class Release:
    """An installation that looks after its own namespace only, so that several live side by side."""

    api_server: ApiServer
    namespace: str
    values: dict[str, Any]

    def upgrade(self, **values: Any) -> None:
        """`helm upgrade` with further values."""
        with self.helm() as helm:
            helm.upgrade(str(CHART), NAME, {**self.values, **values})

    def helm(self) -> helm_python.Config:
        """Helm, acting as the administrator in the release's namespace."""
        return helm_python.Config(kubeconfig_path=self.api_server.kubeconfig, namespace=self.namespace)

    def kubectl(self, *args: str, user: str = "", input: str | None = None) -> CompletedProcess[str]:
        """kubectl in the release's namespace, as a user of that name; as administrator without one."""
        name = f"system:serviceaccount:{self.namespace}:{NAME}" if user == OPERATOR else user
        who = [f"--as={name}"] if name else []
        return self.api_server.kubectl(f"--namespace={self.namespace}", *who, *args, input=input)

    def may(self, user: str, verb: str, resource: str, *args: str) -> bool:
        """What the API server's authorizer says."""
        return self.kubectl("auth", "can-i", verb, resource, *args, user=user).stdout.strip() == "yes"


@contextmanager
def installed(api_server: ApiServer, **values: Any) -> Iterator[Release]:
    """A fresh namespace with a release in it, which looks after just this namespace."""
    namespace = f"test-{uuid.uuid4().hex[:10]}"
    release = Release(api_server, namespace, {"namespaces": [namespace], "crds": {"install": False}, **values})
    with release.helm() as helm:
        helm.install(str(CHART), NAME, release.values, create_namespace=True)
    try:
        yield release
    finally:
        with release.helm() as helm:
            helm.uninstall(NAME, ignore_not_found=True)
        api_server.kubectl("delete", "namespace", namespace, "--wait=false")


def eventually(what: str, true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds: policies and aggregated roles take effect a moment after they are written."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
