"""API keys, and the two ways in which the store lets them prove themselves."""

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
    """A consumer key with its secret, the role of the user behind it, and what it may do."""

    consumer_key: str
    consumer_secret: str
    role: str = "administrator"
    permissions: str = "read_write"
    # Like the store, one nonce is remembered for each second.
    nonces: dict[int, str] = field(default_factory=dict)

    def check_permission(self, method: str) -> None:
        """401 where the key lacks the right that the method needs."""
        reading = method in ("GET", "HEAD")
        if method != "OPTIONS" and ("read" if reading else "write") not in self.permissions.split(
            "_"
        ):
            kind = "read" if reading else "write"
            raise unauthorised(f"The API key provided does not have {kind} permissions.")


@dataclass(frozen=True)
class Credentials:
    """How one request says who it is; `url` is the store's own, whatever host the client called."""

    method: str
    url: str
    query: dict[str, str]
    basic: tuple[str, str] | None = None


class KeyRing:
    """The keys of the store."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add(self, key: ApiKey) -> ApiKey:
        """Let a key in."""
        if key.role not in ROLES or key.permissions not in PERMISSIONS:
            raise ValueError(f"role must be one of {ROLES} and permissions one of {PERMISSIONS}")
        self._keys[key.consumer_key] = key
        return key

    def get(self, consumer_key: str) -> ApiKey:
        """The key of this name; KeyError where there is none."""
        return self._keys[consumer_key]

    def authenticate(self, given: Credentials, *, https: bool) -> ApiKey | None:
        """The key that a request proved, None where it tried nothing; RestError 401 where it failed.

        Over https Basic is taken, in the header or the query; over plain http only OAuth 1.0a.
        """
        if https:
            key = self._basic(given)
            if key is not None:
                return key
        return self._oauth(given)

    def _basic(self, given: Credentials) -> ApiKey | None:
        name, secret = given.query.get("consumer_key", ""), given.query.get("consumer_secret", "")
        if not (name and secret):
            name, secret = given.basic or ("", "")
        if not name:
            return None
        key = self._known(name)
        if not hmac.compare_digest(key.consumer_secret.encode(), secret.encode()):
            raise unauthorised("Consumer secret is invalid.")
        return key

    def _oauth(self, given: Credentials) -> ApiKey | None:
        named = {name: given.query.get(f"oauth_{name}", "") for name in _OAUTH_NAMES}
        if not any(named.values()):
            return None
        missing = [f"oauth_{name}" for name, value in named.items() if not value]
        if missing:
            word = "parameter" if len(missing) == 1 else "parameters"
            message = f"Missing OAuth {word} {', '.join(missing)}"
            raise unauthorised(message, "woocommerce_rest_authentication_missing_parameter")
        key = self._known(named["consumer_key"])
        _check_signature(key, given)
        _check_nonce(key, named["timestamp"], named["nonce"])
        return key

    def _known(self, consumer_key: str) -> ApiKey:
        try:
            return self._keys[consumer_key]
        except KeyError:
            raise unauthorised("Consumer key is invalid.") from None


def sign(secret: str, given: Credentials) -> str:
    """The OAuth 1.0a signature that the store expects of a request."""
    digest = _DIGESTS[given.query["oauth_signature_method"]]
    pairs = sorted(
        (name, value) for name, value in given.query.items() if name != "oauth_signature"
    )
    query = "%26".join(f"{_twice(name)}%3D{_twice(value)}" for name, value in pairs)
    text = f"{given.method}&{quote(given.url, safe='')}&{query}"
    return base64.b64encode(
        hmac.new(f"{secret}&".encode(), text.encode(), digest).digest()
    ).decode()


def _twice(part: str) -> str:
    return quote(unquote(part), safe="").replace("%", "%25")


def _check_signature(key: ApiKey, given: Credentials) -> None:
    if given.query["oauth_signature_method"] not in _DIGESTS:
        raise unauthorised("Invalid signature - signature method is invalid.")
    signature = given.query["oauth_signature"].replace(" ", "+")
    if not hmac.compare_digest(
        sign(key.consumer_secret, given).encode(), unquote(signature).encode()
    ):
        raise unauthorised("Invalid signature - provided signature does not match.")


def _check_nonce(key: ApiKey, timestamp: str, nonce: str) -> None:
    """Refuse stale times and used nonces. This is the machine's clock: clients sign with theirs."""
    now = int(time.time())
    sent = int(timestamp) if timestamp.isdigit() else 0
    if abs(now - sent) > WINDOW_SECONDS:
        raise unauthorised("Invalid timestamp.")
    if nonce in key.nonces.values():
        raise unauthorised("Invalid nonce - nonce has already been used.")
    key.nonces[sent] = nonce
    for old in [moment for moment in key.nonces if moment < now - WINDOW_SECONDS]:
        del key.nonces[old]


def not_logged_in(method: str) -> RestError:
    """What a request without any credentials is told."""
    if method in ("GET", "HEAD"):
        return unauthorised("Sorry, you cannot list resources.", "woocommerce_rest_cannot_view")
    return unauthorised(
        "Sorry, you are not allowed to create resources.", "woocommerce_rest_cannot_create"
    )
