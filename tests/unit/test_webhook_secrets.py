"""`STORE_WEBHOOK_SECRETS`: the ways in which secrets are typed, and the resulting signing keys."""

from __future__ import annotations

import os
from pathlib import Path
from string import ascii_letters, digits
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.errors import ConfigurationError, SignatureRefusedError
from hooks.intake.signature import verify
from hooks.settings import Settings, StoreSettings
from hooks.settings.webhook_secrets import (
    SHORTEST_ALONE,
    WebhookSecrets,
    is_long_enough,
    signing_keys,
)
from tests.support.recordings import sign
from tests.support.variables import STORE, bare_environment

NAME = "STORE_WEBHOOK_SECRETS"
BODY = b'{"id":117}'
A, B = "a" * 16, "b" * 20

PRINTABLE = ascii_letters + digits + "!@#$%^&*()-_ []{}<>~`+=,.;:/?|\"'"
"""The characters of WooCommerce's secrets, and the quotes."""

MADE = st.text(PRINTABLE, min_size=50, max_size=50).filter(lambda text: len(text.strip()) >= 40)
"""Secrets as WooCommerce generates them, except those of blanks only."""


def _keys(store: StoreSettings) -> set[bytes]:
    return set().union(*map(signing_keys, store.signing_secrets))


def _from_environment(text: str) -> StoreSettings:
    return _read({NAME: text})


def _from_file(text: str) -> StoreSettings:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "secrets"
        path.write_bytes(text.encode())
        return _read({NAME: "", f"{NAME}_FILE": str(path)})


def _read(given: dict[str, str]) -> StoreSettings:
    with bare_environment():
        os.environ.update(STORE | given)
        return Settings.from_env(None).stores["shop"]


# --- properties --------------------------------------------------------------------------------------------


@given(secret=MADE, ending=st.sampled_from(["", "\n", "\r\n"]))
def test_a_generated_secret_verifies_its_own_signature(secret: str, ending: str) -> None:
    for store in (_from_environment(secret), _from_file(secret + ending)):
        verify(BODY, sign(BODY, secret), keys=_keys(store))


@given(
    new=MADE,
    old=MADE,
    between=st.sampled_from(["\n", "\r\n", "\n\n"]),
    ending=st.sampled_from(["", "\n", "\n\n"]),
)
def test_two_secrets_on_two_lines_verify_their_signatures(
    new: str, old: str, between: str, ending: str
) -> None:
    store = _from_file(f"{new}{between}{old}{ending}")
    for secret in (new, old):
        verify(BODY, sign(BODY, secret), keys=_keys(store))
    assert store.webhook_secrets[0].strip("'\" ") == new.strip("'\" ")


@given(st.text(PRINTABLE + ",,,,\n\t&;", max_size=80))
def test_no_secret_is_shorter_than_the_minimum(text: str) -> None:
    try:
        found = WebhookSecrets.from_text(text)
    except ConfigurationError:
        return
    every = (*found.secrets, *found.readings)
    assert all(
        len(key.decode()) >= SHORTEST_ALONE for secret in every for key in signing_keys(secret)
    )
    assert len(set(every)) == len(every)
    assert bool(found.secrets) or not found.readings


@given(
    st.lists(st.text(ascii_letters, min_size=16, max_size=20), min_size=2, max_size=4, unique=True)
)
def test_the_first_of_several_is_the_current_one(secrets: list[str]) -> None:
    for text in (",".join(secrets), " , ".join(secrets), "\n".join(secrets)):
        assert WebhookSecrets.from_text(text).secrets == tuple(secrets)


# --- examples --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "secrets", "others"),
    [
        (A, (A,), ()),
        # During a rotation; the whole text counts as a secret, too.
        (f"{A},{B}", (A, B), (f"{A},{B}",)),
        (f"{A} , {B}", (A, B), (f"{A} , {B}", f"{A} ", f" {B}")),
        # With a part that is too short, only the whole text is a secret.
        (f"x,{B}", (f"x,{B}",), ()),
        (f"{A},x,{B}", (f"{A},x,{B}",), ()),
        (f"{A},{'b' * 15}", (f"{A},{'b' * 15}",), ()),
        ("short, but long as a whole", ("short, but long as a whole",), ()),
        # A comma at an end, or two commas: a typing mistake, or a part of the secret.
        (f"{A},", (A,), (f"{A},",)),
        (f",{A}", (A,), (f",{A}",)),
        (f"{A},,{B}", (A, B), (f"{A},,{B}",)),
        # Blanks and quotes around it: a typing mistake, or a part of the secret.
        (f" {A} ", (A,), (f" {A} ",)),
        (f'"{A}"', (A,), (f'"{A}"',)),
        (f"'{A}' ", (A,), (f"'{A}'", f"'{A}' ")),
        (f'"{A}', (f'"{A}',), ()),
        (f"{A}'", (f"{A}'",), ()),
        # Lines with one secret each; no line is empty. Commas in a line count after that.
        (f"{A}\n{B}", (A, B), ()),
        (f"\r\n{A}\r\n\n  \n{B}\n", (A, B), ()),
        (f"{A}\nx,{B}\n", (A, f"x,{B}"), ()),
        (f"{A}\n{A},{B}\n", (A, f"{A},{B}"), (B,)),
        # Entities, which the store decodes before it signs.
        ("a&amp;b" + A, ("a&amp;b" + A,), ()),
        # Empty.
        ("", (), ()),
        (" \n\t", (), ()),
        ('""', (), ()),
    ],
)
def test_secrets_that_are_read(
    text: str, secrets: tuple[str, ...], others: tuple[str, ...]
) -> None:
    found = WebhookSecrets.from_text(text)
    assert (found.secrets, found.readings) == (secrets, others)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hidden-word", "shorter than 16"),
        ("hidden,word,x", "shorter than 16"),
        (",", "shorter than 16"),
        # One line of several.
        (f"{A}\nhidden", "shorter than 16"),
        # Sixteen characters that decode to a key of four.
        ("&amp;&amp;&amp;h", "shorter than 16"),
        (f"“{A}”", "quote"),
        (f"{A}\0", "control character"),
    ],
)
def test_secrets_that_are_refused(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault) as raised:
        WebhookSecrets.from_text(text)
    assert "hidden" not in str(raised.value)


def test_a_single_slightly_short_secret_is_still_accepted() -> None:
    """An upgrade must not stop a shop. `store check` asks for a longer secret."""
    assert WebhookSecrets.from_text("twelve-chars").secrets == ("twelve-chars",)
    assert WebhookSecrets.from_text("recorded-secret\n").secrets == ("recorded-secret",)
    assert WebhookSecrets.from_text(f"{A}\ntwelve-chars").secrets == (A, "twelve-chars")
    for text in ("eleven-char", "twelve,chars", f"{A}\neleven-char"):
        with pytest.raises(ConfigurationError):
            WebhookSecrets.from_text(text)


def test_a_part_of_a_secret_signs_nothing() -> None:
    secret = "x," + "y" * 30 + ",zz"
    store = _from_environment(secret)
    for piece in ("x", "y" * 30, "zz", "x," + "y" * 30):
        with pytest.raises(SignatureRefusedError):
            verify(BODY, sign(BODY, piece), keys=_keys(store))
    assert is_long_enough(secret)


def test_no_secret_is_shown() -> None:
    assert A not in repr(WebhookSecrets.from_text(f"{A},{B}"))
    assert A not in repr(_from_environment(f"{A},{B}"))
