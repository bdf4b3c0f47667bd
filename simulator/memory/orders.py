"""Products and orders, in memory."""

import bisect
import heapq
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from offerloop.bonuses.model import Account
from offerloop.codes.model import Code, CodeStatus, is_good_for
from offerloop.errors import FieldError, InvalidInput, ProductExists, UnknownOrder, UnknownProduct
from offerloop.idempotency import AnsweredRequest
from offerloop.offers.model import Offer
from offerloop.offers.track_event import check_redeemable
from offerloop.orders.model import (
    HOLDING,
    IN_PROGRESS,
    MOVES,
    CountChange,
    Order,
    Product,
    ProductStatus,
    StockMove,
    Transition,
    Units,
)
from offerloop.orders.notices import Notice
from offerloop.orders.ports import OrderPage, OrderStep, ProductPage, Shelf, StaleOrder
from offerloop.orders.process_order import check_in_stock
from offerloop.orders.rate_order import Rating
from simulator.memory.activity import MemoryIdempotencyStore
from simulator.memory.world import MemoryWorld

_CURSOR = re.compile(r"[0-9]{13}.+", re.ASCII)


class MemoryOrderStore(MemoryIdempotencyStore):
    """`OrderStore`."""

    def shelf(
        self,
        customer_id: str,
        product_ids: Collection[str],
        offer_ids: Collection[str],
        promo_code: str | None = None,
        with_account: bool = False,
    ) -> Shelf:
        world = self._world
        return Shelf(
            {each: world.products[each] for each in product_ids if each in world.products},
            {each: world.offers[each] for each in offer_ids if each in world.offers},
            {each: world.redemptions.get((customer_id, each), 0) for each in offer_ids},
            None if promo_code is None else world.codes.get(promo_code),
            world.accounts.get(customer_id, Account(customer_id)) if with_account else None,
        )

    def write(self, step: OrderStep) -> None:
        world, order = self._world, step.after
        stored = world.orders.get(order.order_id)
        version = 0 if stored is None else stored.version
        expected = 0 if step.before is None else step.before.version
        if version != expected or self._is_answered(step.answered, step.now):
            raise StaleOrder
        code = self._moved_code(step)
        self._check_account(step.account)
        if step.move is not None and step.units is not None:
            self._move(step.move, step.units, step)
        if code is not None:
            world.codes[code.code] = code
        if step.account is not None:
            world.put_account(step.account)
        world.orders[order.order_id] = order
        if order.status not in IN_PROGRESS:
            world.open_orders.pop(order.order_id, None)
            world.ended_orders.append(order)
        world.transitions.setdefault(order.order_id, []).append(step.transition)
        if step.before is None:
            world.orders_of.setdefault(order.customer_id, []).append(order.order_id)
            world.open_orders[order.order_id] = None
        for message in step.messages:
            world.put_message(message)
        self._remember(step.answered)

    def _moved_code(self, step: OrderStep) -> Code | None:
        """The order's code as the step leaves it; None where it leaves it alone.

        Raises:
            StaleOrder: it cannot be held.
        """
        order, move = step.after, step.code_move
        code = None if order.promo_code is None else self._world.codes.get(order.promo_code)
        if move is None:
            return None
        if move is StockMove.HOLD:
            if code is None or not is_good_for(code, order.customer_id, step.now):
                raise StaleOrder
            return replace(code, status=CodeStatus.HELD, order_id=order.order_id)
        if code is None or code.order_id != order.order_id:
            return None
        if move is StockMove.POST:
            return replace(code, status=CodeStatus.USED)
        return replace(code, status=CodeStatus.CLAIMED, order_id=None)

    def _check_account(self, account: Account | None) -> None:
        if account is not None:
            stored = self._world.accounts.get(account.customer_id)
            if account.version != (0 if stored is None else stored.version) + 1:
                raise StaleOrder

    def _move(self, move: StockMove, units: Units, step: OrderStep) -> None:
        world, change, customer = self._world, MOVES[move], step.after.customer_id
        if move is StockMove.HOLD:
            self._check_holds(units, step)
        for product_id, count in units.products.items():
            product = _moved_product(world.products.get(product_id), change, count)
            if product is not None:
                world.products[product_id] = product
        for offer_id, count in units.offers.items():
            offer = _moved_offer(world.offers.get(offer_id), change, count)
            if offer is not None:
                world.put_offer(offer)
            redeemed = world.redemptions.get((customer, offer_id), 0)
            world.redemptions[customer, offer_id] = redeemed - change.free * count

    def _check_holds(self, units: Units, step: OrderStep) -> None:
        shelf = self.shelf(step.after.customer_id, units.products, units.offers)
        if shelf.products.keys() != units.products.keys() or shelf.offers.keys() != units.offers.keys():
            raise StaleOrder
        for product_id, count in units.products.items():
            check_in_stock(shelf.products[product_id], product_id, count)
        for offer_id, count in units.offers.items():
            offer, limit = shelf.offers[offer_id], (step.limits or {}).get(offer_id, 0)
            check_redeemable(offer, shelf.redemptions[offer_id], limit, step.now, units=count)

    def get(self, order_id: str) -> Order:
        order = self._world.orders.get(order_id)
        if order is None:
            raise UnknownOrder(f"no order has the id {order_id!r}")
        return order

    def history(self, order_id: str) -> Sequence[Transition]:
        return tuple(self._world.transitions.get(order_id, ()))

    def of_customer(self, customer_id: str, limit: int, cursor: str | None) -> OrderPage:
        mine = [self._world.orders[order_id] for order_id in self._world.orders_of.get(customer_id, ())]
        mine.sort(key=_newest_first)
        start = 0
        if cursor is not None:
            if not _CURSOR.fullmatch(cursor):
                raise _foreign_cursor()
            start = bisect.bisect_right([_cursor(order) for order in mine], cursor)
        page = mine[start : start + limit]
        more = len(mine) > start + limit
        return OrderPage(tuple(page), _cursor(page[-1]) if more else None)

    def holds_ended(self, now: int, limit: int) -> Sequence[str]:
        holding = (order for order in self._open() if order.status in HOLDING)
        ended = sorted((order.hold_until or 0, order.order_id) for order in holding)
        return [order_id for until, order_id in ended if until <= now][:limit]

    def waiting_since(self, before_ms: int, limit: int) -> Sequence[Order]:
        waiting = (order for order in self._open() if order.updated_at_ms < before_ms)
        return sorted(waiting, key=lambda order: (order.updated_at_ms, order.order_id))[:limit]

    def _open(self) -> Iterator[Order]:
        orders = self._world.orders
        return (orders[order_id] for order_id in self._world.open_orders)


