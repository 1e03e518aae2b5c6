"""A rollout in flight as an earlier build left it in the API server: captured once, restored in a test.

    python -m tests.cluster exec --name NAME -- python -m tests.api_server.capture FILE

plays a rollout up to its first step with the operator of this tree (the CRDs must be there), kills the operator, and
writes down every object that the rollout made or was made of. `restore` puts them back, with the uid of the new
ModelRollout in place of the old one's and all times moved to now.
"""

import os
import re
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.api_server.api import Api, Manifest
from tests.api_server.process import Operator
from tests.api_server.stage import Stage

KINDS = ("HTTPRoute", "Service", "Deployment")
_KEPT = ("name", "labels", "annotations", "ownerReferences", "finalizers")


def capture(file: Path) -> None:
    """Plays a rollout up to 25 % and writes down what there is then."""
    api, namespace = Api(os.environ["KUBECONFIG"]), f"capture-{uuid.uuid4().hex[:10]}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    with tempfile.TemporaryDirectory() as folder, Stage(api, namespace, os.environ["SERINUS_EXPORTER"]) as stage:
        operator = Operator(
            Path(folder),
            namespaces=[namespace],
            kubeconfig=os.environ["KUBECONFIG"],
            prometheus=os.environ["SERINUS_PROMETHEUS"],
        ).start()
        try:
            stage.source("v1")
            stage.route()
            stage.rollout(steps=[{"weight": 25, "hold": "5m"}, {"weight": 50, "hold": "2s"}])
            stage.wait_for(phase="Healthy")
            stage.source("v2")
            stage.wait_until(lambda: bool(stage.status().get("slis")), 60, lambda: f"no trial: {stage.status()}")
        finally:
            operator.kill()
        rollout = api.get("ModelRollout", namespace, "chat")
        assert rollout is not None
        names = [(kind, one["metadata"]["name"]) for kind in KINDS for one in api.list(kind, namespace)]
        found = [rollout, *(one for kind, name in names if (one := api.get(kind, namespace, name)) is not None)]
        text = yaml.safe_dump_all(map(_slim, found), sort_keys=False, width=10_000)
        text = text.replace(rollout["metadata"]["uid"], "ROLLOUT_UID").replace(namespace, "NAMESPACE")
    file.write_text(f"# captured at {int(time.time())}\n{text}")
    api.delete("Namespace", "", namespace)


def restore(file: Path, api: Api, namespace: str) -> None:
    """Puts the rollout into the namespace as if it had been captured a moment ago."""
    text = file.read_text().replace("NAMESPACE", namespace)
    captured = re.match(r"# captured at (\d+)", text)
    assert captured is not None
    text = moved(text, time.time() - int(captured[1]))
    rollout: Manifest
    rollout, *rest = yaml.safe_load_all(text)
    status = rollout.pop("status")
    made = api.apply(_placed(rollout, namespace))
    for one in yaml.safe_load_all(text.replace("ROLLOUT_UID", made["metadata"]["uid"])):
        if one["kind"] == "ModelRollout":
            status = one["status"]
            api.patch("ModelRollout", namespace, "chat", {"status": status}, "/status")
        else:
            one.pop("status", None)
            api.apply(_placed(one, namespace))
    assert rest


def moved(text: str, seconds: float) -> str:
    """All times in a text moved by so many seconds: epoch seconds of these years, and RFC 3339."""
    whole = int(seconds)
    text = re.sub(r"\b1[789]\d{8}\b", lambda found: str(int(found[0]) + whole), text)
    return re.sub(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", lambda found: _later(found[0], whole), text)


def _later(moment: str, seconds: int) -> str:
    at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _slim(manifest: Manifest) -> dict[str, Any]:
    metadata = {key: manifest["metadata"][key] for key in _KEPT if key in manifest["metadata"]}
    spec = {key: value for key, value in manifest["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    kept = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata, "spec": spec}
    return kept | ({"status": manifest["status"]} if manifest["kind"] == "ModelRollout" else {})


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


if __name__ == "__main__":
    capture(Path(sys.argv[1]))
