"""The store's error answers, with the codes and words that it uses."""

from deploy.sandbox.wire import Json


class RestError(Exception):
    """An answer of the REST API that is an error; a webhook that cannot read its record delivers it too."""

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
        # The store names the allowed methods only on answers that got past its permission check.
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
    """A key, signature or permission that does not hold: always 401."""
    return RestError(code, message, 401, allow=False)


def cannot_view() -> RestError:
    """Answered to, and delivered for, a user without rights on the record."""
    return RestError(
        "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", 403, allow=False
    )


def cannot_edit() -> RestError:
    """Answered to a write of a record that is closed to the key."""
    message = "Sorry, you are not allowed to edit this resource."
    return RestError("woocommerce_rest_cannot_edit", message, 403, allow=False)


def cannot_batch() -> RestError:
    """Answered on /customers/batch to everybody below an administrator."""
    message = "Sorry, you are not allowed to batch manipulate this resource."
    return RestError("woocommerce_rest_cannot_batch", message, 403, allow=False)


def no_such_order() -> RestError:
    """A missing order on GET and DELETE, and in a delivery."""
    return RestError("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)


def no_order_to_update() -> RestError:
    """A missing order on PUT and inside a batch: the same code, other words and status."""
    return RestError("woocommerce_rest_shop_order_invalid_id", "ID is invalid.", 400)


def no_such_customer() -> RestError:
    """A missing customer, in every place."""
    return RestError("wc_user_invalid_id", "Invalid user ID.", 404, allow=False)


def no_such_refund() -> RestError:
    """A missing refund of an order that is there."""
    return RestError("woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.", 404)


def already_trashed() -> RestError:
    """DELETE without force on an order that lies in the trash."""
    return RestError("woocommerce_rest_already_trashed", "The order has already been deleted.", 410)


def cannot_trash(what: str) -> RestError:
    """DELETE without force on what has no trash."""
    return RestError(
        "woocommerce_rest_trash_not_supported", f"{what} do not support trashing.", 501
    )


def too_many_items(limit: int) -> RestError:
    """A batch of more than `limit` items in all."""
    message = f"Unable to accept more than {limit} items for this request."
    return RestError("woocommerce_rest_request_entity_too_large", message, 413)


def invalid_param(name: str, message: str, code: str = "rest_invalid_param") -> RestError:
    """A query parameter or field out of its bounds."""
    details = {
        "params": {name: message},
        "details": {name: {"code": code, "message": message, "data": None}},
    }
    return RestError("rest_invalid_param", f"Invalid parameter(s): {name}", 400, details=details)


def no_route() -> RestError:
    """No such path, or not with this method."""
    message = "No route was found matching the URL and request method."
    return RestError("rest_no_route", message, 404, allow=False)
