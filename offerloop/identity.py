"""Who is asking: a trusted shop server, a customer with a token, or a visitor.

A customer token is `<payload>.<signature>`, both base64url without padding; the payload is the canonical
JSON of {customerId, scope, exp}, the signature HMAC-SHA256 over its text.
"""

import base64
import binascii
import hashlib
import hmac
import json
from enum import StrEnum

from offerloop.errors import NotAllowed, NotSignedIn
from offerloop.record import record

MAX_TOKEN_LIFE_S = 24 * 3600
DEFAULT_TOKEN_LIFE_S = 900


class Role(StrEnum):
    SHOP = "SHOP"  # holds the API key
    CUSTOMER = "CUSTOMER"  # carries a customer token
    VISITOR = "VISITOR"  # carries nothing, on a public storefront


@record(frozen=True, slots=True)
class Caller:
    """Who is asking; *customer_id* is set for a customer only, *address* for a visitor or a customer."""

    role: Role
    customer_id: str | None = None
    address: str | None = None

    def acts_for(self, user_id: str) -> str:
        """The user that this request is about: a token beats any id in the body."""
        return self.customer_id if self.customer_id is not None else user_id

    def must_be_shop(self) -> None:
        """Raises:
        NotAllowed: the caller does not hold the API key.
        """
        if self.role is not Role.SHOP:
            raise NotAllowed("this route is for the shop's own server: send the API key in X-API-Key")


def issue_token(customer_id: str, scope: str, expires_at: int, secret: bytes) -> str:
    """Sign a token for one customer that ends at *expires_at* (epoch seconds)."""
    claims = {"customerId": customer_id, "exp": expires_at, "scope": scope}
    payload = _encode(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode())
    return f"{payload}.{_encode(_signature(payload, secret))}"


def customer_of(token: str, scope: str, now: int, secret: bytes) -> str:
    """The customer that a token was issued for.

    Raises:
        NotSignedIn: the token is malformed, forged or past its end.
        NotAllowed: it is genuine and for another scope.
    """
    payload, _, signature = token.partition(".")
    try:
        genuine = hmac.compare_digest(_decode(signature), _signature(payload, secret))
        claims = json.loads(_decode(payload)) if genuine else None
    except (ValueError, binascii.Error):
        claims = None
    if claims is None:
        raise NotSignedIn("the customer token is not genuine")
    if claims["exp"] <= now:
        raise NotSignedIn("the customer token has ended; ask for a new one")
    if claims["scope"] != scope:
        raise NotAllowed(f"the customer token is for {claims['scope']!r}, not {scope!r}")
    return str(claims["customerId"])


def _signature(payload: str, secret: bytes) -> bytes:
    return hmac.new(secret, payload.encode(), hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
