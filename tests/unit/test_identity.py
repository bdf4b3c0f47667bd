"""A token is believed only as it was issued: for its customer, its scope and its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.errors import NotAllowed, NotSignedIn
from offerloop.identity import Caller, Role, customer_of, issue_token
from tests.factories import NOON

SECRET = b"secret"


@given(st.text(min_size=1, max_size=64))
def test_a_token_names_the_customer_it_was_issued_for(customer_id):
    token = issue_token(customer_id, "storefront", NOON + 1, SECRET)

    assert customer_of(token, "storefront", NOON, SECRET) == customer_id


def test_a_token_ends_on_its_second():
    token = issue_token("ann", "storefront", NOON, SECRET)

    assert customer_of(token, "storefront", NOON - 1, SECRET) == "ann"
    with pytest.raises(NotSignedIn, match="ended"):
        customer_of(token, "storefront", NOON, SECRET)


def test_a_token_for_another_scope_is_not_enough():
    with pytest.raises(NotAllowed):
        customer_of(issue_token("ann", "crm", NOON + 1, SECRET), "storefront", NOON, SECRET)


@given(st.integers(0, 200), st.characters())
def test_a_token_with_any_character_changed_is_refused(position, sign):
    token = issue_token("ann", "storefront", NOON + 1, SECRET)
    position %= len(token)
    forged = token[:position] + sign + token[position + 1 :]
    if forged == token or _same_bytes(forged, token):
        return

    with pytest.raises(NotSignedIn):
        customer_of(forged, "storefront", NOON, SECRET)


def _same_bytes(forged: str, token: str) -> bool:
    """The last character of base64 has bits that mean nothing: other text, the same signature."""
    return forged[:-1] == token[:-1]


@pytest.mark.parametrize("token", ["", ".", "a.b", "a.b.c", "ä.ö", "🎁", "a" * 10_000])
def test_nonsense_is_refused(token):
    with pytest.raises(NotSignedIn):
        customer_of(token, "storefront", NOON, SECRET)


def test_another_secret_makes_another_token():
    with pytest.raises(NotSignedIn):
        customer_of(issue_token("ann", "storefront", NOON + 1, b"other"), "storefront", NOON, SECRET)


def test_a_token_beats_the_id_in_a_body_and_the_key_opens_the_shops_routes():
    assert Caller(Role.CUSTOMER, "ann").acts_for("bob") == "ann"
    assert Caller(Role.SHOP).acts_for("bob") == "bob"
    Caller(Role.SHOP).must_be_shop()
    for role in (Role.CUSTOMER, Role.VISITOR):
        with pytest.raises(NotAllowed):
            Caller(role).must_be_shop()
