"""Without a token, only who asks this machine from this machine is answered."""

from __future__ import annotations

import pytest

from hooks.app import create_app
from hooks.settings import Settings


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://localhost:8000", 200),
        ("http://[::1]:8000", 200),
        # A page of another site, whose name was made to lead to this machine.
        ("http://evil.example:8000", 403),
        ("http://localhost.evil.example", 403),
        ("http://192.0.2.7:8000", 403),
    ],
)
def test_the_name_that_is_asked_for_is_this_machines(asked: str, status: int) -> None:
    client = create_app(Settings()).test_client()
    assert client.get("/openapi.json", base_url=asked).status_code == status


def test_with_a_token_any_name_will_do() -> None:
    client = create_app(Settings(status_token="a-token-of-the-test")).test_client()
    headers = {"Authorization": "Bearer a-token-of-the-test"}
    assert client.get("/openapi.json", base_url="http://shop.example", headers=headers).status_code == 200
