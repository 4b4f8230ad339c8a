"""The floor: a Flask app that verifies a signed delivery and stores nothing.

No service with Flask and gunicorn can be faster. `tests.bench.targets` starts it.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64encode

from flask import Flask, Response, abort, jsonify, request

app = Flask(__name__, static_folder=None)
KEY = os.environ.get("FLOOR_SECRET", "a-secret-of-the-recorded-shop").encode()


@app.post("/webhooks/<slug>")
def receive(slug: str) -> Response:
    """200 for a signed body, 401 for any other."""
    expected = b64encode(hmac.digest(KEY, request.get_data(cache=False), "sha256")).decode()
    if not hmac.compare_digest(expected, request.headers.get("X-WC-Webhook-Signature", "")):
        abort(401)
    return jsonify(store=slug, result="verified")


@app.get("/healthz")
def health() -> Response:
    """200 while the process lives."""
    return jsonify(status="ok")
