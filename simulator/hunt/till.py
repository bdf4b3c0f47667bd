"""What people do with products and orders, on the memory adapters: each step calls one use case."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from offerloop.errors import UnknownOrder
from offerloop.orders.manage_products import change_product
from offerloop.orders.model import Product
from offerloop.orders.place_order import PlaceOrder
from offerloop.orders.pricing import RequestedLine, discount_on
from offerloop.orders.refund_order import RefundedLine
from simulator.hunt import script
from simulator.hunt.answers import DONE, ID_GONE, Answer, request_of
from simulator.hunt.order_functions import OrderFunctions
from simulator.hunt.pools import MemoryPools
from simulator.memory.world import MemoryWorld
from simulator.shoppers.checkout import ADDRESS, email_of

NOT_IN_CATALOGUE = 1  # what a client believes something to cost that is not there


class MemoryTill:
    """The routes of products and orders, and the table of products itself.

    Attributes:
        doing: what to call by type of step.
    """

    def __init__(self, world: MemoryWorld, orders: OrderFunctions, pools: MemoryPools) -> None:
        self._world, self._orders, self._pools = world, orders, pools
        self._removed: set[str] = set()
        self.doing: dict[type, Callable[[Any], Answer]] = {
            script.CreateProduct: self._create_product,
            script.ChangeProduct: self._change_product,
            script.RestockProduct: self._restock_product,
            script.PlaceOrder: self._place_order,
            script.CancelOrder: self._cancel_order,
            script.RefundOrder: self._refund_order,
            script.SetProductStock: self._set_product_stock,
            script.RemoveProduct: self._remove_product,
        }

    # -- the shop's own server -----------------------------------------------------------------------

    def _create_product(self, step: script.CreateProduct) -> Answer:
        if step.product in self._removed:
            return ID_GONE  # open orders would hold units of the old one
        product = Product(
            step.product,
            f"Product {step.product}",
            step.category,
            step.price,
            inventory_count=step.stock,
            received_count=step.stock,
        )
        self._orders.api.create(product)
        return DONE

    def _change_product(self, step: script.ChangeProduct) -> Answer:
        changes = step.model_dump(mode="json", exclude={"do", "product"}, exclude_none=True)
        change_product(step.product, changes, store=self._orders.api.products)
        return DONE

    def _restock_product(self, step: script.RestockProduct) -> Answer:
        request = request_of(step.key, f"restock product {step.product}", f"{step.units}")
        self._orders.api.restock(step.product, step.units, request)
        return DONE

    # -- customers -----------------------------------------------------------------------------------

    def _place_order(self, step: script.PlaceOrder) -> Answer:
        """As an honest client: at the prices of the catalogue."""
        lines = tuple(self._line(line) for line in step.lines)
        goods = sum(self._amount(line) for line in lines)
        code = None if step.code_of is None else self._pools.newest_code(step.code_of)
        left = goods - (0 if code is None else min(code.amount, goods))
        points = min(step.points, left)
        command = PlaceOrder(
            step.user,
            lines,
            total=left - points,
            email=email_of(step.user),
            address=ADDRESS,
            phone=step.phone,
            promo_code=None if code is None else code.code,
            use_bonus=points,
        )
        order_id = self._orders.api.place(command, request_of(step.key, "orders", step.body))
        self._orders.names[step.order] = order_id
        return {"order": order_id}

    def _line(self, line: script.Line) -> RequestedLine:
        return RequestedLine(line.product, line.units, self._price(line.product), line.offer)

    def _amount(self, line: RequestedLine) -> int:
        price, offer = self._price(line.product_id), self._world.offers.get(line.offer_id or "")
        off = 0 if offer is None else discount_on(price, offer.discount_type, offer.discount_hundredths)
        return (price - off) * line.quantity

    def _price(self, product_id: str) -> int:
        product = self._world.products.get(product_id)
        return NOT_IN_CATALOGUE if product is None else product.price

    def _cancel_order(self, step: script.CancelOrder) -> Answer:
        order_id = self._order_id(step.order)
        self._orders.contested(step, order_id).cancel(order_id)
        return DONE

    def _refund_order(self, step: script.RefundOrder) -> Answer:
        order_id = self._order_id(step.order)
        lines = [RefundedLine(product, units) for product, units in step.lines]
        request = request_of(step.key, "refunds", step.body)
        answer = self._orders.contested(step, order_id).refund(order_id, lines, request)
        return {"order": order_id, "given_back": answer["refundedAmount"]}

    def _order_id(self, name: str) -> str:
        if name not in self._orders.names:
            raise UnknownOrder(f"no order of this script is called {name!r}")
        return self._orders.names[name]

    # -- others who write to the tables --------------------------------------------------------------

    def _set_product_stock(self, step: script.SetProductStock) -> Answer:
        product = self._world.products.get(step.product)
        if product is None:
            return {"refused": "unknown_product"}
        booked = step.units - product.inventory_count
        self._world.products[step.product] = replace(
            product, inventory_count=step.units, received_count=product.received_count + booked
        )
        return {"booked": booked}

    def _remove_product(self, step: script.RemoveProduct) -> Answer:
        self._world.products.pop(step.product, None)
        self._removed.add(step.product)
        return DONE
