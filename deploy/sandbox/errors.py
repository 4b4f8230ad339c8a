"""The store's error answers, with its codes and messages."""

from deploy.sandbox.wire import Json


class RestError(Exception):
    """An error answer of the REST API. A webhook that cannot read its record delivers the same body."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        *,
        details: Json | None = None,
        allow: bool = True,
    ):
        super().__init__(f"{status} {code}")
        self.code = code
        self.message = message
        self.status = status
        self.details = details or {}
        # The store sends the Allow header only after its permission check.
        self.allow = allow

    @property
    def body(self) -> Json:
        """The JSON body: code, message and `data` with the status."""
        return {
            "code": self.code,
            "message": self.message,
            "data": {"status": self.status, **self.details},
        }


def unauthorised(message: str, code: str = "woocommerce_rest_authentication_error") -> RestError:
    """Return the error for a wrong key, signature or permission: always 401."""
    return RestError(code, message, 401, allow=False)


def cannot_view() -> RestError:
    """Return the error for a user without rights on the record. A webhook of such a user delivers it."""
    return RestError(
        "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", 403, allow=False
    )


def cannot_edit() -> RestError:
    """Return the error for a write of a record that is closed to the key."""
    message = "Sorry, you are not allowed to edit this resource."
    return RestError("woocommerce_rest_cannot_edit", message, 403, allow=False)


def cannot_batch() -> RestError:
    """Return the error of /customers/batch for every role below an administrator."""
    message = "Sorry, you are not allowed to batch manipulate this resource."
    return RestError("woocommerce_rest_cannot_batch", message, 403, allow=False)


def no_such_order() -> RestError:
    """Return the error for a missing order on GET and DELETE, and in a delivery."""
    return RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)


def no_order_to_update() -> RestError:
    """Return the error for a missing order on PUT and in a batch: the same code, another message and status."""
    return RestError("woocommerce_rest_shop_order_invalid_id", "ID is invalid.", 400)


def no_such_customer() -> RestError:
    """Return the error for a missing customer, on every route."""
    return RestError("wc_user_invalid_id", "Invalid user ID.", 404, allow=False)


def no_such_refund() -> RestError:
    """Return the error for a missing refund of an order that exists."""
    return RestError("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)


def already_trashed() -> RestError:
    """Return the error for a DELETE without force of an order that is in the trash."""
    return RestError("woocommerce_rest_already_trashed", "The order has already been deleted.", 410)


def cannot_trash(resources: str) -> RestError:
    """Return the error for a DELETE without force of resources that have no trash, such as `Customers`."""
    message = f"{resources} do not support trashing."
    return RestError("woocommerce_rest_trash_not_supported", message, 501)


def too_many_items(limit: int) -> RestError:
    """Return the error for a batch of more than `limit` items in all."""
    message = f"Unable to accept more than {limit} items for this request."
    return RestError("woocommerce_rest_request_entity_too_large", message, 413)


def invalid_param(name: str, message: str, code: str = "rest_invalid_param") -> RestError:
    """Return the error for a query parameter or field with a wrong value."""
    details = {
        "params": {name: message},
        "details": {name: {"code": code, "message": message, "data": None}},
    }
    return RestError("rest_invalid_param", f"Invalid parameter(s): {name}", 400, details=details)


def no_route() -> RestError:
    """Return the error for a path that does not exist, or does not have the method."""
    message = "No route was found matching the URL and request method."
    return RestError("rest_no_route", message, 404, allow=False)
