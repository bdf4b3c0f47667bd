"""How shoppers reach the twin's functions: `Shop` on the system, and what the API's stage does to calls."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import simpy

from offerloop.errors import Refusal, TooManyRequests, UnknownPool
from offerloop.offers.model import EventType
from offerloop.orders.model import OrderStatus, Product
from offerloop.orders.place_order import PlaceOrder
from offerloop.orders.pricing import RequestedLine
from offerloop.orders.refund_order import RefundedLine
from simulator.memory.code_system import CodeSystem
from simulator.memory.order_system import OrderSystem
from simulator.shoppers.checkout import ADDRESS, Checkout, ClaimedCode, email_of
from simulator.shoppers.clocks import Done
from simulator.shoppers.shop import Refused, Served
from simulator.twin.functions import Environments
from simulator.twin.system import System
from simulator.twin.tally import TwinTally

TOO_MANY_REQUESTS = Refused(TooManyRequests.code)

# One function answers all of these; any other call has a function of its own.
_FUNCTION_OF = dict.fromkeys(("check_out", "order_status", "cancel", "refund"), "order-api")

Answer = TypeVar("Answer")


class TwinShop:
    """`Shop`: calls of the API's functions, with refusals as answers."""

    def __init__(self, system: System, tally: TwinTally) -> None:
        self._recommend, self._track, self._tally = system.recommend, system.track, tally

    def recommend(self, user_id: str) -> Served | Refused:
        self._tally.hour.calls_recommend += 1
        answer = self._recommend(user_id)
        return Served(tuple([shown.offer for shown in answer.offers]), answer.total_available)

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> Refused | None:
        self._tally.hour.calls_track += 1
        try:
            self._track(user_id, offer_id, category, event_type)
        except Refusal as refusal:
            return Refused(refusal.code)
        return None


class TwinTill(TwinShop):
    """`Till`.

    Args:
        codes: None = there are no pools.
    """

    def __init__(
        self,
        system: System,
        orders: OrderSystem,
        codes: CodeSystem | None,
        products: Sequence[Product],
        tally: TwinTally,
    ) -> None:
        super().__init__(system, tally)
        self._orders, self._codes, self._products = orders, codes, products

    def products(self) -> Sequence[Product]:
        return self._products

    def check_out(self, checkout: Checkout, key: str | None = None) -> str | Refused:
        return self._asked(self._orders.place, _command(checkout))

    def order_status(self, order_id: str) -> OrderStatus | Refused:
        return self._asked(self._orders.status, order_id)

    def cancel(self, order_id: str) -> Refused | None:
        return self._asked(self._orders.cancel, order_id)

    def refund(
        self, order_id: str, lines: Sequence[RefundedLine] = (), key: str | None = None
    ) -> Refused | None:
        answer = self._asked(self._orders.refund, order_id, lines)
        return answer if isinstance(answer, Refused) else None

    def claim_code(self, customer_id: str, pool_id: str, key: str | None = None) -> ClaimedCode | Refused:
        self._tally.hour.calls_rewards += 1
        if self._codes is None:
            return Refused(UnknownPool.code)
        try:
            answer = self._codes.claim(pool_id, customer_id)
        except Refusal as refusal:
            return Refused(refusal.code)
        return ClaimedCode(str(answer["promo_code"]), int(answer["amount"] or 0))

    def usable_points(self, customer_id: str) -> int | Refused:
        self._tally.hour.calls_rewards += 1
        return self._orders.usable_points(customer_id)

    def _asked(self, function: Callable[..., Answer], *arguments: object) -> Answer | Refused:
        self._tally.hour.calls_order += 1
        try:
            return function(*arguments)
        except Refusal as refusal:
            return Refused(refusal.code)


def _command(checkout: Checkout) -> PlaceOrder:
    return PlaceOrder(
        checkout.customer_id,
        tuple(
            RequestedLine(
                line.product.product_id,
                line.quantity,
                line.product.price,
                None if line.offer is None else line.offer.offer_id,
            )
            for line in checkout.lines
        ),
        total=checkout.total,
        email=email_of(checkout.customer_id),
        address=ADDRESS,
        phone=checkout.phone,
        promo_code=None if checkout.code is None else checkout.code.code,
        use_bonus=checkout.use_bonus,
    )


class Stage:
    """`Calls` through the API's stage: its limit, and the functions' environments.

    Args:
        per_second: requests let in, as a token bucket of one second's depth; None = all.
        environments: None = calls take no time.
    """

    def __init__(
        self,
        env: simpy.Environment,
        tally: TwinTally,
        *,
        per_second: float | None,
        environments: Environments | None,
    ) -> None:
        self._env, self._tally, self._environments = env, tally, environments
        self._per_second = per_second
        self._tokens, self._filled_at_s = max(1.0, per_second or 0.0), 0.0
        self._done = Done(env)

    def call(self, function: Callable[..., Any], *arguments: Any) -> simpy.Event:
        if self._per_second is not None and not self._admits(self._per_second):
            self._tally.hour.throttled += 1
            return self._done.with_value(TOO_MANY_REQUESTS)
        if self._environments is None:
            return self._done.with_value(function(*arguments))
        name = function.__name__
        started = self._environments.start(_FUNCTION_OF.get(name, name), self._env.now)
        if started is None:
            self._tally.hour.throttled += 1
            return self._done.with_value(TOO_MANY_REQUESTS)
        took_s, cold = started
        self._tally.hour.cold_starts += cold
        return _Answer(self._env, took_s, function, arguments)

    def _admits(self, per_second: float) -> bool:
        """Take a token of API Gateway's bucket, which fills at the rate of the limit."""
        now_s = self._env.now
        filled = self._tokens + (now_s - self._filled_at_s) * per_second
        self._tokens, self._filled_at_s = min(filled, max(1.0, per_second)), now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Answer(simpy.Event):
    """The answer of a call that takes some time: the function's work is done when it ends."""

    def __init__(
        self, env: simpy.Environment, after_s: float, function: Callable[..., Any], arguments: tuple[Any, ...]
    ) -> None:
        super().__init__(env)
        self._function, self._arguments = function, arguments
        self.callbacks = [self._carry_out]  # before the shopper that waits for it
        self._ok = True
        self._value = None
        env.schedule(self, delay=after_s)

    def _carry_out(self, _: simpy.Event) -> None:
        self._value = self._function(*self._arguments)
