"""The environment: defaults, every fault in one message, secrets from files, several stores."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies

from hooks.errors import ConfigurationError
from hooks.settings import Settings, StoreSettings
from hooks.settings.event_tokens import EventToken
from tests.support.processes import ROOT
from tests.support.variables import NAMES, STORE, bare_environment


@pytest.fixture(autouse=True)
def _bare_environment() -> Iterator[None]:
    """Unset all variables of the service. Those that a test or an `.env` sets are removed after the test."""
    with bare_environment():
        yield


def _read(**variables: str) -> Settings:
    os.environ.update(variables)
    return Settings.from_env(None)


def _message(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        _read(**variables)
    return str(raised.value)


def _named(message: str) -> list[str]:
    """The variables that a message names, one a line."""
    head, *lines = message.split("\n")
    assert head == "These environment variables are wrong or missing:"
    return [line.strip().split(":")[0] for line in lines]


def test_defaults() -> None:
    assert _read() == Settings(
        stores={},
        bind="127.0.0.1:8000",
        public_url="http://127.0.0.1:8000",
        database_url="sqlite:///var/retention.db",
        policy_file=Path("deploy/policies/smartgroup.toml"),
        status_token=None,
        push_settle=timedelta(seconds=10),
        reconcile=timedelta(minutes=15),
        max_body_bytes=5_242_880,
        sentry_dsn=None,
        sentry_environment=None,
        log_level="INFO",
        log_format="console",
    )


def test_empty_variables_count_as_not_set() -> None:
    assert _read(**dict.fromkeys(NAMES, "")) == _read()


def test_everything_set() -> None:
    settings = _read(
        **STORE,
        BIND="0.0.0.0:9000",
        PUBLIC_URL="https://retention.example.test",
        DATABASE_URL="postgresql+psycopg://ledger:pw@db.example.test/ledger",
        POLICY_FILE="other.toml",
        STATUS_TOKEN="t" * 16,
        SUBJECT_KEY="k" * 32,
        EVENT_TOKENS="brevo:" + "b" * 16,
        PUSH_SETTLE_SECONDS="0",
        RECONCILE_SECONDS="60",
        MAX_BODY_BYTES="1024",
        SENTRY_DSN="https://key@sentry.example.test/1",
        SENTRY_ENVIRONMENT="staging",
        LOG_LEVEL="DEBUG",
        LOG_FORMAT="json",
    )
    store = StoreSettings(
        "shop", "https://shop.example.test", "ck_one", "cs_one", (STORE["STORE_WEBHOOK_SECRETS"],)
    )
    assert settings == Settings(
        stores={"shop": store},
        bind="0.0.0.0:9000",
        public_url="https://retention.example.test",
        database_url="postgresql+psycopg://ledger:pw@db.example.test/ledger",
        policy_file=Path("other.toml"),
        status_token="t" * 16,
        subject_key="k" * 32,
        event_tokens=(EventToken("brevo", "b" * 16),),
        push_settle=timedelta(0),
        reconcile=timedelta(seconds=60),
        max_body_bytes=1024,
        sentry_dsn="https://key@sentry.example.test/1",
        sentry_environment="staging",
        log_level="DEBUG",
        log_format="json",
    )


def test_public_url_follows_bind() -> None:
    assert _read(BIND="127.0.0.1:9000").public_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIND", "8000"),
        ("BIND", ":8000"),
        ("BIND", "host:"),
        ("BIND", "host:http"),
        ("BIND", "host:65536"),
        ("PUBLIC_URL", "retention.example.test"),
        ("PUBLIC_URL", "ftp://retention.example.test"),
        ("PUBLIC_URL", "https://"),
        ("DATABASE_URL", "var/retention.db"),
        ("DATABASE_URL", "mysql://root@db/ledger"),
        ("DATABASE_URL", "postgresql://ledger@db/ledger"),
        ("SUBJECT_KEY", "k" * 31),
        ("PUSH_SETTLE_SECONDS", "soon"),
        ("PUSH_SETTLE_SECONDS", "-1"),
        # More than five minutes, after which every change is pushed.
        ("PUSH_SETTLE_SECONDS", "301"),
        ("PUSH_SETTLE_SECONDS", "1.5"),
        ("RECONCILE_SECONDS", "0"),
        ("RECONCILE_SECONDS", "86401"),
        ("RECONCILE_SECONDS", "x"),
        ("SWEEP_SECONDS", "0"),
        ("SWEEP_SECONDS", "604801"),
        ("WATCH_SECONDS", "0"),
        ("WATCH_SECONDS", "86401"),
        ("DELIVERY_LOG_DAYS", "0"),
        ("DELIVERY_LOG_DAYS", "3651"),
        ("STORE_REQUESTS_PER_SECOND", "0.09"),
        ("STORE_REQUESTS_PER_SECOND", "1001"),
        ("STORE_REQUESTS_PER_SECOND", "nan"),
        ("WEB_CONCURRENCY", "0"),
        ("WEB_CONCURRENCY", "65"),
        ("WEB_CONCURRENCY", "two"),
        ("MAX_BODY_BYTES", "1023"),
        ("MAX_BODY_BYTES", "52428801"),
        ("MAX_BODY_BYTES", "5 MB"),
        ("SENTRY_DSN", "key@sentry"),
        ("SENTRY_DSN", "https://sentry.example.test/1"),
        ("SENTRY_DSN", "https://key@sentry.example.test/project"),
        ("STATUS_TOKEN", "t" * 15),
        # no file, and a database that would end with the process
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("STORE_AUTH", "header"),
        ("STORE_AUTH", "Basic"),
        ("STORES", "no,no"),
        ("STORES", "NO"),
        ("STORES", "no,"),
        ("STORES", "no uk"),
        ("STORES", "../x"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(name: str, value: str) -> None:
    message = _message(**{name: value})
    assert _named(message) == [name]
    assert f"'{value}'" not in message
    # The message is about the value, and not about a file that nobody named.
    assert "_FILE" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # The parsers of these variables raise another error for these values.
        ("DATABASE_URL", "postgresql+psycopg://ledger:pw@db:port/ledger"),
        ("PUBLIC_URL", "http://[::1"),
        ("BIND", "host:²"),
        ("BIND", "host:" + "9" * 5000),
        ("RECONCILE_SECONDS", "9" * 5000),
        ("PUBLIC_URL", "http://127.0.0.1:port"),
    ],
)
def test_an_unparsable_value_is_not_blamed_on_a_file(name: str, value: str) -> None:
    message = _message(**{name: value})
    assert _named(message) == [name]
    assert "_FILE" not in message


SECRETS = (
    "ck_hidden",
    "cs_hidden",
    "whs_hidden",
    "token_hidden",
    "pw_hidden",
    "dsn_hidden",
    "key_hidden",
    "tool_hidden",
)
ALL_WRONG = {
    "BIND": "nowhere",
    "PUBLIC_URL": "nowhere",
    "DATABASE_URL": "mysql://ledger:pw_hidden@db/ledger",
    "STORE_URL": "shop.example.test",
    "STORE_CONSUMER_KEY": "ck_hidden",
    "STORE_CONSUMER_SECRET": "cs_hidden",
    "STORE_WEBHOOK_SECRETS": " , ",
    "STATUS_TOKEN_FILE": "/nonexistent/token_hidden",
    "POLICY_PAGE_URL": "https://",
    "SWEEP_SECONDS": "often",
    "WATCH_SECONDS": "often",
    "DELIVERY_LOG_DAYS": "long",
    "WEB_CONCURRENCY": "many",
    "SUBJECT_KEY": "key_hidden",
    "EVENT_TOKENS": "tool_hidden",
    "PUSH_SETTLE_SECONDS": "soon",
    "RECONCILE_SECONDS": "often",
    "MAX_BODY_BYTES": "big",
    "SENTRY_DSN": "dsn_hidden",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
}


def test_all_errors_come_in_one_message_without_secrets() -> None:
    message = _message(**ALL_WRONG)
    named = {name.removesuffix("_FILE") for name in ALL_WRONG} - {
        "STORE_CONSUMER_KEY",
        "STORE_CONSUMER_SECRET",
    }
    assert _named(message) == sorted(named)
    assert not [secret for secret in SECRETS if secret in message]


@pytest.mark.parametrize("missing", sorted(STORE))
def test_a_store_needs_all_four_variables(missing: str) -> None:
    given = {name: value for name, value in STORE.items() if name != missing}
    message = _message(**given)
    assert _named(message) == [missing]
    assert "is missing" in message
    assert not [value for name, value in given.items() if name != "STORE_URL" and value in message]


def test_no_secret_in_any_repr() -> None:
    settings = _read(
        STORE_URL="https://shop.example.test",
        STORE_CONSUMER_KEY="ck_hidden",
        STORE_CONSUMER_SECRET="cs_hidden",
        STORE_WEBHOOK_SECRETS="whs_hidden and long enough",
        STATUS_TOKEN="token_hidden, and long enough",
        SUBJECT_KEY="key_hidden, and long enough to be one",
        EVENT_TOKENS="brevo:tool_hidden-and-long-enough",
        DATABASE_URL="postgresql+psycopg://ledger:pw_hidden@db/ledger",
        SENTRY_DSN="https://dsn_hidden@sentry.example.test/1",
    )
    for shown in (
        repr(settings),
        str(settings),
        f"{settings.stores}",
        repr(settings.stores["shop"]),
    ):
        assert not [secret for secret in SECRETS if secret in shown]
        assert "https://shop.example.test" in shown
    assert repr(settings.event_tokens) == "(EventToken(name='brevo', types=None),)"


@pytest.mark.parametrize(
    "text", ["whs_hidden", "x, y", "whs_hidden\nand another that is long enough"]
)
def test_a_weak_webhook_secret_is_named_and_not_shown(text: str) -> None:
    message = _message(**STORE | {"STORE_WEBHOOK_SECRETS": text})
    assert _named(message) == ["STORE_WEBHOOK_SECRETS"]
    assert "shorter than 16 characters" in message
    assert "whs" not in message


def test_the_stores_address_ends_without_a_slash() -> None:
    assert (
        _read(**STORE | {"STORE_URL": "https://shop.example.test/sub/"})
        .stores["shop"]
        .url.endswith("/sub")
    )


def test_a_tools_token_must_differ_from_the_operators() -> None:
    message = _message(
        STATUS_TOKEN="s" * 16, EVENT_TOKENS="brevo:" + "b" * 16 + ",desk:" + "s" * 16
    )
    assert _named(message) == ["EVENT_TOKENS"]
    assert "s" * 16 not in message


@pytest.mark.parametrize("ending", ["", "\n"])
def test_event_tokens_are_read_from_a_file(ending: str, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("brevo:" + "b" * 16 + "\ndesk:" + "d" * 16 + ending)
    found = _read(EVENT_TOKENS_FILE=str(tmp_path / "tokens")).event_tokens
    assert found == (EventToken("brevo", "b" * 16), EventToken("desk", "d" * 16))


@pytest.mark.parametrize("ending", ["", "\n"])
def test_secrets_are_read_from_files(ending: str, tmp_path: Path) -> None:
    variables = {"STORE_URL": STORE["STORE_URL"]}
    secrets = (
        "STORE_CONSUMER_KEY",
        "STORE_CONSUMER_SECRET",
        "STORE_WEBHOOK_SECRETS",
        "STATUS_TOKEN",
        "SUBJECT_KEY",
    )
    for name in secrets:
        (tmp_path / name).write_text(f"the long secret of the variable {name}{ending}")
        variables[f"{name}_FILE"] = str(tmp_path / name)
    (tmp_path / "url").write_text(f"postgresql+psycopg://u:pw@db/ledger{ending}")
    (tmp_path / "dsn").write_text(f"https://key@sentry.example.test/1{ending}")
    settings = _read(
        **variables, DATABASE_URL_FILE=str(tmp_path / "url"), SENTRY_DSN_FILE=str(tmp_path / "dsn")
    )
    shop = settings.stores["shop"]
    assert (
        shop.consumer_key,
        shop.consumer_secret,
        *shop.webhook_secrets,
        settings.status_token,
        settings.subject_key,
    ) == tuple(f"the long secret of the variable {name}" for name in secrets)
    assert settings.database_url == "postgresql+psycopg://u:pw@db/ledger"
    assert settings.sentry_dsn == "https://key@sentry.example.test/1"


def test_a_wrong_value_in_a_file_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mysql://ledger:pw_hidden@db/ledger")
    message = _message(DATABASE_URL_FILE=str(tmp_path / "url"))
    assert _named(message) == ["DATABASE_URL"]
    assert "pw_hidden" not in message


@pytest.mark.parametrize("name", ["STATUS_TOKEN", "STORE_CONSUMER_SECRET", "DATABASE_URL"])
def test_an_unreadable_file_is_an_error(name: str, tmp_path: Path) -> None:
    given = {key: value for key, value in STORE.items() if key != name}
    message = _message(**given, **{f"{name}_FILE": str(tmp_path / "missing")})
    assert _named(message) == [name]
    assert f"{name}_FILE" in message


def _several(**changes: str) -> dict[str, str]:
    named = {
        f"STORE_{slug}_{name.removeprefix('STORE_')}": value
        for slug in ("NO", "UK_2")
        for name, value in STORE.items()
    }
    return named | {"STORES": "no, uk-2"} | changes


def test_several_stores() -> None:
    stores = _read(**_several(STORE_UK_2_URL="https://uk.example.test")).stores
    assert list(stores) == ["no", "uk-2"]
    assert [store.slug for store in stores.values()] == ["no", "uk-2"]
    assert [store.url for store in stores.values()] == [
        "https://shop.example.test",
        "https://uk.example.test",
    ]


@pytest.mark.parametrize(
    ("text", "auth"),
    [
        # What was found to work.
        ("", "auto"),
        ("auto", "auto"),
        ("basic", "basic"),
        ("query", "query"),
    ],
)
def test_authentication_method_of_a_store(text: str, auth: str) -> None:
    assert _read(**STORE | {"STORE_AUTH": text}).stores["shop"].auth == auth
    stores = _read(**_several(STORE_NO_AUTH=text) | {"STORE_AUTH": "query"}).stores
    assert (stores["no"].auth, stores["uk-2"].auth) == (auth, "auto")


def test_errors_of_several_stores_are_all_named() -> None:
    message = _message(
        **_several(STORE_NO_URL="x", STORE_UK_2_CONSUMER_KEY="", STORE_UK_2_WEBHOOK_SECRETS=",")
    )
    assert _named(message) == [
        "STORE_NO_URL",
        "STORE_UK_2_CONSUMER_KEY",
        "STORE_UK_2_WEBHOOK_SECRETS",
    ]


def test_an_env_file_fills_in_missing_variables(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "BIND=127.0.0.1:9000\nLOG_LEVEL=DEBUG\nSENTRY_ENVIRONMENT='to ken'\n# RECONCILE_SECONDS=1\n"
    )
    os.environ["LOG_LEVEL"] = "ERROR"
    settings = Settings.from_env(file)
    assert (settings.bind, settings.log_level, settings.sentry_environment) == (
        "127.0.0.1:9000",
        "ERROR",
        "to ken",
    )
    assert settings.reconcile == timedelta(minutes=15)


# Characters that people type around a value, in `.env` and in the environment.
TYPED = ["{}", "{} ", "  {}\t", '"{}"', "'{}'", '"{}" ', " '{}'  ", "{}\r"]
LINES = [
    "{name}={typed}",
    "{name} = {typed}",
    "  {name}={typed}",
]
# Without quotes, `#`, `$` and backslashes, which have a meaning in `.env`, and without white space.
VALUES = strategies.text(
    strategies.characters(
        codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="'\"#$\\“”„‘’‚«»"
    ),
    min_size=1,
    max_size=20,
)


@given(value=VALUES, typed=strategies.sampled_from(TYPED))
def test_quotes_and_blanks_in_the_environment_are_removed(value: str, typed: str) -> None:
    assert _read(SENTRY_ENVIRONMENT=typed.format(value)).sentry_environment == value


@given(
    value=VALUES,
    typed=strategies.sampled_from([typed for typed in TYPED if "\r" not in typed]),
    line=strategies.sampled_from(LINES),
    ending=strategies.sampled_from(["\n", "\r\n", ""]),
    before=strategies.sampled_from(["", "\ufeff", "\r\n", "# a comment\r\n"]),
)
def test_quotes_and_blanks_in_an_env_file_are_removed(
    value: str, typed: str, line: str, ending: str, before: str
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_bytes(
            (
                before + line.format(name="SENTRY_ENVIRONMENT", typed=typed.format(value)) + ending
            ).encode()
        )
        assert Settings.from_env(file).sentry_environment == value


@pytest.mark.parametrize("typed", ['"{}', "{}'", "“{}”", "‘{}", "«{}»", "'{}\""])
@pytest.mark.parametrize(
    "name", ["STATUS_TOKEN", "STORE_CONSUMER_SECRET", "PUSH_SETTLE_SECONDS", "PUBLIC_URL"]
)
def test_an_unclosed_quote_is_named(name: str, typed: str) -> None:
    message = _message(**STORE | {name: typed.format("hidden")})
    assert _named(message) == [name]
    assert "quote" in message
    assert "hidden" not in message


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_env_file_in_another_encoding_is_refused(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("STATUS_TOKEN=nøkkel\n".encode(encoding))
    with pytest.raises(ConfigurationError, match="not text in UTF-8"):
        Settings.from_env(file)


@pytest.mark.parametrize(
    ("environment", "filed", "value"),
    [
        ({"SENTRY_ENVIRONMENT": "here"}, {"SENTRY_ENVIRONMENT": "there"}, "here"),
        # An empty variable counts as not set.
        ({"SENTRY_ENVIRONMENT": ""}, {"SENTRY_ENVIRONMENT": "there"}, "there"),
        ({"SENTRY_ENVIRONMENT": " "}, {"SENTRY_ENVIRONMENT": "there"}, "there"),
        ({"SENTRY_ENVIRONMENT_FILE": ""}, {"SENTRY_ENVIRONMENT": "there"}, "there"),
        # A file named in `.env` does not win over the environment, nor the other way round.
        ({"SENTRY_ENVIRONMENT": "here"}, {"SENTRY_ENVIRONMENT_FILE": "{folder}/filed"}, "here"),
        (
            {"SENTRY_ENVIRONMENT_FILE": "{folder}/filed"},
            {"SENTRY_ENVIRONMENT": "there"},
            "from a file",
        ),
        ({}, {"SENTRY_ENVIRONMENT_FILE": "{folder}/filed"}, "from a file"),
        ({"SENTRY_ENVIRONMENT_FILE": '"{folder}/filed" '}, {}, "from a file"),
    ],
)
def test_the_environment_wins_over_the_env_file(
    environment: dict[str, str], filed: dict[str, str], value: str, tmp_path: Path
) -> None:
    (tmp_path / "filed").write_bytes(b'\xef\xbb\xbf"from a file" \r\n')
    os.environ.update({name: typed.format(folder=tmp_path) for name, typed in environment.items()})
    lines = [f"{name}={typed.format(folder=tmp_path)}" for name, typed in filed.items()]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert Settings.from_env(tmp_path / ".env").sentry_environment == value


def test_a_missing_env_file_is_ignored(tmp_path: Path) -> None:
    assert Settings.from_env(tmp_path / ".env") == Settings()


@pytest.mark.parametrize("name", ["STORE_URL", "PUBLIC_URL", "POLICY_PAGE_URL"])
@pytest.mark.parametrize("user", ["user:hidden@", "hidden@", ":hidden@", "@"])
def test_an_address_with_a_password_is_refused_and_not_shown(name: str, user: str) -> None:
    message = _message(**STORE | {name: f"https://{user}shop.example.test/page"})
    assert _named(message) == [name]
    assert "password" in message
    assert "hidden" not in message
    assert "shop.example.test" not in message


@pytest.mark.parametrize(
    ("public_url", "token", "named"),
    [
        # reachable from this machine only
        ("http://127.0.0.1:8000", "", []),
        ("http://127.3.2.1", "", []),
        ("http://localhost:8000/hooks", "", []),
        ("http://[::1]:8000", "", []),
        # reachable from everywhere, or unknown
        ("https://retention.example.test", "", ["STATUS_TOKEN"]),
        ("https://localhost.example.test", "", ["STATUS_TOKEN"]),
        ("http://192.168.1.4:8000", "", ["STATUS_TOKEN"]),
        ("http://0.0.0.0:8000", "", ["STATUS_TOKEN"]),
        ("https://retention.example.test", "t" * 16, []),
        # a weak token
        ("https://retention.example.test", "t" * 15, ["STATUS_TOKEN"]),
        ("http://127.0.0.1:8000", "t" * 15, ["STATUS_TOKEN"]),
    ],
)
def test_a_public_address_requires_a_status_token(
    public_url: str, token: str, named: list[str]
) -> None:
    if not named:
        assert _read(PUBLIC_URL=public_url, STATUS_TOKEN=token).status_token == (token or None)
        return
    message = _message(PUBLIC_URL=public_url, STATUS_TOKEN=token)
    assert _named(message) == named
    assert "16 characters" in message


def test_a_bind_to_all_interfaces_requires_a_status_token() -> None:
    assert _named(_message(BIND="0.0.0.0:8000")) == ["STATUS_TOKEN"]


EXAMPLE = (ROOT / ".env.example").read_text()


def test_the_example_lists_every_variable() -> None:
    listed = set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE))
    assert set(NAMES) <= listed


def test_the_unchanged_example_is_a_valid_environment() -> None:
    found = Settings.from_env(ROOT / ".env.example")
    assert found == Settings(public_url=found.public_url)
