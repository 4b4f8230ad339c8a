"""API keys, and the two methods by which a client proves that it has one: Basic and OAuth 1.0a."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from deploy.sandbox.errors import RestError, unauthorised

ROLES = ("administrator", "shop_manager")
PERMISSIONS = ("read", "write", "read_write")
WINDOW_SECONDS = 15 * 60
_OAUTH_NAMES = ("consumer_key", "timestamp", "nonce", "signature", "signature_method")
_DIGESTS = {"HMAC-SHA256": hashlib.sha256, "HMAC-SHA1": hashlib.sha1}


@dataclass
class ApiKey:
    """A consumer key with its secret, the role of its user, and its permissions."""

    consumer_key: str
    consumer_secret: str
    role: str = "administrator"
    permissions: str = "read_write"
    # One nonce for each second is remembered, as in the store.
    nonces: dict[int, str] = field(default_factory=dict)

    def check_permission(self, method: str) -> None:
        """Raise the store's 401 if the key lacks the permission that the method needs."""
        if method == "OPTIONS":
            return
        permission = "read" if method in ("GET", "HEAD") else "write"
        if permission not in self.permissions.split("_"):
            raise unauthorised(f"The API key provided does not have {permission} permissions.")


@dataclass(frozen=True)
class Credentials:
    """The parts of a request that prove who sent it. `url` is the store's own URL, whatever host the client called."""

    method: str
    url: str
    query: dict[str, str]
    basic: tuple[str, str] | None = None


class KeyRing:
    """The keys of the store."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> ApiKey:
        """Add a key. Raise ValueError for an unknown role or permission."""
        if key.role not in ROLES or key.permissions not in PERMISSIONS:
            raise ValueError(f"role must be one of {ROLES} and permissions one of {PERMISSIONS}")
        self._keys[key.consumer_key] = key
        return key

    def get(self, consumer_key: str) -> ApiKey:
        """Return the key of this name. Raise KeyError if there is none."""
        return self._keys[consumer_key]

    def authenticate(self, credentials: Credentials, *, https: bool) -> ApiKey | None:
        """Return the key that a request proves, or None if it has no credentials. Raise the store's 401 for wrong ones.

        Basic is accepted over https only, in the header or the query. Over plain http only OAuth 1.0a is accepted.
        """
        if https:
            key = self._basic(credentials)
            if key is not None:
                return key
        return self._oauth(credentials)

    def _basic(self, credentials: Credentials) -> ApiKey | None:
        name = credentials.query.get("consumer_key", "")
        secret = credentials.query.get("consumer_secret", "")
        if not (name and secret):
            name, secret = credentials.basic or ("", "")
        if not name:
            return None
        key = self._find(name)
        if not hmac.compare_digest(key.consumer_secret.encode(), secret.encode()):
            raise unauthorised("Consumer secret is invalid.")
        return key

    def _oauth(self, credentials: Credentials) -> ApiKey | None:
        values = {name: credentials.query.get(f"oauth_{name}", "") for name in _OAUTH_NAMES}
        if not any(values.values()):
            return None
        missing = [f"oauth_{name}" for name, value in values.items() if not value]
        if missing:
            word = "parameter" if len(missing) == 1 else "parameters"
            message = f"Missing OAuth {word} {', '.join(missing)}"
            raise unauthorised(message, "woocommerce_rest_authentication_missing_parameter")
        key = self._find(values["consumer_key"])
        _check_signature(key, credentials)
        _check_nonce(key, values["timestamp"], values["nonce"])
        return key

    def _find(self, consumer_key: str) -> ApiKey:
        try:
            return self._keys[consumer_key]
        except KeyError:
            raise unauthorised("Consumer key is invalid.") from None


def sign(secret: str, credentials: Credentials) -> str:
    """Return the OAuth 1.0a signature that the store expects for a request."""
    digest = _DIGESTS[credentials.query["oauth_signature_method"]]
    pairs = sorted(credentials.query.items())
    query = "%26".join(
        f"{_quote_twice(name)}%3D{_quote_twice(value)}"
        for name, value in pairs
        if name != "oauth_signature"
    )
    text = f"{credentials.method}&{quote(credentials.url, safe='')}&{query}"
    signature = hmac.new(f"{secret}&".encode(), text.encode(), digest).digest()
    return base64.b64encode(signature).decode()


def _quote_twice(part: str) -> str:
    return quote(unquote(part), safe="").replace("%", "%25")


def _check_signature(key: ApiKey, credentials: Credentials) -> None:
    if credentials.query["oauth_signature_method"] not in _DIGESTS:
        raise unauthorised("Invalid signature - signature method is invalid.")
    signature = unquote(credentials.query["oauth_signature"].replace(" ", "+"))
    expected = sign(key.consumer_secret, credentials)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise unauthorised("Invalid signature - provided signature does not match.")


def _check_nonce(key: ApiKey, timestamp: str, nonce: str) -> None:
    """Raise the store's 401 for a stale time or a used nonce. The time is the machine's: clients sign with theirs."""
    now = int(time.time())
    sent = int(timestamp) if timestamp.isdigit() else 0
    if abs(now - sent) > WINDOW_SECONDS:
        raise unauthorised("Invalid timestamp.")
    if nonce in key.nonces.values():
        raise unauthorised("Invalid nonce - nonce has already been used.")
    key.nonces[sent] = nonce
    for moment in list(key.nonces):
        if moment < now - WINDOW_SECONDS:
            del key.nonces[moment]


def not_logged_in(method: str) -> RestError:
    """Return the error for a request without credentials."""
    if method in ("GET", "HEAD"):
        return unauthorised("Sorry, you cannot list resources.", "woocommerce_rest_cannot_view")
    return unauthorised(
        "Sorry, you are not allowed to create resources.", "woocommerce_rest_cannot_create"
    )
