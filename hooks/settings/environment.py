"""The settings of the service. The environment is read once, and every fault is reported in one message.

The message shows no value, since many values are secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from environs import EnvValidationError
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
from hooks.settings.variables import VariableError, Variables
from hooks.settings.webhook_secrets import WebhookSecrets

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_T = TypeVar("_T")
_Check = Callable[[str], object]

SINGLE_STORE = "shop"
"""The slug of the store where STORES names none."""

AUTH_METHODS = ("auto", "basic", "query")
LOG_FORMATS = ("console", "json")

STATUS_TOKEN_LENGTH = 16
"""A shorter token could be guessed."""

SUBJECT_KEY_LENGTH = 32
"""A shorter key could be guessed. With the key, addresses can be tried against the hashes in the ledger."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The address and the secrets of one store.

    Each of the `webhook_secrets` may sign; the first is the current one. The `secret_readings` may sign too: see
    `hooks.settings.webhook_secrets`. `auth` says how the key travels over https: `basic`, `query`, or `auto`, which is
    basic at first and then what `store check` or a worker found to work.
    """

    slug: str
    url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    secret_readings: tuple[str, ...] = field(default=(), repr=False)
    auth: str = AUTH_METHODS[0]

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """All secrets that may sign."""
        return (*self.webhook_secrets, *self.secret_readings)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, with the default of each. Durations are whole seconds in the environment, and timedeltas here."""

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
    log_format: str = LOG_FORMATS[0]

    @property
    def policy_pages(self) -> tuple[str, ...]:
        """The published pages that the policy is compared with: one page, or a page of each store."""
        page = self.policy_page_url
        if page is None:
            return ()
        if not page.startswith("/"):
            return (page,)
        return tuple(dict.fromkeys(store.url + page for store in self.stores.values()))

    @classmethod
    def from_env(cls, env_file: Path | None = Path(".env")) -> Settings:
        """Read the environment, and `env_file` for the variables that the environment does not set.

        Raises ConfigurationError with one message that names every variable that is wrong or missing.
        """
        file_variables: dict[str, str] = {}
        if env_file:
            file_variables = read_env_file(env_file)
        return _Reader(Variables(os.environ, file_variables)).settings()


_DEFAULTS = Settings()


def variable_prefix(slug: str) -> str:
    """Return the prefix of the variables of a store that STORES names: `STORE_UK_` for `uk`."""
    return f"STORE_{slug.upper().replace('-', '_')}_"


