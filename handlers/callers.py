"""Who is calling: checked in our own code, because not every target enforces keys and authorizers."""

import hmac

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from handlers import wiring
from offerloop.clock import now_s
from offerloop.errors import NotAllowed, NotSignedIn
from offerloop.identity import Caller, Role, customer_of
from offerloop.rate_limit import Allowance, admit

STOREFRONT = "storefront"  # scope of the tokens that a browser carries


def caller_of(app: APIGatewayRestResolver) -> Caller:
    """The caller, from `X-Customer-Token` or else `X-API-Key`; a visitor when it has neither.

    Raises:
        NotSignedIn: the token or the key is wrong.
        NotAllowed: the token is for another scope.
    """
    event = app.current_event
    address = event.request_context.identity.source_ip
    token = event.headers.get("x-customer-token")
    if token is not None:
        now = now_s(wiring.clock())
        return Caller(Role.CUSTOMER, customer_of(token, STOREFRONT, now, wiring.token_secret()), address)
    key = event.headers.get("x-api-key")
    if key is None:
        return Caller(Role.VISITOR, None, address)
    if not hmac.compare_digest(key.encode(), wiring.api_key()):
        raise NotSignedIn("the API key is not valid")
    return Caller(Role.SHOP)


def public_caller(app: APIGatewayRestResolver) -> Caller:
    """The caller of a public route.

    Raises:
        NotSignedIn: a visitor, while the storefront is not public; or a wrong token or key.
    """
    caller = caller_of(app)
    if caller.role is Role.VISITOR and not wiring.settings().public_storefront:
        raise NotSignedIn("send X-API-Key or X-Customer-Token")
    return caller


def known_caller(app: APIGatewayRestResolver) -> Caller:
    """The caller of a route for the shop's server and for customers with a token.

    Raises:
        NotSignedIn: a visitor; or a wrong token or key.
        NotAllowed: the token is for another scope.
    """
    caller = caller_of(app)
    if caller.role is Role.VISITOR:
        raise NotSignedIn("send X-API-Key or X-Customer-Token")
    return caller


def caller_about(app: APIGatewayRestResolver, customer_id: str, things: str) -> Caller:
    """The caller of a route about one customer's *things*: the shop's server, or that customer.

    Raises:
        NotSignedIn
        NotAllowed: it is another customer.
    """
    caller = known_caller(app)
    if caller.acts_for(customer_id) != customer_id:
        raise NotAllowed(f"a customer's token is for its own {things}")
    return caller


def shop_caller(app: APIGatewayRestResolver) -> Caller:
    """The caller of a route for the shop's own server.

    Raises:
        NotSignedIn, NotAllowed
    """
    caller = caller_of(app)
    caller.must_be_shop()
    return caller


def admit_public(caller: Caller, user_id: str) -> None:
    """Count a public request against its address and its user; the shop's own server is not limited here.

    Raises:
        TooManyRequests
    """
    if caller.role is Role.SHOP:
        return
    settings = wiring.settings()
    allowances = [
        Allowance(f"address:{caller.address}", settings.requests_per_address),
        Allowance(f"user:{user_id}", settings.requests_per_user),
    ]
    admit(allowances, counter=wiring.rate_counter(), now=now_s(wiring.clock()))