def _newest_first(order: Order) -> tuple[int, str]:
    return -order.placed_at_ms, order.order_id


def _cursor(order: Order) -> str:
    return f"{10**13 - order.placed_at_ms:013d}{order.order_id}"


def _foreign_cursor() -> InvalidInput:
    field = FieldError("cursor", "take it from the page before")
    return InvalidInput("the cursor is not one of ours", [field])


def _moved_product(product: Product | None, change: CountChange, units: int) -> Product | None:
    """The product after a move; None where it has not the units."""
    if product is None:
        return None
    counts = _moved((product.inventory_count, product.held_count, product.sold_count), change, units)
    if counts is None:
        return None
    # Not `replace`, which takes three times as long, and an order moves many products.
    return Product(
        product.product_id,
        product.name,
        product.category,
        product.price,
        inventory_count=counts[0],
        status=product.status,
        held_count=counts[1],
        sold_count=counts[2],
        received_count=product.received_count,
    )


def _moved_offer(offer: Offer | None, change: CountChange, units: int) -> Offer | None:
    """The offer after a move; None where it has not the units."""
    if offer is None:
        return None
    counts = _moved((offer.inventory_count, offer.held_count, offer.redeemed_count), change, units)
    if counts is None:
        return None
    return replace(offer, inventory_count=counts[0], held_count=counts[1], redeemed_count=counts[2])


