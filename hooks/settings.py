"""The environment, read once; every fault is reported together and no secret is ever shown."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from environs import Env, EnvValidationError
from marshmallow import ValidationError
from marshmallow.validate import OneOf, Range
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from hooks.errors import ConfigurationError

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_T = TypeVar("_T")

SUBJECT_KEY_LENGTH = 32
"""A shorter key could be guessed, and then addresses tried on the hashes that it made."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How to reach one store. `webhook_secrets`: each may sign; the first is the current one."""

    slug: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the environment says. Durations are whole seconds there and timedeltas here."""

    stores: Mapping[str, StoreSettings] = field(default_factory=dict)
    bind: str = "127.0.0.1:8000"
    public_url: str = "http://127.0.0.1:8000"
    database_url: str = field(default="sqlite:///var/retention.db", repr=False)
    policy_file: Path = Path("deploy/policies/smartgroup.toml")
    policy_page_url: str | None = None
    status_token: str | None = field(default=None, repr=False)
    subject_key: str | None = field(default=None, repr=False)
    push_settle: timedelta = timedelta(seconds=10)
    reconcile: timedelta = timedelta(seconds=900)
    sweep: timedelta = timedelta(days=1)
    watch: timedelta = timedelta(seconds=300)
    store_requests_per_second: float = 10.0
    delivery_log: timedelta = timedelta(days=30)
    max_body_bytes: int = 5_242_880
    sentry_dsn: str | None = field(default=None, repr=False)
    sentry_environment: str | None = None
    log_level: str = "INFO"
    log_format: str = "console"

    @property
    def policy_pages(self) -> tuple[str, ...]:
        """The published pages that the policy is compared with: one, or each store's own."""
        page = self.policy_page_url
        if page is None:
            return ()
        if not page.startswith("/"):
            return (page,)
        return tuple(dict.fromkeys(store.url + page for store in self.stores.values()))

    @classmethod
    def from_env(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read the environment, and `env_file` for what it does not set.

        Raises ConfigurationError with one message that names every variable that is wrong or missing.
        """
        file_variables = read_env_file(env_file) if env_file and env_file.is_file() else {}
        return _Reader(_Environment(os.environ, file_variables)).settings(cls)


def read_env_file(path: Path) -> dict[str, str]:
    """Read the variables of a `.env` file: UTF-8 text of `NAME=value` lines; blanks, quotes and CRLF are allowed.

    Raises ConfigurationError, which names the lines that are not of this form and shows nothing of their text.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not text in UTF-8. Save it as UTF-8.") from error
    if lines := _malformed_lines(text):
        raise ConfigurationError(
            f"{path} cannot be understood at line {', '.join(map(str, lines))}. Each line is NAME=value, or a comment "
            "that begins with #. A quote is closed on the same line, and only a comment may follow it."
        )
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}


def _malformed_lines(text: str) -> list[int]:
    lines = []
    for binding in parse_stream(io.StringIO(text)):
        statement = binding.original.string.lstrip()
        no_value = binding.key is not None and binding.value is None
        if binding.error or no_value or "\n" in statement.rstrip():
            blank_lines = binding.original.string.removesuffix(statement).count("\n")
            lines.append(binding.original.line + blank_lines)
    return lines


class _QuoteError(ValueError):
    """A value begins or ends with a quote that has no partner."""


