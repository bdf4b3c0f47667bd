"""Actions that move an order's promo code: its holder's order takes it, that order alone gives it back."""

from handlers.aws.attributes import Value, n, s
from handlers.aws.keys import code_key
from handlers.aws.table_access import Action
from offerloop.codes.model import CodeStatus
from offerloop.orders.model import Order, StockMove

# From and to, for each move but HOLD.
_MOVES = {
    StockMove.POST: (CodeStatus.HELD, CodeStatus.USED),
    StockMove.VOID: (CodeStatus.HELD, CodeStatus.CLAIMED),
    StockMove.RETURN: (CodeStatus.USED, CodeStatus.CLAIMED),
}


def hold_code(table: str, code: str, order: Order, now: int) -> Action:
    """A code that was given out, to nobody or to the order's customer, and has not ended at *now*."""
    mine = "(attribute_not_exists(holder_id) OR holder_id = :customer)"
    has_not_ended = "(attribute_not_exists(expires_at) OR expires_at > :now)"
    return _update(
        table,
        code,
        "SET #status = :after, order_id = :order",
        f"#status = :before AND {mine} AND {has_not_ended}",
        {
            ":before": s(CodeStatus.CLAIMED.value),
            ":after": s(CodeStatus.HELD.value),
            ":order": s(order.order_id),
            ":customer": s(order.customer_id),
            ":now": n(now),
        },
    )


def move_code(table: str, code: str, order: Order, move: StockMove) -> Action:
    """A code that this order holds or used."""
    before, after = _MOVES[move]
    return _update(
        table,
        code,
        "SET #status = :after" + ("" if after is CodeStatus.USED else " REMOVE order_id"),
        "#status = :before AND order_id = :order",
        {":before": s(before.value), ":after": s(after.value), ":order": s(order.order_id)},
    )


def _update(table: str, code: str, change: str, condition: str, values: dict[str, Value]) -> Action:
    return {
        "Update": {
            "TableName": table,
            "Key": code_key(code),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values,
        }
    }
