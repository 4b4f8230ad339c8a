"""Decide whether two addresses belong to the same shop."""

from __future__ import annotations

import pytest

from hooks.store.shop_identity import is_same_shop

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (SHOP, True),
        # With and without TLS or `www`.
        ("http://shop.example", True),
        ("https://www.shop.example", True),
        ("http://www.shop.example", True),
        # The same address in another spelling.
        ("https://shop.example/", True),
        ("https://shop.example:443", True),
        ("http://shop.example:80/", True),
        ("HTTPS://Shop.Example", True),
        # A staging copy.
        ("https://staging.shop.example", False),
        ("https://shop.example/staging", False),
        ("https://shop.example:8443", False),
        ("http://127.0.0.1:8080", False),
        # A similar address.
        ("https://shop.example.org", False),
        ("https://wwwshop.example", False),
        ("https://eshop.example", False),
    ],
)
def test_addresses_of_the_same_shop(other: str, same: bool) -> None:
    assert is_same_shop(SHOP, other) is same
    assert is_same_shop(other, SHOP) is same


def test_shops_in_folders_of_one_host_differ() -> None:
    assert is_same_shop("https://shop.example/no", "https://www.shop.example/no/")
    assert not is_same_shop("https://shop.example/no", "https://shop.example/se")
