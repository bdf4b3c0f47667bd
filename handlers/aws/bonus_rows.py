"""Accounts of bonus points, entries of the ledger and what orders earned, as rows."""

from dataclasses import astuple
from datetime import UTC, datetime

from handlers.aws.attributes import (
    Item,
    Value,
    n,
    number,
    optional_number,
    optional_text,
    packed,
    s,
    text,
    unpacked,
)
from handlers.aws.keys import (
    CUSTOMER_PREFIX,
    ORDER_PREFIX,
    account_key,
    day_list,
    due_list,
    entry_key,
    reward_key,
    reward_shard,
)
from offerloop.bonuses.model import Account, Entry, EntryKind, Hold, Lot, OrderReward, Pending


def account_of(item: Item) -> Account:
    """The account in an ACCOUNT row."""
    return Account(
        customer_id=item["PK"]["S"].removeprefix(CUSTOMER_PREFIX),
        version=number(item, "version"),
        lots=_lots(unpacked(item, "lots", [])),
        holds=tuple(Hold(order_id, _lots(lots)) for order_id, lots in unpacked(item, "holds", [])),
        pending=tuple(Pending(*each) for each in unpacked(item, "pending", [])),
        owed=number(item, "owed"),
        issued=number(item, "issued"),
        redeemed=number(item, "redeemed"),
        given_back=number(item, "given_back"),
        clawed_back=number(item, "clawed_back"),
        expired=number(item, "expired"),
        entries=number(item, "entries"),
    )


def account_item(account: Account) -> dict[str, Value]:
    """The ACCOUNT row of an account; its `balance` follows from the rest, and is there for other readers."""
    item = account_key(account.customer_id) | {
        "version": n(account.version),
        "lots": packed([astuple(lot) for lot in account.lots]),
        "holds": packed([astuple(hold) for hold in account.holds]),
        "pending": packed([astuple(each) for each in account.pending]),
        "owed": n(account.owed),
        "balance": n(account.balance),
        "issued": n(account.issued),
        "redeemed": n(account.redeemed),
        "given_back": n(account.given_back),
        "clawed_back": n(account.clawed_back),
        "expired": n(account.expired),
        "entries": n(account.entries),
    }
    if account.due_at is None:
        return item
    return item | {"due_list": s(due_list(reward_shard(account.customer_id))), "due_at": n(account.due_at)}


def entry_of(item: Item) -> Entry:
    """The entry in an ENTRY row."""
    return Entry(
        customer_id=item["PK"]["S"].removeprefix(CUSTOMER_PREFIX),
        number=number(item, "number"),
        kind=EntryKind(text(item, "kind")),
        amount=number(item, "amount"),
        balance=number(item, "balance"),
        at_ms=number(item, "entered_at_ms"),
        order_id=optional_text(item, "order_id"),
        detail=text(item, "detail"),
    )


def entry_item(entry: Entry) -> dict[str, Value]:
    """The ENTRY row of an entry."""
    day = datetime.fromtimestamp(entry.at_ms // 1_000, UTC).date().isoformat()
    item = entry_key(entry.customer_id, entry.number) | {
        "number": n(entry.number),
        "kind": s(entry.kind.value),
        "amount": n(entry.amount),
        "balance": n(entry.balance),
        "entered_at_ms": n(entry.at_ms),
        "detail": s(entry.detail),
        "day_list": s(day_list(day, reward_shard(entry.customer_id))),
        "at_key": s(f"{entry.at_ms:013d}#{entry.customer_id}#{entry.number:09d}"),
    }
    return item if entry.order_id is None else item | {"order_id": s(entry.order_id)}


def reward_of(item: Item) -> OrderReward:
    """What an order earned and used, in a REWARD row."""
    return OrderReward(
        order_id=item["PK"]["S"].removeprefix(ORDER_PREFIX),
        customer_id=text(item, "customer_id"),
        total=number(item, "total"),
        base=number(item, "base"),
        rate=number(item, "rate"),
        earned=number(item, "earned"),
        used=number(item, "used"),
        used_lots=_lots(unpacked(item, "used_lots", [])),
        ends_at=optional_number(item, "ends_at"),
        clawed_back=number(item, "clawed_back"),
        given_back=number(item, "given_back"),
        balance=number(item, "balance"),
        version=number(item, "version"),
    )


def reward_item(reward: OrderReward) -> dict[str, Value]:
    """The REWARD row of an order."""
    item = reward_key(reward.order_id) | {
        "customer_id": s(reward.customer_id),
        "total": n(reward.total),
        "base": n(reward.base),
        "rate": n(reward.rate),
        "earned": n(reward.earned),
        "used": n(reward.used),
        "used_lots": packed([astuple(lot) for lot in reward.used_lots]),
        "clawed_back": n(reward.clawed_back),
        "given_back": n(reward.given_back),
        "balance": n(reward.balance),
        "version": n(reward.version),
    }
    return item if reward.ends_at is None else item | {"ends_at": n(reward.ends_at)}


def _lots(stored: list[list[int | None]]) -> tuple[Lot, ...]:
    return tuple(Lot(amount or 0, ends_at) for amount, ends_at in stored)