class _Environment(Env):
    """Reads a variable from the first source that sets it, by its NAME or by NAME_FILE, the name of a file.

    An empty value counts as not set. White space around a value is dropped, and then a pair of plain quotes.
    """

    def __init__(self, *sources: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._sources = sources

    def _get_value(self, env_key: str, default: Any) -> Any:
        """Raises _QuoteError; ValueError or OSError where the named file cannot be read."""
        for source in self._sources:
            path = _unquoted(source.get(f"{env_key}_FILE", ""))
            value = _unquoted(Path(path).read_text("utf-8-sig") if path else source.get(env_key, ""))
            if path or value:
                return value
        return default


_PLAIN_QUOTES = ("'", '"')
_QUOTES = (*_PLAIN_QUOTES, "“", "”", "„", "‘", "’", "‚", "«", "»")


def _unquoted(text: str) -> str:
    """Drop the white space around a value, and one pair of plain quotes. Raises _QuoteError."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in _PLAIN_QUOTES:
        return text[1:-1]
    if text.startswith(_QUOTES) or text.endswith(_QUOTES):
        raise _QuoteError
    return text


class _Reader:
    """Reads variable by variable, collecting faults instead of stopping at the first."""

    def __init__(self, env: _Environment) -> None:
        self.env = env
        self.faults: dict[str, str] = {}

    def settings(self, make: Callable[..., _T]) -> _T:
        env = self.env
        bind = self._get("BIND", env.str, "127.0.0.1:8000", validate=_is_bind)
        values = {
            "stores": self._stores(),
            "bind": bind,
            "public_url": self._get("PUBLIC_URL", env.str, f"http://{bind}", validate=_is_url),
            "database_url": self._get("DATABASE_URL", env.str, "sqlite:///var/retention.db", validate=_is_database),
            "policy_file": self._get("POLICY_FILE", env.path, Path("deploy/policies/smartgroup.toml")),
            "policy_page_url": self._get("POLICY_PAGE_URL", env.str, None, validate=_is_page) or None,
            "status_token": self._get("STATUS_TOKEN", env.str, None) or None,
            "subject_key": self._get("SUBJECT_KEY", env.str, None, validate=_is_long_enough) or None,
            "push_settle": self._seconds("PUSH_SETTLE_SECONDS", 10, Range(min=0, max=300)),
            "reconcile": self._seconds("RECONCILE_SECONDS", 900, Range(min=1)),
            "sweep": self._seconds("SWEEP_SECONDS", 86_400, Range(min=1)),
            "watch": self._seconds("WATCH_SECONDS", 300, Range(min=1)),
            "store_requests_per_second": self._get(
                "STORE_REQUESTS_PER_SECOND", env.float, 10.0, validate=Range(min=0.1, max=1000)
            ),
            "delivery_log": timedelta(days=self._get("DELIVERY_LOG_DAYS", env.int, 30, validate=Range(min=1))),
            "max_body_bytes": self._get("MAX_BODY_BYTES", env.int, 5_242_880, validate=Range(min=1024)),
            "sentry_dsn": self._get("SENTRY_DSN", env.str, None, validate=_is_optional_url) or None,
            "sentry_environment": self._get("SENTRY_ENVIRONMENT", env.str, None) or None,
            "log_level": self._get("LOG_LEVEL", env.str, "INFO", validate=_is_log_level),
            "log_format": self._get("LOG_FORMAT", env.str, "console", validate=OneOf(["console", "json"])),
        }
        self._report()
        return make(**values)

    def _report(self) -> None:
        try:
            self.env.seal()
        except EnvValidationError as error:
            messages: Any = error.error_messages
            for name, problems in messages.items():
                self.faults[name] = " ".join(str(problem) for problem in problems)
        if self.faults:
            lines = "".join(f"\n  {name}: {fault}" for name, fault in sorted(self.faults.items()))
            raise ConfigurationError(f"These environment variables are wrong or missing:{lines}")

    def _get(self, name: str, parse: Callable[..., _T], default: _T, **options: object) -> _T:
        """One variable, or the file that NAME_FILE names. An empty one counts as not set."""
        if not self._is_set(name):
            return default
        try:
            value = parse(name, **options)
        except _QuoteError:
            self.faults[name] = "begins or ends with a quote that is not one of a plain pair"
            return default
        except (ValueError, OSError):
            self.faults[name] = f"the file that {name}_FILE names cannot be read"
            return default
        return default if value is None else value

    def _is_set(self, name: str) -> bool:
        try:
            return self.env.str(name, None) not in (None, "")
        except (ValueError, OSError):
            return True

    def _seconds(self, name: str, default: int, allowed: Range) -> timedelta:
        return timedelta(seconds=self._get(name, self.env.int, default, validate=allowed))

    def _stores(self) -> dict[str, StoreSettings]:
        slugs: list[str] = self._get("STORES", self.env.list, [])
        if slugs:
            names = [slug.strip() for slug in slugs]
            bad = [name for name in names if not _SLUG.fullmatch(name)]
            if bad or len(set(names)) < len(names):
                self.faults["STORES"] = "needs different short names of a-z, 0-9 and -, separated by commas"
                return {}
            prefixes = {name: f"STORE_{name.upper().replace('-', '_')}_" for name in names}
            return {name: self._store(name, prefix) for name, prefix in prefixes.items()}
        store = self._store("shop", "STORE_", optional=True)
        return {"shop": store} if store.url else {}

    def _store(self, slug: str, prefix: str, *, optional: bool = False) -> StoreSettings:
        env = self.env
        url = self._get(f"{prefix}URL", env.str, "", validate=_is_url)
        secrets = self._get(f"{prefix}WEBHOOK_SECRETS", env.str, "")
        store = StoreSettings(
            slug=slug,
            url=url.rstrip("/"),
            consumer_key=self._get(f"{prefix}CONSUMER_KEY", env.str, ""),
            consumer_secret=self._get(f"{prefix}CONSUMER_SECRET", env.str, ""),
            webhook_secrets=tuple(secret.strip() for secret in secrets.split(",") if secret.strip()),
        )
        required = {
            "URL": store.url,
            "CONSUMER_KEY": store.consumer_key,
            "CONSUMER_SECRET": store.consumer_secret,
            "WEBHOOK_SECRETS": store.webhook_secrets,
        }
        if not optional or any(self._is_set(f"{prefix}{name}") for name in required):
            for name, value in required.items():
                if not value:
                    self.faults.setdefault(f"{prefix}{name}", "is missing")
        return store


def _is_url(value: str) -> None:
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise ValidationError("is not an http or https address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError("is not an http or https address")


def _is_optional_url(value: str | None) -> None:
    if value:
        _is_url(value)


def _is_page(value: str | None) -> None:
    """An address, or a path that is taken under each store's own."""
    if value and not value.startswith("/"):
        _is_url(value)


def _is_long_enough(value: str) -> None:
    if len(value) < SUBJECT_KEY_LENGTH:
        raise ValidationError(f"is shorter than {SUBJECT_KEY_LENGTH} characters")


def _is_bind(value: str) -> None:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise ValidationError("is not host:port")


def _is_database(value: str) -> None:
    try:
        backend = make_url(value).drivername
    except (ArgumentError, ValueError) as error:
        raise ValidationError("is not a database URL") from error
    if backend not in ("sqlite", "postgresql+psycopg"):
        raise ValidationError("is neither sqlite:///… nor postgresql+psycopg://…")


def _is_log_level(value: str) -> None:
    if value.upper() not in logging.getLevelNamesMapping():
        raise ValidationError("is not a log level such as INFO")
