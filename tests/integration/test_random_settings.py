"""The service starts with any value of a variable, or names the wrong variable in a sentence; it never ends in a
traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, strategies
from hypothesis import settings as profile

from hooks.app import create_app
from hooks.errors import ConfigurationError, PolicyError
from hooks.settings import Settings
from tests.support.processes import ROOT
from tests.support.variables import NAMES, NUMBERS, STORE, bare_environment

USED_AT_START = {
    "POLICY_FILE",
    "DATABASE_URL",
    "SENTRY_DSN",
    "SENTRY_ENVIRONMENT",
    "LOG_LEVEL",
    "LOG_FORMAT",
}
"""What the wiring does something with beyond keeping it."""

GARBAGE = [
    *(
        "",
        " ",
        "\t",
        "\n",
        "\x01",
        "\x1b[31m",
        "\x85",
        "\u2028",
        "\ufeff",
        "æøå",
        "\udcff",
        "²",
        "٣",
    ),
    *(
        "0",
        "-1",
        "1.5",
        "1e9",
        "1e999",
        "nan",
        "inf",
        "9" * 20,
        "9" * 5000,
        "0x10",
        "1_0",
        "two",
        "true",
    ),
    *(
        "http://",
        "http://[",
        "http://a:b",
        "http://a:99999",
        "https://a b",
        "https://\x01",
        "//",
        "@",
        "a:1:2",
    ),
    *("sqlite:", "sqlite://", "sqlite:///\x01", "mysql://h/d"),
    *("postgresql+psycopg://h:99999/d", "postgresql+psycopg://h:x/d"),
    *("/nonexistent", "/", ".", "~", "/proc/self/mem", "x" * 5000, "{}", "%s", "${HOME}", ","),
    *("'", '"', "''", '"a', "“a”", "[::]:1", "host:0", "host:65536", ":", "a,a", "-", "../x"),
]
FILES = [
    "/nonexistent",
    "/",
    "/dev/zero",
    "/proc/self/mem",
    "x" * 5000,
    "\x01",
    "'",
    "/bin/true",
    "\udcff",
]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Unset every variable of ours, except for a store; undo the changes of a test."""
    monkeypatch.chdir(ROOT)
    with bare_environment():
        yield


def start(**variables: str) -> str | None:
    """Start the service with these variables. Returns the operator's message where it does not start."""
    os.environ.update(STORE | variables)
    try:
        settings = Settings.from_env(None)
        if not USED_AT_START.isdisjoint(variables):
            create_app(settings)
    except PolicyError as error:
        return f"\n  POLICY_FILE: {error}"
    except ConfigurationError as error:
        return str(error)
    finally:
        for name in variables:
            del os.environ[name]
    return None


def named(message: str) -> set[str]:
    """Return the variables that a message names, each on a line."""
    return {line.strip().partition(":")[0] for line in message.split("\n")[1:]}


def blamed(name: str, message: str | None) -> bool:
    """Tell whether a message, if there is one, names this variable and no other."""
    if message is None:
        return True
    if name == "STORES":  # for a good name, four more variables are missing
        return all(each.startswith("STORE") for each in named(message))
    return named(message) <= {name} | (
        {"STATUS_TOKEN"} if name in ("BIND", "PUBLIC_URL") else set()
    )


@pytest.mark.parametrize("name", NAMES)
def test_any_value_is_accepted_or_its_variable_named(name: str) -> None:
    for value in GARBAGE:
        message = start(**{name: value})
        assert blamed(name, message), (value, message)


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_is_no_file_is_named(name: str) -> None:
    for value in FILES:
        message = start(**{f"{name}_FILE": value})
        assert message is not None
        assert blamed(name, message), (value, message)
        assert value not in message or len(value) < 3


@given(
    value=strategies.text(
        strategies.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
    )
)
@example("\udcff")
@profile(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_text_in_every_variable_gives_one_message(value: str) -> None:
    message = start(**dict.fromkeys(NAMES, value))
    assert message is None or all(
        each in NAMES or each.startswith("STORE_") for each in named(message)
    )


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_has_a_minimum_and_a_maximum(name: str) -> None:
    for value in ("-1", "9" * 12):
        message = start(**{name: value})
        assert message is not None
        assert named(message) == {name}


@pytest.mark.parametrize("made", ["folder", "latin-1", "nul"])
def test_an_env_file_that_is_no_file_is_reported(made: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    if made == "folder":
        path.mkdir()
    else:
        path.write_bytes({"latin-1": "A=nøkkel".encode("latin-1"), "nul": b"A=b\0"}[made])
    with pytest.raises(ConfigurationError, match=r"\.env"):
        Settings.from_env(path)
