"""The environment, read once; every fault is reported together and no secret is ever shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from unicodedata import category

from environs import Env, EnvValidationError
from marshmallow.validate import OneOf, Range

from hooks.errors import ConfigurationError
from hooks.settings.env_file import read_env_file
from hooks.settings.event_tokens import EventToken, event_tokens
from hooks.settings.validators import (
    at_least,
    is_ascii,
    is_bind,
    is_database,
    is_log_level,
    is_loopback,
    is_page,
    is_sentry_dsn,
    is_url,
)
from hooks.settings.webhook_secrets import WebhookSecrets

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_T = TypeVar("_T")

STATUS_TOKEN_LENGTH = 16
"""A shorter token could be guessed."""

SUBJECT_KEY_LENGTH = 32
"""A shorter key could be guessed, and then addresses tried on the hashes that it made."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How to reach one store. `webhook_secrets`: each may sign; the first is the current one.

    `secret_readings` may sign, too: see `hooks.settings.webhook_secrets`.
    """

    slug: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    secret_readings: tuple[str, ...] = field(default=(), repr=False)
    auth: str = "auto"
    """How the key travels over https: `basic`, `query`, or `auto`, which is basic and what was found to work."""

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """All secrets that may sign."""
        return (*self.webhook_secrets, *self.secret_readings)


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
    event_tokens: tuple[EventToken, ...] = field(default=(), repr=False)
    push_settle: timedelta = timedelta(seconds=10)
    reconcile: timedelta = timedelta(seconds=900)
    sweep: timedelta = timedelta(days=1)
    watch: timedelta = timedelta(seconds=300)
    store_requests_per_second: float = 10.0
    delivery_log: timedelta = timedelta(days=30)
    max_body_bytes: int = 5_242_880
    web_processes: int = 2
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
        file_variables = read_env_file(env_file) if env_file else {}
        return _Reader(_Environment(os.environ, file_variables)).settings(cls)


class _TextError(ValueError):
    """The text of a value is of no use, whichever variable it is for; the message says why, and never what it is."""


class _Environment(Env):
    """Reads a variable from the first source that sets it, by its NAME or by NAME_FILE, the name of a file.

    An empty value counts as not set. White space around a value is dropped, and then a pair of plain quotes.
    """

    def __init__(self, *sources: Mapping[str, str]) -> None:
        super().__init__(eager=False)
        self._sources = sources

    def _get_value(self, env_key: str, default: Any) -> Any:
        """Raises _TextError."""
        for source in self._sources:
            path = _plain(source.get(f"{env_key}_FILE", ""))
            value = _plain(_text_of(env_key, path) if path else source.get(env_key, ""))
            if path or value:
                return value
        return default

    def text(self, name: str) -> str:
        """The text of a variable, or of the file that NAME_FILE names, with all that stands around its value.

        Raises _TextError.
        """
        for source in self._sources:
            path = _plain(source.get(f"{name}_FILE", ""))
            text = _text_of(name, path) if path else source.get(name, "")
            if path or text.strip():
                return text
        return ""


FILE_BYTES = 65_536
"""A file with a value is no larger: one that is was named by mistake, and might have no end."""


def _text_of(name: str, path: str) -> str:
    """The text of the file that NAME_FILE names. Raises _TextError."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        if len(content) <= FILE_BYTES:
            return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _TextError(
            f"the file that {name}_FILE names cannot be read as text in UTF-8"
        ) from error
    raise _TextError(f"the file that {name}_FILE names is larger than {FILE_BYTES} bytes")


_PLAIN_QUOTES = ("'", '"')
_QUOTES = (*_PLAIN_QUOTES, "“", "”", "„", "‘", "’", "‚", "«", "»")


_BLANKS = "\t\n\r"


def _plain(text: str) -> str:
    """Drop the white space around a value, and one pair of plain quotes. Raises _TextError."""
    text = text.strip()
    if any(category(character) in ("Cc", "Cs") and character not in _BLANKS for character in text):
        raise _TextError("holds a control character, or is not text in UTF-8")
    if len(text) > 1 and text[0] == text[-1] and text[0] in _PLAIN_QUOTES:
        return text[1:-1]
    if text.startswith(_QUOTES) or text.endswith(_QUOTES):
        raise _TextError("begins or ends with a quote that is not one of a plain pair")
    return text


