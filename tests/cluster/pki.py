"""Certificates, tokens and kubeconfigs of one cluster; made anew at every start, worth nothing outside it."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.command import run
from tests.cluster.layout import Layout

CA = "ca.crt"
CA_KEY = "ca.key"
SERVER = "apiserver.crt"
SERVER_KEY = "apiserver.key"
SERVICE_ACCOUNT_KEY = "service-accounts.key"
TOKENS = "tokens.csv"

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "365")


def make(layout: Layout) -> None:
    """Fill the folder `pki` and write the kubeconfig of the admin."""
    layout.pki.mkdir(parents=True, exist_ok=True)
    layout.pki.chmod(0o700)
    _certificates(layout)
    tokens = {user: secrets.token_hex(16) for user in users(layout)}
    lines = [f'{tokens[user]},{user},{user},"{group}"' for user, group in users(layout).items()]
    _secret(layout.pki / TOKENS, "\n".join(lines) + "\n")
    for user, token in tokens.items():
        _secret(kubeconfig_of(layout, user), json.dumps(_kubeconfig(layout, user, token), indent=2))


def users(layout: Layout) -> Mapping[str, str]:
    """Who may call the API server by a token: user -> group (an empty one is none)."""
    return {
        "admin": "system:masters",
        "system:kube-controller-manager": "",
        "system:kube-scheduler": "",
        f"system:node:{layout.node_name}": "system:nodes",
        "system:kube-proxy": "",
    }


def kubeconfig_of(layout: Layout, user: str) -> Path:
    """The kubeconfig of one of `users`."""
    return layout.kubeconfig if user == "admin" else layout.pki / f"{user.replace(':', '-')}.kubeconfig"


def _kubeconfig(layout: Layout, user: str, token: str) -> dict[str, object]:
    authority = base64.b64encode((layout.pki / CA).read_bytes()).decode()
    cluster = {"server": layout.api_url, "certificate-authority-data": authority}
    return {  # JSON is YAML, and the standard library writes it
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": layout.name, "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": layout.name, "context": {"cluster": layout.name, "user": user}}],
        "current-context": layout.name,
    }


def _certificates(layout: Layout) -> None:
    """An authority, the API server's certificate for every name that pods and tests call it by, and a signing key."""
    service = ["kubernetes", "default", "svc", "cluster", "local"]
    names = ["localhost", *(".".join(service[:count]) for count in (1, 2, 3, 5))]
    addresses = [layout.node_ip, "127.0.0.1", layout.kubernetes_service_ip]
    alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
    config = layout.pki / "openssl.cnf"
    config.write_text(
        "[req]\ndistinguished_name=name\n[name]\n"
        "[authority]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
        "[server]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        f"subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName={alternatives}\n"
    )
    request = ("openssl", "req", "-x509", "-config", config, *_EC)
    ca, ca_key = layout.pki / CA, layout.pki / CA_KEY
    run([*request, "-extensions", "authority", "-subj", f"/CN=serinus-{layout.name}", "-out", ca, "-keyout", ca_key],
        "make the cluster's certificate authority")  # fmt: skip
    run([*request, "-extensions", "server", "-subj", "/CN=kube-apiserver", "-CA", ca, "-CAkey", ca_key,
         "-out", layout.pki / SERVER, "-keyout", layout.pki / SERVER_KEY],
        "make the API server's certificate")  # fmt: skip
    run(["openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", layout.pki / SERVICE_ACCOUNT_KEY],
        "make the key that signs service-account tokens")  # fmt: skip


def _secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
