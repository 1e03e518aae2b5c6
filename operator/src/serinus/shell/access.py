"""How the API server is reached: address, TLS and the header that says who we are.

One `Access` serves the three who talk to it: the client (`kube.py`), the watches (`watch.py`) and the lease's guard
thread (`lease.py`), each over connections of its own.
"""

import asyncio
import os
import ssl
from pathlib import Path
from typing import Any

from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config
from kubernetes.aio.config.kube_config import load_kube_config, refresh_token

TOKEN = "BearerToken"


class AccessError(Exception):
    """No API server is known, or the credentials cannot be read: says which file or variable to change."""


class Access:
    """Where the API server is and how requests are signed.

    The service account's token is re-read once a minute by the configuration's own hook, so a header is never kept.
    """

    def __init__(self, configuration: Configuration, loader: Any = None) -> None:
        self.configuration = configuration
        self._loader = loader

    @property
    def server(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return str(self.configuration.host).rstrip("/")

    def headers(self) -> dict[str, str]:
        """What signs a request at this moment. Raises `AccessError` when the token file cannot be read."""
        if self.configuration.refresh_api_key_hook is not None:
            try:
                self.configuration.refresh_api_key_hook(self.configuration)
            except (OSError, ConfigException) as error:
                raise AccessError(f"The service account's token cannot be read: {error}.") from error
        key = self.configuration.api_key.get(TOKEN)
        return {"Authorization": key.strip()} if key else {}

    def tls(self) -> ssl.SSLContext:
        """A new TLS context from the same certificates."""
        config = self.configuration
        context = ssl.create_default_context(cafile=config.ssl_ca_cert, cadata=config.ca_cert_data)
        if config.cert_file:
            context.load_cert_chain(config.cert_file, keyfile=config.key_file)
        if not config.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    async def keep_fresh(self) -> None:
        """Run a kubeconfig's credential plug-in again when its token expires; returns at once where there is none."""
        user = getattr(self._loader, "_user", None)
        if user is not None and "exec" in user:
            await refresh_token(self._loader, client_configuration=self.configuration)


async def load(kubeconfig: str | None = None) -> Access:
    """Find the API server: the given kubeconfig, else $KUBECONFIG, else the pod's own, else ~/.kube/config.

    Raises `AccessError` with a sentence that says what to set.
    """
    path = kubeconfig or os.environ.get("KUBECONFIG")
    if not path and os.environ.get("KUBERNETES_SERVICE_HOST"):
        configuration = Configuration()
        try:
            await asyncio.to_thread(load_incluster_config, client_configuration=configuration)
        except (OSError, ConfigException) as error:
            raise AccessError(f"The pod's service account cannot be used: {error}") from error
        return Access(configuration)
    return await _from_kubeconfig(path or str(Path.home() / ".kube" / "config"))


async def _from_kubeconfig(path: str) -> Access:
    existing = _existing(path)
    if not existing:
        raise AccessError(
            f"No Kubernetes API server is known: {path} does not exist. "
            "Run inside a pod, or set KUBECONFIG to a file that exists."
        )
    configuration = Configuration()
    try:
        loader = await load_kube_config(
            config_file=os.pathsep.join(existing), client_configuration=configuration, persist_config=False
        )
    except (OSError, ConfigException, ValueError) as error:
        raise AccessError(f"The kubeconfig {path} cannot be used: {error}") from error
    for field, key in (("proxy", "proxy-url"), ("tls_server_name", "tls-server-name")):
        if getattr(configuration, field):
            raise AccessError(f"The kubeconfig {path} uses {key}, which is not supported: take it out.")
    return Access(configuration, loader)


def _existing(path: str) -> list[str]:
    return [one for one in path.split(os.pathsep) if one and Path(one).expanduser().is_file()]
