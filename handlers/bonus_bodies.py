"""The requests of the bonus routes, and how accounts look in answers: points in major units, as money is."""

from decimal import Decimal
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from pydantic import StringConstraints, ValidationError

from handlers.bodies import PLAIN, Id, decimal_number, iso
from handlers.errors import invalid_input
from handlers.order_bodies import Amount
from handlers.rest import Body
from offerloop import money
from offerloop.bonuses.accrue_bonus import AccrueBonus
from offerloop.bonuses.customers import customer_id_of
from offerloop.bonuses.model import BALANCE_SIGN, Account, Entry
from offerloop.bonuses.ports import EntryPage
from offerloop.bonuses.quote_bonus import BonusQuote
from offerloop.errors import InvalidInput
from offerloop.idempotency import Answer


class ContactBody(Body):
    """Who bought; used to find the account, and not kept."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=PLAIN)] | None = None
    phone: Annotated[str, StringConstraints(max_length=40, pattern=PLAIN)] | None = None
    email: Annotated[str, StringConstraints(max_length=254, pattern=PLAIN)] | None = None


class AccrualBody(Body):
    orderId: Id
    orderTotal: Amount
    customer: ContactBody = ContactBody()
    bonusAmount: Amount | None = None
    usedBonusAmount: Amount = Decimal(0)
    customerId: Id | None = None

    def command(self) -> AccrueBonus:
        """Raises:
        InvalidInput: nothing says whose order it is.
        """
        return AccrueBonus(
            order_id=self.orderId,
            customer_id=self.customerId or customer_id_of(self.customer.phone, self.customer.email),
            total=money.to_minor(self.orderTotal),
            used=money.to_minor(self.usedBonusAmount),
            expected=None if self.bonusAmount is None else money.to_minor(self.bonusAmount),
            by_contact=self.customerId is None,
        )


class QuoteQuery(Body):
    orderTotal: Amount
    usedBonusAmount: Amount = Decimal(0)
    customerId: Id | None = None

    def amounts(self) -> tuple[int, int]:
        """The order's total, and how many points it is to use."""
        return money.to_minor(self.orderTotal), money.to_minor(self.usedBonusAmount)


def quote_query(app: APIGatewayRestResolver) -> QuoteQuery:
    """Raises:
    InvalidInput: names each parameter that is wrong.
    """
    sent = app.current_event.query_string_parameters
    try:
        return QuoteQuery.model_validate(
            {name: sent[name] for name in QuoteQuery.model_fields if name in sent}
        )
    except ValidationError as error:
        raise InvalidInput("the query is not valid", invalid_input(error).fields) from None


def accrued_json(answer: Answer) -> dict[str, object]:
    """The answer of an accrual, its points as a client expects them."""
    points = ("bonusAmount", "usedBonusAmount", "balance")
    return dict(answer) | {name: decimal_number(int(answer[name] or 0)) for name in points}


def quote_json(quote: BonusQuote) -> dict[str, object]:
    return {
        "bonusAmount": decimal_number(quote.earned),
        "usableBonus": decimal_number(quote.usable),
        "balance": decimal_number(quote.balance),
    }


def account_json(account: Account, page: EntryPage, now: int) -> dict[str, object]:
    """An account with a page of its history."""
    return {
        "customerId": account.customer_id,
        "balance": decimal_number(account.balance),
        "usable": decimal_number(account.usable(now)),
        "held": decimal_number(account.held),
        "pending": decimal_number(account.awaited),
        "owed": decimal_number(account.owed),
        "pendingOrders": [
            {
                "orderId": each.order_id,
                "amount": decimal_number(each.amount),
                "countsFrom": iso(each.due_at * 1_000),
            }
            for each in account.pending
        ],
        "nextExpiry": _next_expiry_json(account, now),
        "history": [_entry_json(entry) for entry in page.entries],
        "cursor": page.cursor,
    }


def _next_expiry_json(account: Account, now: int) -> dict[str, object] | None:
    for lot in account.lots:
        if lot.ends_at is not None and lot.ends_at > now:
            return {"amount": decimal_number(lot.amount), "at": iso(lot.ends_at * 1_000)}
    return None


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "kind": entry.kind.value,
        "amount": decimal_number(entry.amount),
        "change": decimal_number(BALANCE_SIGN[entry.kind] * entry.amount),
        "balance": decimal_number(entry.balance),
        "at": iso(entry.at_ms),
        "orderId": entry.order_id,
        "detail": entry.detail,
    }