def _moved(counts: tuple[int, int, int], change: CountChange, units: int) -> tuple[int, int, int] | None:
    """Free, held and gone units after a move; None where those that it takes are not there."""
    free, held, gone = counts
    after = free + change.free * units, held + change.held * units, gone + change.gone * units
    lacking = any(now < 0 for was, now in zip(counts, after, strict=True) if now < was)
    return None if lacking else after


class MemoryProductStore(MemoryIdempotencyStore):
    """`ProductStore`."""

    def get(self, product_id: str) -> Product:
        product = self._world.products.get(product_id)
        if product is None:
            raise UnknownProduct(f"no product has the id {product_id!r}")
        return product

    def page(self, limit: int, cursor: str | None) -> ProductPage:
        if cursor is not None and cursor not in self._world.products:
            raise _foreign_cursor()
        later = [each for each in sorted(self._world.products) if cursor is None or each > cursor]
        found = tuple(self._world.products[each] for each in later[:limit])
        return ProductPage(found, found[-1].product_id if len(later) > limit else None)

    def create(self, product: Product, answered: AnsweredRequest | None) -> None:
        self._refuse_answered(answered)
        if product.product_id in self._world.products:
            raise ProductExists(f"a product has the id {product.product_id!r} already")
        self._world.products[product.product_id] = product
        self._remember(answered)

    def change(self, product_id: str, changes: Mapping[str, str | int]) -> Product:
        typed: dict[str, object] = dict(changes)
        if "status" in changes:
            typed["status"] = ProductStatus(str(changes["status"]))
        changed = replace(self.get(product_id), **typed)  # type: ignore[arg-type]  # names are Product's
        self._world.products[product_id] = changed
        return changed

    def restock(self, product_id: str, units: int, answered: AnsweredRequest | None) -> None:
        self._refuse_answered(answered)
        product = self.get(product_id)
        self._world.products[product_id] = replace(
            product,
            inventory_count=product.inventory_count + units,
            received_count=product.received_count + units,
        )
        self._remember(answered)

    def _refuse_answered(self, answered: AnsweredRequest | None) -> None:
        if answered is not None and self._is_answered(answered, self._world.clock.now_ms() // 1_000):
            raise StaleOrder


class MemoryRatingStore:
    """`RatingStore`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def keep(self, rating: Rating) -> None:
        kept = self._world.ratings.get(rating.order_id)
        if kept is None or kept.at_ms <= rating.at_ms:
            self._world.ratings[rating.order_id] = rating

    def of(self, order_id: str) -> Rating | None:
        return self._world.ratings.get(order_id)


class MemoryNoticeLog:
    """`NoticeLog`."""

    def __init__(self, world: MemoryWorld) -> None:
        self._world = world

    def begin(self, notice: Notice) -> bool:
        key = notice.order_id, notice.kind
        if key in self._world.notices:
            return False
        self._world.notices[key] = notice
        return True

    def end(self, notice: Notice) -> None:
        self._world.notices[notice.order_id, notice.kind] = notice

    def take_of_day(self, phone: str, day: str, limit: int) -> bool:
        sent = self._world.notices_of_day.get((phone, day), 0)
        if sent >= limit:
            return False
        self._world.notices_of_day[phone, day] = sent + 1
        return True

    def opted_out(self, phone: str) -> bool:
        return phone in self._world.opted_out

    def opt_out(self, phone: str) -> None:
        self._world.opted_out.add(phone)

    def opt_in(self, phone: str) -> None:
        self._world.opted_out.discard(phone)

    def latest(self, limit: int) -> Sequence[Notice]:
        return heapq.nlargest(limit, self._world.notices.values(), key=lambda notice: notice.at_ms)
