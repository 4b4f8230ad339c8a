"""`/openapi.json`: all of the HTTP surface, described."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify

from hooks import __version__

blueprint = Blueprint("openapi", __name__)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
    )
    document["info"]["version"] = __version__
    return document


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """OpenAPI 3.1; a test holds it to the routes that there are."""
    return jsonify(_document())
