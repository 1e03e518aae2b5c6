"""Sends handwritten digits to a classifier, one request a second and user, as the V2 protocol wants them.

Real clients do not always know every feature. A share of the requests (`MISSING`, 0.04 unless told) has one pixel that
is `null`; a model that was trained on whole images only may raise on it. Such requests have a name of their own in
Locust's summary. `MODEL_NAME` is the model's name in the URL.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant_throughput, task  # type: ignore[import-not-found]

DIGITS: list[list[float | None]] = json.loads((Path(__file__).parent / "digits.json").read_text())
MISSING = float(os.environ.get("MISSING") or 0.04)
MODEL = os.environ.get("MODEL_NAME") or "digits"


def body(pixels: list[float | None]) -> dict[str, Any]:
    """One inference request for one image."""
    return {"inputs": [{"name": "pixels", "shape": [1, len(pixels)], "datatype": "FP32", "data": pixels}]}


class Client(FastHttpUser):  # type: ignore[misc]
    """One caller; its rate stays the same as long as an answer takes less than a second."""

    wait_time = constant_throughput(1)
    connection_timeout = 2.0
    network_timeout = 5.0

    @task
    def infer(self) -> None:
        pixels = list(random.choice(DIGITS))
        name = "whole image"
        if random.random() < MISSING:
            pixels[random.randrange(len(pixels))] = None
            name = "image with a gap"
        self.client.post(f"/v2/models/{MODEL}/infer", json=body(pixels), name=name)