class _Reader:
    """Reads variable by variable, collecting faults instead of stopping at the first."""

    def __init__(self, env: _Environment) -> None:
        self.env = env
        self.faults: dict[str, str] = {}

    def settings(self, make: Callable[..., _T]) -> _T:
        env = self.env
        bind = self._get("BIND", env.str, "127.0.0.1:8000", validate=is_bind)
        values: dict[str, Any] = {
            "stores": self._stores(),
            "bind": bind,
            "public_url": self._get("PUBLIC_URL", env.str, f"http://{bind}", validate=is_url),
            "database_url": self._get(
                "DATABASE_URL", env.str, "sqlite:///var/retention.db", validate=is_database
            ),
            "policy_file": self._get(
                "POLICY_FILE", env.path, Path("deploy/policies/smartgroup.toml")
            ),
            "policy_page_url": self._get("POLICY_PAGE_URL", env.str, None, validate=is_page)
            or None,
            "status_token": self._get(
                "STATUS_TOKEN", env.str, None, validate=at_least(STATUS_TOKEN_LENGTH)
            ),
            "subject_key": self._get(
                "SUBJECT_KEY", env.str, None, validate=at_least(SUBJECT_KEY_LENGTH)
            ),
            "event_tokens": self._event_tokens(),
            "push_settle": self._seconds("PUSH_SETTLE_SECONDS", 10, Range(min=0, max=300)),
            "reconcile": self._seconds("RECONCILE_SECONDS", 900, Range(min=1, max=86_400)),
            "sweep": self._seconds("SWEEP_SECONDS", 86_400, Range(min=1, max=604_800)),
            "watch": self._seconds("WATCH_SECONDS", 300, Range(min=1, max=86_400)),
            "store_requests_per_second": self._get(
                "STORE_REQUESTS_PER_SECOND", env.float, 10.0, validate=Range(min=0.1, max=1000)
            ),
            "delivery_log": timedelta(
                days=self._number("DELIVERY_LOG_DAYS", 30, Range(min=1, max=3650))
            ),
            "max_body_bytes": self._number(
                "MAX_BODY_BYTES", 5_242_880, Range(min=1024, max=52_428_800)
            ),
            "web_processes": self._number("WEB_CONCURRENCY", 2, Range(min=1, max=64)),
            "sentry_dsn": self._get("SENTRY_DSN", env.str, None, validate=is_sentry_dsn) or None,
            "sentry_environment": self._get("SENTRY_ENVIRONMENT", env.str, None) or None,
            "log_level": self._get("LOG_LEVEL", env.str, "INFO", validate=is_log_level),
            "log_format": self._get(
                "LOG_FORMAT", env.str, "console", validate=OneOf(["console", "json"])
            ),
        }
        self._require_token(values["public_url"], values["status_token"])
        self._keep_apart(values["status_token"], values["event_tokens"])
        self._report()
        return make(**values)

    def _require_token(self, public_url: str, token: str | None) -> None:
        """Ask for a token where others reach the service: without one its pages would be open to nobody."""
        if token is None and not is_loopback(public_url):
            words = (
                "is missing, and PUBLIC_URL is not an address of this machine; set one of at least"
            )
            self.faults.setdefault("STATUS_TOKEN", f"{words} {STATUS_TOKEN_LENGTH} characters")

    def _event_tokens(self) -> tuple[EventToken, ...]:
        try:
            return event_tokens(self._get("EVENT_TOKENS", self.env.str, ""))
        except ConfigurationError as error:
            self.faults["EVENT_TOKENS"] = str(error)
            return ()

    def _keep_apart(self, status_token: str | None, tokens: Iterable[EventToken]) -> None:
        """Refuse a tool's token that is the operators' too: it would open all pages to the tool."""
        if any(token.token == status_token for token in tokens):
            self.faults["EVENT_TOKENS"] = "holds the STATUS_TOKEN, which opens more; make another"

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
        except _TextError as error:
            self.faults[name] = str(error)
            return default
        return default if value is None else value

    def _is_set(self, name: str) -> bool:
        try:
            return self.env.str(name, None) not in (None, "")
        except _TextError:
            return True

    def _number(self, name: str, default: int, allowed: Range) -> int:
        return self._get(name, self.env.int, default, validate=allowed)

    def _seconds(self, name: str, default: int, allowed: Range) -> timedelta:
        return timedelta(seconds=self._number(name, default, allowed))

    def _stores(self) -> dict[str, StoreSettings]:
        slugs: list[str] = self._get("STORES", self.env.list, [])
        if slugs:
            names = [slug.strip() for slug in slugs]
            bad = [name for name in names if not _SLUG.fullmatch(name)]
            if bad or len(set(names)) < len(names):
                self.faults["STORES"] = (
                    "needs different short names of a-z, 0-9 and -, separated by commas"
                )
                return {}
            prefixes = {name: f"STORE_{name.upper().replace('-', '_')}_" for name in names}
            return {name: self._store(name, prefix) for name, prefix in prefixes.items()}
        store = self._store("shop", "STORE_", optional=True)
        return {"shop": store} if store.url else {}

    def _webhook_secrets(self, name: str) -> WebhookSecrets:
        try:
            return WebhookSecrets.from_text(self.env.text(name))
        except (_TextError, ConfigurationError) as error:
            self.faults[name] = str(error)
            return WebhookSecrets()

    def _store(self, slug: str, prefix: str, *, optional: bool = False) -> StoreSettings:
        env = self.env
        url = self._get(f"{prefix}URL", env.str, "", validate=is_url)
        secrets = self._webhook_secrets(f"{prefix}WEBHOOK_SECRETS")
        store = StoreSettings(
            slug=slug,
            url=url.rstrip("/"),
            consumer_key=self._get(f"{prefix}CONSUMER_KEY", env.str, "", validate=is_ascii),
            consumer_secret=self._get(f"{prefix}CONSUMER_SECRET", env.str, "", validate=is_ascii),
            webhook_secrets=secrets.secrets,
            secret_readings=secrets.others,
            auth=self._get(
                f"{prefix}AUTH", env.str, "auto", validate=OneOf(["auto", "basic", "query"])
            ),
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
