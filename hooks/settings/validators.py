"""Checks of single values of the environment.

A check raises ValidationError, with a message that never shows the value. Only `is_loopback` answers True or False.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_BIND = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def is_url(value: str) -> None:
    """Accept an http or https address without a user name or a password in it."""
    parts = _parts_of(value)
    if "@" in parts.netloc:
        raise ValidationError(
            "holds a user name or a password before the host, where many would see it; take it out"
        )


def _parts_of(value: str) -> SplitResult:
    """Split an http or https address. Raises ValidationError."""
    try:
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValidationError("is not an http or https address") from error
    if not is_address or not value.isprintable() or " " in value:
        raise ValidationError("is not an http or https address")
    return parts


def is_loopback(url: str) -> bool:
    """Tell whether an address can only mean this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_sentry_dsn(value: str) -> None:
    """Accept a DSN, the address that Sentry shows for a project."""
    parts = _parts_of(value)
    project = parts.path.rpartition("/")[2]
    if not (parts.username and project.isascii() and project.isdigit()):
        raise ValidationError("is not a DSN as Sentry shows it, https://KEY@HOST/NUMBER")


def is_page(value: str) -> None:
    """Accept an address, or a path that is looked up under the address of each store."""
    if not value.startswith("/"):
        is_url(value)


def is_ascii(value: str) -> None:
    """Accept printable ASCII, which is all that a key of WooCommerce has."""
    if not (value.isascii() and value.isprintable()):
        raise ValidationError("holds a character that no key of WooCommerce has")


def at_least(length: int) -> Callable[[str], None]:
    """Return a check that accepts values of at least so many characters."""

    def check(value: str) -> None:
        if len(value) < length:
            raise ValidationError(f"is shorter than {length} characters")

    return check


def is_bind(value: str) -> None:
    """Accept `host:port`."""
    bind = _BIND.fullmatch(value)
    if not bind or int(bind[1]) > 65535:
        raise ValidationError("is not host:port")


def is_database(value: str) -> None:
    """Accept the URL of a database that can hold the ledger."""
    try:
        url = make_url(value)
    except (ArgumentError, ValueError) as error:
        raise ValidationError("is not a database URL") from error
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValidationError("is neither sqlite:///… nor postgresql+psycopg://…")
    if not value.isprintable() or not 0 < (url.port or 5432) < 65536:
        raise ValidationError("is not a database URL")
    if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValidationError(
            "names no file; write sqlite:///var/retention.db, or four slashes before a whole path"
        )


def is_log_level(value: str) -> None:
    """Accept the name of a level of the logging library, in upper or lower case."""
    if value.upper() not in logging.getLevelNamesMapping():
        raise ValidationError("is not a log level such as INFO")
