"""How the API server is found, and what is said when it cannot be."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from serinus.shell.access import AccessError, load


def kubeconfig(folder: Path, user: Mapping[str, object], **cluster: object) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "one", "cluster": {"server": "http://192.0.2.1:6443/", **cluster}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return str(path)


async def test_a_kubeconfig_gives_the_server_and_the_token(tmp_path: Path) -> None:
    access = await load(kubeconfig(tmp_path, {"token": "secret"}))
    assert access.server == "http://192.0.2.1:6443"
    assert access.headers() == {"Authorization": "Bearer secret"}


async def test_the_variable_kubeconfig_comes_before_the_pod_s_own_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, {"token": "secret"}))
    assert (await load()).server == "http://192.0.2.1:6443"


async def test_a_user_without_credentials_signs_nothing(tmp_path: Path) -> None:
    access = await load(kubeconfig(tmp_path, {}))
    assert access.headers() == {}
    await access.keep_fresh()


async def test_a_credential_plug_in_is_run_for_the_token(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"fresh"}}'
    plugin.write_text(f"#!/bin/sh\necho '{credential}'\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    access = await load(kubeconfig(tmp_path, user))
    assert access.headers() == {"Authorization": "Bearer fresh"}


async def test_without_any_api_server_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AccessError, match=r"config does not exist. Run inside a pod, or set KUBECONFIG"):
        await load()


async def test_a_pod_without_a_service_account_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(AccessError, match="service account"):
        await load()


@pytest.mark.parametrize("key", ["proxy-url", "tls-server-name"])
async def test_a_kubeconfig_that_asks_for_what_is_not_supported_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(AccessError, match=f"uses {key}, which is not supported"):
        await load(kubeconfig(tmp_path, {"token": "secret"}, **{key: "http://proxy"}))


async def test_a_kubeconfig_that_is_broken_is_named(tmp_path: Path) -> None:
    path = Path(kubeconfig(tmp_path, {"token": "secret"}))
    path.write_text(path.read_text().replace("current-context: here", "current-context: elsewhere"))
    with pytest.raises(AccessError, match=r"cannot be used: .*elsewhere"):
        await load(str(path))
