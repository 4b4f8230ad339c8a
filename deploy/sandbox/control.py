"""The routes `/sandbox/…`, by which tests and demos act in the shop. WooCommerce has none of them. They need no key."""

import inspect
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from deploy.sandbox.errors import RestError
from deploy.sandbox.life import live
from deploy.sandbox.store import SandboxStore

OPERATIONS = (
    "create_key", "freeze_clock", "set_clock", "advance_clock", "release_clock", "add_fault", "clear_faults",
    "set_habits", "show_oddly", "set_time_zone",
    "sign_up", "make_account", "edit_customer", "visit", "delete_customer",
    "place_order", "place_orders", "checkout", "edit_order", "pay_order", "complete_order", "cancel_order",
    "refund_order", "delete_refund", "trash_order", "restore_order", "anonymise_order", "delete_order",
    "opt_in", "opt_out", "edit_meta", "fire_action",
    "create_webhook", "set_webhook_owner", "send_deliveries", "drop_deliveries", "wait_until_idle",
)  # fmt: skip
"""The methods of the store that `POST /sandbox/<name>` calls. The body is a JSON object of arguments."""


def create_control(store: SandboxStore) -> Blueprint:
    """Return the blueprint of the control routes."""
    control = Blueprint("control", __name__, url_prefix="/sandbox")
    for name in OPERATIONS:
        control.add_url_rule(f"/{name}", name, _operation(getattr(store, name)), methods=["POST"])
    control.add_url_rule(
        "/deliveries/send", "send", _operation(store.send_deliveries), methods=["POST"]
    )
    control.add_url_rule(
        "/life", "life", _operation(lambda pause=0.0: live(store, pause)), methods=["POST"]
    )
    control.add_url_rule("/clock", "clock", lambda: jsonify(store.read_clock()))
    control.add_url_rule("/state", "state", lambda: jsonify(store.state()))
    control.add_url_rule("/log", "log", lambda: jsonify(store.log.as_json()))
    control.add_url_rule("/log", "clear_log", _operation(store.log.clear), methods=["DELETE"])
    return control


def _operation(method: Callable[..., Any]) -> Callable[[], tuple[Response, int]]:
    """Return a view that calls `method` with the arguments of the body."""

    def view() -> tuple[Response, int]:
        arguments: Any = {}
        if request.get_data():
            arguments = request.get_json(force=True, silent=True)
        if not isinstance(arguments, dict):
            return jsonify({"error": "the body must be a JSON object of arguments"}), 400
        try:
            inspect.signature(method).bind(**arguments)
            return jsonify(method(**arguments)), 200
        except RestError as error:
            return jsonify(error.body), error.status
        except (TypeError, ValueError) as error:
            return jsonify({"error": str(error)}), 400

    return view
