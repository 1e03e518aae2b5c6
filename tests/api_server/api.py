"""The API server over HTTP, as an administrator: what scenario tests read and write, without starting kubectl."""

import base64
import json
import tempfile
import weakref
from pathlib import Path
from typing import Any, cast

import requests

Manifest = dict[str, Any]

_PATHS = {
    "ModelRollout": "apis/serinus.dev/v1alpha1/namespaces/{namespace}/modelrollouts",
    "HTTPRoute": "apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes",
    "Deployment": "apis/apps/v1/namespaces/{namespace}/deployments",
    "Service": "api/v1/namespaces/{namespace}/services",
    "EndpointSlice": "apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
    "Pod": "api/v1/namespaces/{namespace}/pods",
    "Event": "apis/events.k8s.io/v1/namespaces/{namespace}/events",
    "Lease": "apis/coordination.k8s.io/v1/namespaces/{namespace}/leases",
    "Namespace": "api/v1/namespaces",
}


class Api:
    """One session with the rights of the kubeconfig's user (a token)."""

    def __init__(self, kubeconfig: str) -> None:
        config = json.loads(Path(kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self.server = str(cluster["server"])
        self.token = str(config["users"][0]["user"]["token"])
        self.ca = base64.b64decode(cluster["certificate-authority-data"])
        with tempfile.NamedTemporaryFile("wb", suffix=".pem", delete=False) as file:
            file.write(self.ca)
        self.ca_file = file.name
        weakref.finalize(self, Path(file.name).unlink, missing_ok=True)
        self._session = requests.Session()
        self._session.trust_env = False  # an environment may name another bundle of certificates
        self._session.verify = self.ca_file
        self._session.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        answer = self._session.get(self._url(kind, namespace, name), timeout=10)
        if answer.status_code == 404:
            return None
        return self._read(answer)

    def list(self, kind: str, namespace: str, labels: str = "") -> list[Manifest]:
        answer = self._session.get(self._url(kind, namespace), params={"labelSelector": labels}, timeout=10)
        return cast(list[Manifest], self._read(answer)["items"])

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply by the manager `git`."""
        metadata = manifest["metadata"]
        answer = self._session.patch(
            self._url(manifest["kind"], metadata.get("namespace", ""), metadata["name"]),
            params={"fieldManager": "git", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            data=json.dumps(manifest),
            timeout=10,
        )
        return self._read(answer)

    def patch(self, kind: str, namespace: str, name: str, patch: Manifest, subresource: str = "") -> Manifest:
        """A JSON merge patch."""
        answer = self._session.patch(
            self._url(kind, namespace, name) + subresource,
            headers={"Content-Type": "application/merge-patch+json"},
            data=json.dumps(patch),
            timeout=10,
        )
        return self._read(answer)

    def delete(self, kind: str, namespace: str, name: str, propagation: str = "Background") -> None:
        body = json.dumps({"propagationPolicy": propagation})
        answer = self._session.delete(self._url(kind, namespace, name), data=body, timeout=10)
        if answer.status_code != 404:
            self._read(answer)

    def watch(self, kind: str, namespace: str) -> requests.Response:
        """A stream of events, one JSON object a line; close it when done."""
        return self._session.get(self._url(kind, namespace), params={"watch": "true"}, stream=True, timeout=(5, 600))

    def _url(self, kind: str, namespace: str, name: str = "") -> str:
        base = f"{self.server}/{_PATHS[kind].format(namespace=namespace)}"
        return f"{base}/{name}" if name else base

    @staticmethod
    def _read(answer: requests.Response) -> Manifest:
        assert answer.ok, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:500]}"
        return cast(Manifest, answer.json())
