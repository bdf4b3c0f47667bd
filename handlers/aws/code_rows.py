"""Pools and codes as rows."""

from collections.abc import Mapping, Sequence

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
from handlers.aws.cursors import newest_first
from handlers.aws.keys import CODE_PREFIX, POOL_PREFIX, code_key, pool_key, pool_trail_key
from offerloop.codes.forecast import Sample
from offerloop.codes.model import Code, CodeStatus, Level, Pool, PoolStatus, SupplierKind


def pool_of(item: Item) -> Pool:
    """The pool in a METADATA row."""
    return Pool(
        pool_id=item["PK"]["S"].removeprefix(POOL_PREFIX),
        name=text(item, "name"),
        amount=number(item, "amount"),
        currency=text(item, "currency"),
        supplier=SupplierKind(text(item, "supplier")),
        threshold=number(item, "threshold"),
        batch=number(item, "batch"),
        per_holder=number(item, "per_holder"),
        valid_days=optional_number(item, "valid_days"),
        lead_minutes=optional_number(item, "lead_minutes"),
        status=PoolStatus(text(item, "status")),
    )


def pool_item(pool: Pool) -> dict[str, Value]:
    """The METADATA row of a pool; its amount in minor units."""
    return pool_key(pool.pool_id) | {
        name: value
        for name, value in attributes_of(
            {
                "name": pool.name,
                "amount": pool.amount,
                "currency": pool.currency,
                "supplier": pool.supplier,
                "threshold": pool.threshold,
                "batch": pool.batch,
                "per_holder": pool.per_holder,
                "valid_days": pool.valid_days,
                "lead_minutes": pool.lead_minutes,
                "status": pool.status,
            }
        ).items()
        if value is not None
    }


def attributes_of(changes: Mapping[str, str | int | None]) -> dict[str, Value | None]:
    """Changes by `Pool` field name as attributes; None = to be removed."""
    return {
        name: None if value is None else n(value) if isinstance(value, int) else s(str(value))
        for name, value in changes.items()
    }


def level_of(item: Item | None) -> Level:
    """The counts in a COUNT row; a shard without one has never had a code."""
    found = item or {}
    return Level(number(found, "free_count"), number(found, "given_count"), number(found, "void_count"))


def trail_of(item: Item | None) -> Sequence[Sample]:
    """The samples in a TRAIL row; a pool without one has never been looked at."""
    return tuple(Sample(*sample) for sample in unpacked(item or {}, "samples", []))


def trail_item(pool_id: str, trail: Sequence[Sample]) -> dict[str, Value]:
    """The TRAIL row of a pool: some 3 KB a day long."""
    samples = [[sample.at_ms, sample.free, sample.given] for sample in trail]
    return pool_trail_key(pool_id) | {"samples": packed(samples)}


def code_of(item: Item) -> Code:
    """The code in a METADATA row."""
    return Code(
        code=item["PK"]["S"].removeprefix(CODE_PREFIX),
        pool_id=text(item, "pool_id"),
        amount=number(item, "amount"),
        currency=text(item, "currency"),
        status=CodeStatus(text(item, "status")),
        holder_id=optional_text(item, "holder_id"),
        order_id=optional_text(item, "order_id"),
        claimed_at_ms=optional_number(item, "claimed_at_ms"),
        expires_at=optional_number(item, "expires_at"),
    )


def code_item(code: Code) -> dict[str, Value]:
    """The METADATA row of a code; its amount in minor units."""
    item = code_key(code.code) | {
        "pool_id": s(code.pool_id),
        "amount": n(code.amount),
        "currency": s(code.currency),
        "status": s(code.status.value),
    }
    if code.holder_id is not None:
        item |= {"holder_id": s(code.holder_id), "newest_key": s(newest_key(code))}
    if code.order_id is not None:
        item["order_id"] = s(code.order_id)
    if code.claimed_at_ms is not None:
        item["claimed_at_ms"] = n(code.claimed_at_ms)
    if code.expires_at is not None:
        item["expires_at"] = n(code.expires_at)
    return item


def newest_key(code: Code) -> str:
    """Sorts a holder's codes: the last claimed first."""
    return newest_first(code.claimed_at_ms or 0, code.code)
