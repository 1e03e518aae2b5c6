"""Start MLServer so that Envoy, and not the server, ends connections that idle.

MLServer answers through uvicorn, which closes a connection after 5 idle seconds; no setting of MLServer changes that.
Envoy keeps connections to pods for an hour, and now and then sends a request over one that is being closed: one in
five hundred was lost so. What follows is the private hook that MLServer keeps for settings of uvicorn.
"""

import sys

from mlserver.cli.main import main  # type: ignore[import-not-found]
from mlserver.settings import Settings  # type: ignore[import-not-found]

LONGER_THAN_ENVOY = 3700
"""Seconds; Envoy's own limit is 3600."""

Settings.__private_attributes__["_custom_rest_server_settings"].default = {"timeout_keep_alive": LONGER_THAN_ENVOY}
sys.argv = ["mlserver", "start", sys.argv[1]]
main()
