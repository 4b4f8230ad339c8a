"""Tokens of tools: their syntax, the types that each may send, and the sender of an offered token."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks.errors import ConfigurationError
from hooks.retention.events import TOOL_EVENT_TYPES
from hooks.settings.event_tokens import EventToken, event_tokens, sender

BREVO, DESK = "brevos-hidden-token", "desks:hidden[token]+1"
WITHDRAWN = "marketing.consent-withdrawn"
TOKENS = (EventToken("brevo", BREVO, frozenset({WITHDRAWN})), EventToken("desk", DESK))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        (" , \n", ()),
        (f"brevo:{BREVO}", (EventToken("brevo", BREVO),)),
        (f"brevo[{WITHDRAWN}]:{BREVO},desk:{DESK}", TOKENS),
        (f" brevo[{WITHDRAWN}]:{BREVO} , desk:{DESK} ,", TOKENS),
        (f"brevo[{WITHDRAWN}]:{BREVO}\r\n\ndesk:{DESK}\n", TOKENS),
        (
            f"help-desk-2[{'+'.join(TOOL_EVENT_TYPES)}]:{DESK}",
            (EventToken("help-desk-2", DESK, frozenset(TOOL_EVENT_TYPES)),),
        ),
    ],
)
def test_syntax_of_event_tokens(text: str, tokens: tuple[EventToken, ...]) -> None:
    assert event_tokens(text) == tokens


NO_ENTRY = "is not a name of a-z, 0-9 and -, a colon and a token"
SHORT = "has a token that is shorter than 16 characters"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("hidden-token-alone", [f"entry 1 {NO_ENTRY}"]),
        (f"Brevo:{BREVO}", [f"entry 1 {NO_ENTRY}"]),
        (f"desk:{DESK},-:{BREVO}", [f"entry 2 {NO_ENTRY}"]),
        (f"{'n' * 33}:{BREVO}", [f"entry 1 {NO_ENTRY}"]),
        (f"brevo[{WITHDRAWN}:{BREVO}", [f"entry 1 {NO_ENTRY}"]),
        (f":{BREVO}", [f"entry 1 {NO_ENTRY}"]),
        ("brevo:", [f"entry 1 {SHORT}"]),
        ("brevo:hidden-15-chars", [f"entry 1 {SHORT}"]),
        # A token with a comma in it is read as two entries: two errors.
        ("brevo:hidden,token", [f"entry 1 {SHORT}", f"entry 2 {NO_ENTRY}"]),
        (
            "brevo:hidden token of words",
            ["entry 1 has a token with white space or a letter that is not ASCII"],
        ),
        (
            "brevo:hidden-tøken-of-letters",
            ["entry 1 has a token with white space or a letter that is not ASCII"],
        ),
        (f"brevo[]:{BREVO}", ["entry 1 names event types"]),
        (f"brevo[hidden]:{BREVO}", ["entry 1 names event types"]),
        (f"brevo[{WITHDRAWN}+]:{BREVO}", ["entry 1 names event types"]),
        ("brevo[hold]:hidden", ["entry 1 names event types", f"entry 1 {SHORT}"]),
        (f"brevo:{BREVO},brevo:{DESK}", ["two entries have the same name"]),
        (f"brevo:{BREVO},desk:{BREVO}", ["two entries have the same token"]),
    ],
)
def test_faults_are_named_together_and_no_token_is_shown(text: str, faults: list[str]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        event_tokens(text)
    found = str(raised.value).split("; ")
    assert [fault[: len(words)] for fault, words in zip(found, faults, strict=True)] == faults
    assert "hidden" not in str(raised.value)


def test_no_token_in_any_repr() -> None:
    assert "hidden" not in f"{TOKENS!r} {TOKENS[0]}"


@pytest.mark.parametrize(
    ("event_type", "brevo", "desk"), [(WITHDRAWN, True, True), ("objection", False, True)]
)
def test_a_token_with_types_allows_only_these(event_type: str, brevo: bool, desk: bool) -> None:
    assert [token.may_send(event_type) for token in TOKENS] == [brevo, desk]


@pytest.mark.parametrize(
    ("name", "offered", "found"),
    [
        # Bearer: the token alone.
        (None, BREVO, "brevo"),
        (None, DESK, "desk"),
        (None, "", None),
        (None, BREVO[:-1], None),
        (None, BREVO + "x", None),
        (None, BREVO.upper(), None),
        # Basic: under its own name only.
        ("brevo", BREVO, "brevo"),
        ("desk", DESK, "desk"),
        ("desk", BREVO, None),
        ("", BREVO, None),
        ("Brevo", BREVO, None),
        ("brevo", "brevo", None),
        ("brevo", "\ud800", None),
    ],
)
def test_sender_of_an_offered_token(name: str | None, offered: str, found: str | None) -> None:
    got = sender(TOKENS, name, offered)
    assert (got.name if got else None) == found


def test_without_tokens_there_is_no_sender() -> None:
    assert sender((), None, "") is None


def test_every_token_is_compared_even_after_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hooks.settings.event_tokens.hmac.compare_digest", counting)
    counts = []
    for offered in (BREVO, DESK, "another"):
        compared.clear()
        sender(TOKENS, "brevo", offered)
        counts.append(len(compared))
    assert counts == [4, 4, 4]
    assert {len(part) for pair in compared for part in pair} == {32}


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_a_proof_depends_on_the_body_and_the_token(one: bytes, other: bytes) -> None:
    brevo, desk = TOKENS
    assert brevo.proof_of(one) == hmac.new(BREVO.encode(), one, "sha256").hexdigest()
    assert (brevo.proof_of(one) == brevo.proof_of(other)) == (one == other)
    assert brevo.proof_of(one) != desk.proof_of(one)
