"""`/metrics`: the counters of all processes, for Prometheus."""

from __future__ import annotations

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST

from hooks import telemetry

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Return the counters of all web and worker processes, summed, as Prometheus text."""
    return Response(telemetry.metrics(), content_type=CONTENT_TYPE_LATEST)
