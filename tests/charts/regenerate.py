"""The chart's rendered output as it is meant to be. `python -m tests.charts.regenerate` writes it; read the diff.

The CRD is left out: it has its own source and its own check.
"""

from pathlib import Path

from tests.charts import render

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, render.Values] = {
    "default": {},
    "namespaced": {
        "namespaces": ["team-a", "team-b"],
        "replicas": 2,
        "crds": {"install": False},
        "rbac": {"countGPUs": True},
        "prometheus": {
            "default": "main",
            "connections": {
                "main": {
                    "address": "https://thanos.example.com/query",
                    "bearerTokenSecret": {"name": "thanos-token", "key": "token"},
                    "ca": {"configMap": {"name": "internal-ca", "key": "bundle.pem"}},
                    "headers": {"X-Scope-OrgID": "models"},
                },
                "second": {
                    "address": "http://prometheus.monitoring.svc:9090",
                    "timeout": 2.5,
                    "basic": {"username": "serinus", "passwordSecret": {"name": "login", "key": "password"}},
                    "ca": {"secret": {"name": "internal-ca", "key": "ca.crt"}},
                    "clientCertificateSecret": {"name": "client"},
                },
            },
        },
        "admissionPolicy": {"requireName": True, "exemptUsers": ["system:serviceaccount:velero:velero"]},
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "egress": [{"ports": [{"port": 6443, "protocol": "TCP"}]}],
        },
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "podMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
        },
    },
}


def rendered(case: str) -> str:
    """All templates of a case as one YAML stream, in the order of their files."""
    texts = render.texts(CASES[case])
    parts = [f"# {path}\n{text.strip()}\n" for path, text in texts.items() if path not in ("crd.yaml", "NOTES.txt")]
    return "---\n" + "---\n".join(parts)


def file(case: str) -> Path:
    """Where the golden output of a case is kept."""
    return GOLDEN / f"{case}.yaml"


if __name__ == "__main__":
    for name in CASES:
        file(name).write_text(rendered(name))