class _Reader:
    """Reads variable by variable. It collects the faults, by the name of the variable, and raises them at the end."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.faults: dict[str, str] = {}

    def settings(self) -> Settings:
        """Read all settings. Raises ConfigurationError."""
        default = _DEFAULTS
        bind = self._text("BIND", default.bind, is_bind)
        settings = Settings(
            stores=self._stores(),
            bind=bind,
            public_url=self._text("PUBLIC_URL", f"http://{bind}", is_url),
            database_url=self._text("DATABASE_URL", default.database_url, is_database),
            policy_file=self._get("POLICY_FILE", self.variables.path, default.policy_file),
            policy_page_url=self._optional("POLICY_PAGE_URL", is_page),
            status_token=self._optional("STATUS_TOKEN", at_least(STATUS_TOKEN_LENGTH)),
            subject_key=self._optional("SUBJECT_KEY", at_least(SUBJECT_KEY_LENGTH)),
            event_tokens=self._event_tokens(),
            push_settle=self._seconds("PUSH_SETTLE_SECONDS", default.push_settle, 0, 300),
            reconcile=self._seconds("RECONCILE_SECONDS", default.reconcile, 1, 86_400),
            sweep=self._seconds("SWEEP_SECONDS", default.sweep, 1, 604_800),
            watch=self._seconds("WATCH_SECONDS", default.watch, 1, 86_400),
            store_requests_per_second=self._requests_per_second(),
            delivery_log=self._days("DELIVERY_LOG_DAYS", default.delivery_log, 1, 3650),
            max_body_bytes=self._number("MAX_BODY_BYTES", default.max_body_bytes, 1024, 52_428_800),
            web_processes=self._number("WEB_CONCURRENCY", default.web_processes, 1, 64),
            sentry_dsn=self._optional("SENTRY_DSN", is_sentry_dsn),
            sentry_environment=self._optional("SENTRY_ENVIRONMENT"),
            log_level=self._text("LOG_LEVEL", default.log_level, is_log_level),
            log_format=self._text("LOG_FORMAT", default.log_format, OneOf(LOG_FORMATS)),
        )
        self._require_status_token(settings)
        self._refuse_shared_token(settings)
        self._raise_faults()
        return settings

    # --- checks of several variables together ---

    def _require_status_token(self, settings: Settings) -> None:
        """Require a token where others can reach the service. Without a token its pages would be open to nobody."""
        if settings.status_token is None and not is_loopback(settings.public_url):
            self.faults.setdefault(
                "STATUS_TOKEN",
                "is missing, and PUBLIC_URL is not an address of this machine; set one of at least "
                f"{STATUS_TOKEN_LENGTH} characters",
            )

    def _refuse_shared_token(self, settings: Settings) -> None:
        """Refuse a tool's token that is also the STATUS_TOKEN: the tool could open all pages with it."""
        if any(tool.token == settings.status_token for tool in settings.event_tokens):
            self.faults["EVENT_TOKENS"] = "holds the STATUS_TOKEN, which opens more; make another"

    def _raise_faults(self) -> None:
        try:
            self.variables.seal()
        except EnvValidationError as error:
            messages: Any = error.error_messages
            for name, problems in messages.items():
                self.faults[name] = " ".join(str(problem) for problem in problems)
        if self.faults:
            faults = sorted(self.faults.items())
            lines = "".join(f"\n  {name}: {fault}" for name, fault in faults)
            raise ConfigurationError(f"These environment variables are wrong or missing:{lines}")

    # --- single variables ---

    def _get(self, name: str, parse: Callable[..., _T], default: _T, **options: object) -> _T:
        """Parse one variable. Return the default where it is not set, and where it has a fault."""
        if not self._is_set(name):
            return default
        try:
            value = parse(name, **options)
        except VariableError as error:
            self.faults[name] = str(error)
            return default
        if value is None:
            return default
        return value

    def _is_set(self, name: str) -> bool:
        try:
            return self.variables.str(name, None) not in (None, "")
        except VariableError:
            return True

    def _text(self, name: str, default: str, check: _Check | None = None) -> str:
        return self._get(name, self.variables.str, default, validate=check)

    def _optional(self, name: str, check: _Check | None = None) -> str | None:
        return self._text(name, "", check) or None

    def _number(self, name: str, default: int, lowest: int, highest: int) -> int:
        allowed = Range(min=lowest, max=highest)
        return self._get(name, self.variables.int, default, validate=allowed)

    def _seconds(self, name: str, default: timedelta, lowest: int, highest: int) -> timedelta:
        seconds = self._number(name, int(default.total_seconds()), lowest, highest)
        return timedelta(seconds=seconds)

    def _days(self, name: str, default: timedelta, lowest: int, highest: int) -> timedelta:
        return timedelta(days=self._number(name, default.days, lowest, highest))

    def _requests_per_second(self) -> float:
        default = _DEFAULTS.store_requests_per_second
        allowed = Range(min=0.1, max=1000)
        return self._get(
            "STORE_REQUESTS_PER_SECOND", self.variables.float, default, validate=allowed
        )

    def _event_tokens(self) -> tuple[EventToken, ...]:
        try:
            return event_tokens(self._text("EVENT_TOKENS", ""))
        except ConfigurationError as error:
            self.faults["EVENT_TOKENS"] = str(error)
            return ()

    # --- stores ---

    def _stores(self) -> dict[str, StoreSettings]:
        """Read the stores that STORES names, or else the one store of STORE_URL, which may be missing."""
        names: list[str] = self._get("STORES", self.variables.list, [])
        if not names:
            store = self._store(SINGLE_STORE, "STORE_", is_required=False)
            if not store.url:
                return {}
            return {SINGLE_STORE: store}
        slugs = [name.strip() for name in names]
        are_well_formed = all(map(_SLUG.fullmatch, slugs))
        has_duplicates = len(set(slugs)) < len(slugs)
        if not are_well_formed or has_duplicates:
            self.faults["STORES"] = (
                "needs different short names of a-z, 0-9 and -, separated by commas"
            )
            return {}
        stores: dict[str, StoreSettings] = {}
        for slug in slugs:
            stores[slug] = self._store(slug, variable_prefix(slug), is_required=True)
        return stores

    def _store(self, slug: str, prefix: str, *, is_required: bool) -> StoreSettings:
        secrets = self._webhook_secrets(f"{prefix}WEBHOOK_SECRETS")
        store = StoreSettings(
            slug=slug,
            url=self._text(f"{prefix}URL", "", is_url).rstrip("/"),
            consumer_key=self._text(f"{prefix}CONSUMER_KEY", "", is_ascii),
            consumer_secret=self._text(f"{prefix}CONSUMER_SECRET", "", is_ascii),
            webhook_secrets=secrets.secrets,
            secret_readings=secrets.readings,
            auth=self._text(f"{prefix}AUTH", AUTH_METHODS[0], OneOf(AUTH_METHODS)),
        )
        required = {
            f"{prefix}URL": store.url,
            f"{prefix}CONSUMER_KEY": store.consumer_key,
            f"{prefix}CONSUMER_SECRET": store.consumer_secret,
            f"{prefix}WEBHOOK_SECRETS": store.webhook_secrets,
        }
        if is_required or any(map(self._is_set, required)):
            for name, value in required.items():
                if not value:
                    self.faults.setdefault(name, "is missing")
        return store

    def _webhook_secrets(self, name: str) -> WebhookSecrets:
        try:
            return WebhookSecrets.from_text(self.variables.text(name))
        except (VariableError, ConfigurationError) as error:
            self.faults[name] = str(error)
            return WebhookSecrets()
