"""Spellings of one e-mail address have one hash; addresses of two people have two."""

from __future__ import annotations

import hmac
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hooks.intake import email_hash
from hooks.intake.email_hash import LONGEST, address_hash, email_subject, is_address
from hooks.retention.facts import Subject

KEY = "a key of at least thirty-two characters"
LETTERS = "abcxyzåæøéüžдλ0189.+_-"
DOMAINS = (
    "example.test",
    "xn--tda.example",
    "blåbær.example",
    "bücher.example",
    "пример.испытание",
    "faß.example",
)


def _hash(spelled: str) -> str:
    return hmac.new(KEY.encode(), spelled.encode(), "sha256").hexdigest()


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        # The hash of a plain address must never change.
        ("kari@example.test", "kari@example.test"),
        (" Kari@Example.TEST\n", "kari@example.test"),
        ("Kari.Nord+shop@sub_domain.example", "kari.nord+shop@sub_domain.example"),
        ("kari@-odd-.example", "kari@-odd-.example"),
        ("kari@localhost", "kari@localhost"),
        # Characters around and inside a copied address.
        ("\u00a0\u3000kari@example.test\t", "kari@example.test"),
        ("\ufeff\u200bkari@example.test\u200e\u2060", "kari@example.test"),
        ("\u2068 kari@example.test \u2069", "kari@example.test"),
        ("kari@exam\u00adple.\u200btest", "kari@example.test"),
        # The normal form, before lower case and after it.
        ("bjørn.a\u030as@example.test", "bjørn.ås@example.test"),
        ("BJØRN.A\u030aS@example.test", "bjørn.ås@example.test"),
        ("\u212bse@example.test", "åse@example.test"),  # the sign of the unit ångström
        ("\u0130@example.test", "i\u0307@example.test"),
        ("h\u0331\u0308@example.test", "\u1e96\u0308@example.test"),
        # Domains in letters of any language.
        ("kari@Ü.example", "kari@xn--tda.example"),
        ("kari@u\u0308.example", "kari@xn--tda.example"),
        ("kari@XN--TDA.example", "kari@xn--tda.example"),
        ("kari@faß.example", "kari@xn--fa-hia.example"),
        ("kari@ｅｘａｍｐｌｅ。test", "kari@example.test"),
        (
            "kari@☕.example",
            "kari@xn--53h.example",
        ),  # no such name can be registered by today's rules; old ones exist
        ("kari@example.test.", "kari@example.test"),
        ("kari@ü.example。", "kari@xn--tda.example"),
        # Addresses that UTS 46 forbids or changes into another one are hashed as written.
        ("kari@…ü.example", "kari@…ü.example"),
        ("kari@ex＠ample.test", "kari@ex＠ample.test"),
    ],
)
def test_an_address_has_one_normal_form(written: str, spelled: str) -> None:
    assert email_subject(written, KEY) == Subject("email", _hash(spelled))
    assert address_hash(written, KEY) == _hash(spelled)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kari@example.test", "ola@example.test"),
        ("kari@example.test", "kari@example.invalid"),
        ("kari@example.test", "kari+shop@example.test"),
        ("kari.nord@example.test", "karinord@example.test"),
        ("faß@example.test", "fass@example.test"),
        ("kari@faß.example", "kari@fass.example"),
        ("åse@example.test", "ase@example.test"),
    ],
)
def test_two_addresses_have_two_hashes(one: str, other: str) -> None:
    assert email_subject(one, KEY) != email_subject(other, KEY)


def test_another_key_gives_another_hash() -> None:
    assert email_subject("kari@example.test", KEY) != email_subject("kari@example.test", KEY + "!")


@pytest.mark.parametrize(
    "value",
    [
        *(None, 5, True, [], {}, b"kari@example.test", ["kari@example.test"]),
        *("", " ", "\u200b", "@", "kari", "kari@", "@example.test", "kari@.", "kari@@example.test"),
        *(
            "kari@example.test@example.test",
            "kari@example.test, ola@example.test",
            "Kari <kari@example.test>",
        ),
        *(
            "kari nord@example.test",
            "kari\n@example.test",
            "kari\x00@example.test",
            "kari@exa mple.test",
        ),
        "kari\ud800@example.test",  # a lone surrogate, which cannot be encoded
        *("a" * 300, "a" * 255 + "@example.test", "a" * (LONGEST - 12) + "@example.test"),
        # The store's eraser writes addresses of this reserved domain.
        *("deleted@site.invalid", "Deleted@SITE.INVALID.", "kari@invalid", "kari@ü.invalid"),
    ],
    ids=repr,
)
def test_an_invalid_address_has_no_hash(value: object) -> None:
    assert address_hash(value, KEY) is None


@pytest.mark.parametrize("domain", ["invalid.example", "site.notinvalid", "sinvalid"])
def test_only_the_reserved_domain_is_a_placeholder(domain: str) -> None:
    assert is_address(f"kari@{domain}")


def test_the_longest_valid_address_has_a_hash() -> None:
    assert is_address("a" * (LONGEST - 13) + "@example.test")


ADDRESSES = st.builds(
    "{}@{}".format, st.text(LETTERS, min_size=1, max_size=20), st.sampled_from(DOMAINS)
)


@given(ADDRESSES, st.sampled_from(["NFC", "NFD"]), st.sampled_from(["", " ", "\u200b", "\ufeff\t"]))
def test_case_form_and_blanks_do_not_change_the_hash(address: str, form: str, around: str) -> None:
    capital = address.replace("ß", "ẞ").upper()
    for written in (address, capital, address.title()):
        typed = around + normalize(form, written) + around  # type: ignore[arg-type]
        assert address_hash(typed, KEY) == address_hash(address, KEY) is not None


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_and_its_ascii_form_have_one_hash(domain: str) -> None:
    ascii_form = ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in domain.split(".")
    )
    assert address_hash(f"kari@{domain}", KEY) == address_hash(f"kari@{ascii_form}", KEY)


@given(
    st.from_regex(
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,60}@[A-Za-z0-9_-]{1,30}(\.[A-Za-z0-9_-]{1,30}){0,3}",
        fullmatch=True,
    )
)
def test_the_hash_of_a_plain_address_never_changes(address: str) -> None:
    assert email_subject(address, KEY).value == _hash(address.strip().lower())


@given(st.text(), st.text())
@example("", "ex＠ample.")
@example("\u0345", "\u0130\u3002.")
def test_normalising_any_text_does_not_change_its_hash(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    spelled = email_hash._spelled(text)
    assert email_hash._spelled(spelled) == spelled
    assert email_subject(spelled, KEY) == email_subject(text, KEY)
