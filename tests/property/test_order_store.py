"""Whatever happens to orders in whatever order: no unit and no cent is lost or made."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offerloop import money
from offerloop.errors import CarrierUnavailable, Refusal
from offerloop.offers.model import EventType
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.orders.cancel_order import cancel_order
from offerloop.orders.model import HOLDING, IN_PROGRESS, PAID, TRANSITIONS, Order, OrderStatus, Tracking
from offerloop.orders.ports import Payment, PaymentStatus
from offerloop.orders.process_order import Processing, advance, process_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from offerloop.orders.settle_payment import settle_payment, settlement_of
from offerloop.orders.steps import HELD_FOR_S
from offerloop.orders.watch_orders import give_up, release_ended_holds
from offerloop.outbox import Message, Topic
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.orders import MemoryProductStore
from tests.factories import an_offer
from tests.orders import CAPTURED, Post, a_line, a_product, an_order_command, an_order_desk

PRODUCTS = {"LAPTOP001": 129_999, "CABLE": 1_999, "STICKER": 1}
OFFERS = {"TENTH": 1_000, "FREE": 10_000}
CUSTOMERS = ["ann", "ben"]

refusals_allowed = contextlib.suppress(Refusal)
lines = st.lists(
    st.tuples(st.sampled_from(list(PRODUCTS)), st.integers(1, 3), st.sampled_from([None, None, *OFFERS])),
    min_size=1,
    max_size=3,
)


class UnreliablePost(Post):
    """A carrier that may be away."""

    away = False

    def book(self, order: Order, at_ms: int) -> Tracking:
        if self.away:
            raise CarrierUnavailable("nobody there")
        return super().book(order, at_ms)


class Orders(RuleBasedStateMachine):
    """Customers, processors that lag behind each other, sweepers, and a till that cannot be relied on."""

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.rng = random.Random(seed)
        desk = an_order_desk(*(a_product(each, price=price) for each, price in PRODUCTS.items()))
        for offer_id, discount in OFFERS.items():
            limit = 0 if offer_id == "TENTH" else 4
            desk.world.put_offer(an_offer(offer_id, discount_hundredths=discount, redemptions_per_user=limit))
        self.desk, self.post, self.ids = desk, UnreliablePost(), []
        self.processing = Processing(desk.store, desk.till, self.post, desk.clock)
        self.remembered: dict[str, Order] = {}
        self.redeemed: Counter[tuple[str, str]] = Counter()  # outside of orders

    def one(self) -> str | None:
        """Any order, those of late more often."""
        return self.rng.choice(self.ids[self.rng.choice([0, -3]) :]) if self.ids else None

    # -- customers -------------------------------------------------------------------------------------

    @rule(customer=st.sampled_from(CUSTOMERS), wanted=lines)
    def place(self, customer: str, wanted: list[tuple[str, int, str | None]]) -> None:
        requested = [a_line(each, count, PRODUCTS[each], offer_id=offer) for each, count, offer in wanted]
        total = sum(
            (PRODUCTS[each] - money.percentage_of(PRODUCTS[each], OFFERS.get(offer or "", 0))) * count
            for each, count, offer in wanted
        )
        with refusals_allowed:
            self.ids.append(self.desk.place(an_order_command(*requested, customer_id=customer, total=total)))

    @rule()
    def cancel(self) -> None:
        if order_id := self.one():
            with refusals_allowed:
                cancel_order(order_id, store=self.desk.store, clock=self.desk.clock)

    @rule(whole=st.booleans(), count=st.integers(1, 4))
    def refund(self, whole: bool, count: int) -> None:
        """Some units of an order that was paid, perhaps more than are left; or all that is left."""
        paid = self.orders(PAID)
        if paid:
            order = self.rng.choice(paid)
            back = [] if whole else [RefundedLine(self.rng.choice(order.lines).product_id, count)]
            with refusals_allowed:
                refund_order(order.order_id, back, store=self.desk.store, clock=self.desk.clock)

    @rule(customer=st.sampled_from(CUSTOMERS), offer_id=st.sampled_from(list(OFFERS)))
    def redeem(self, customer: str, offer_id: str) -> None:
        command = TrackEvent(customer, offer_id, "electronics", EventType.REDEMPTION)
        with refusals_allowed:
            track_event(
                command,
                store=MemoryActivityStore(self.desk.world),
                clock=self.desk.clock,
                ids=self.desk.ids,
            )
            self.redeemed[customer, offer_id] += 1

    # -- whoever works on orders -----------------------------------------------------------------------

    @rule()
    def look(self) -> None:
        """A processor reads an order, and is held up."""
        if order_id := self.one():
            self.remembered[order_id] = self.desk.store.get(order_id)

    @rule()
    def advance_what_was_seen(self) -> None:
        seen = [order for order in self.remembered.values() if order.status in IN_PROGRESS]
        if seen:
            with refusals_allowed:
                advance(self.rng.choice(seen), self.processing)

    @rule(steps=st.integers(1, 5))
    def advance_some(self, steps: int) -> None:
        if order_id := self.one():
            order = self.desk.store.get(order_id)
            with refusals_allowed:
                for _ in range(steps):
                    if order.status in IN_PROGRESS:
                        order = advance(order, self.processing)

    @rule(count=st.integers(1, 3))
    def process(self, count: int) -> None:
        for order_id in self.ids[-count:]:
            with refusals_allowed:
                process_order(order_id, self.processing)

    @precondition(lambda self: len(self.ids) > 3)
    @rule()
    def bury(self) -> None:
        if order_id := self.one():
            give_up(order_id, "gave up", self.processing)

    @rule(seconds=st.sampled_from([1, HELD_FOR_S // 2, HELD_FOR_S]))
    def sweep(self, seconds: int) -> None:
        self.desk.clock.move_on(seconds)
        release_ended_holds(self.processing)
        now = self.desk.clock.now_ms() // 1_000
        assert not any(order.hold_until <= now for order in self.orders(HOLDING))

    # -- the world outside -----------------------------------------------------------------------------

    @rule(
        mood=st.sampled_from(["takes", "takes", "takes", "declines", "is silent", "takes and is silent"]),
        meanwhile=st.sampled_from([None, None, None, None, "cancelled", "cancelled and settled"]),
    )
    def till_turns(self, mood: str, meanwhile: str | None) -> None:
        """What the till does from now on, and what happens while it is asked."""
        declined = Payment(PaymentStatus.DECLINED, "no")
        answer = {"declines": declined, "is silent": None}.get(mood, CAPTURED)

        def decide(key: str) -> Payment | None:
            if meanwhile is not None:
                with refusals_allowed:
                    cancel_order(key, store=self.desk.store, clock=self.desk.clock)
            if meanwhile == "cancelled and settled":
                self.settle(self.settlements())
            return answer

        self.desk.till.answer, self.desk.till.loses_answers = decide, mood == "takes and is silent"

    @rule(away=st.booleans())
    def carrier_turns(self, away: bool) -> None:
        self.post.away = away

    @rule(product_id=st.sampled_from(list(PRODUCTS)))
    def restock(self, product_id: str) -> None:
        MemoryProductStore(self.desk.world).restock(product_id, 2, None)

    @rule(product_id=st.sampled_from(list(PRODUCTS)), status=st.sampled_from(["ACTIVE", "DISCONTINUED"]))
    def relabel(self, product_id: str, status: str) -> None:
        MemoryProductStore(self.desk.world).change(product_id, {"status": status})

    @precondition(lambda self: len(self.ids) > 5)
    @rule()
    def offer_is_deleted(self) -> None:
        self.desk.world.remove_offer("FREE")

    @rule()
    def settle_one(self) -> None:
        waiting = self.settlements()
        self.settle(self.rng.sample(waiting, min(1, len(waiting))))

    def settlements(self) -> list[Message]:
        return [message for message in self.desk.world.outbox.values() if message.topic is Topic.SETTLEMENT]

    def settle(self, messages: Iterable[Message]) -> None:
        for message in messages:
            settle_payment(settlement_of(message), self.desk.till)

    # -- all of it, many times -------------------------------------------------------------------------

    def much_happens(self, count: int) -> None:
        for _ in range(count):
            self.rng.choice(self.happenings())()
            self.every_unit_of_a_product_is_free_held_or_sold()
            self.every_unit_of_an_offer_is_free_held_or_redeemed()
            self.no_customer_redeems_more_than_it_may()
            self.an_order_has_a_deadline_while_it_holds()

    def happenings(self) -> list[Callable[[], None]]:
        """What may happen, the usual more often."""
        rng = self.rng
        line = rng.choice(list(PRODUCTS)), rng.randint(1, 3), rng.choice([None, *OFFERS])
        mood = rng.choice(["takes", "takes", "takes", "declines", "is silent", "takes and is silent"])
        meanwhile = rng.choice([None, None, None, "cancelled", "cancelled and settled"])
        return [
            *[lambda: self.place(rng.choice(CUSTOMERS), [line])] * 3,
            *[lambda: self.advance_some(rng.randint(1, 5))] * 4,
            *[lambda: self.process(2)] * 3,
            lambda: self.refund(rng.random() < 0.3, 1),
            lambda: self.redeem(rng.choice(CUSTOMERS), rng.choice(list(OFFERS))),
            lambda: self.sweep(rng.choice([1, HELD_FOR_S])),
            lambda: self.till_turns(mood, meanwhile),
            lambda: self.carrier_turns(rng.random() < 0.3),
            lambda: self.restock(rng.choice(list(PRODUCTS))),
            self.cancel,
            *[self.look, self.advance_what_was_seen] * 2,
            self.settle_one,
        ]

    # -- what must hold at any time --------------------------------------------------------------------

    def orders(self, statuses: frozenset[OrderStatus]) -> list[Order]:
        return [order for order in self.desk.world.orders.values() if order.status in statuses]

    def units(self, statuses: frozenset[OrderStatus], of: str) -> Counter[str]:
        """Units of the orders in these statuses that were not given back, by product or offer."""
        units: Counter[str] = Counter()
        for order in self.orders(statuses):
            for line in order.lines:
                units[getattr(line, of)] += line.quantity - line.refunded
        return units

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def every_unit_of_a_product_is_free_held_or_sold(self) -> None:
        held, sold = self.units(HOLDING, "product_id"), self.units(PAID, "product_id")
        for each, product in self.desk.world.products.items():
            assert (product.held_count, product.sold_count) == (held[each], sold[each])
            assert product.inventory_count + held[each] + sold[each] == product.received_count
            assert product.inventory_count >= 0

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def every_unit_of_an_offer_is_free_held_or_redeemed(self) -> None:
        held, bought = self.units(HOLDING, "offer_id"), self.units(PAID, "offer_id")
        for each, offer in self.desk.world.offers.items():
            redeemed = bought[each] + sum(self.redeemed[customer, each] for customer in CUSTOMERS)
            assert (offer.held_count, offer.redeemed_count) == (held[each], redeemed)
            assert offer.inventory_count + held[each] + redeemed == offer.received_count
            assert offer.inventory_count >= 0

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def no_customer_redeems_more_than_it_may(self) -> None:
        used = self.redeemed.copy()
        for order in self.orders(HOLDING | PAID):
            for line in order.lines:
                if line.offer_id is not None:
                    used[order.customer_id, line.offer_id] += line.quantity - line.refunded
        assert +Counter(self.desk.world.redemptions) == +used
        assert all(count <= 4 for (_, offer_id), count in used.items() if offer_id == "FREE")

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def histories_show_legal_transitions_without_gaps(self) -> None:
        for order in self.desk.world.orders.values():
            history = self.desk.store.history(order.order_id)
            assert [each.number for each in history] == list(range(1, order.version + 1))
            assert (history[0].before, history[0].after) == (None, OrderStatus.PENDING)
            assert history[-1].after is order.status
            for earlier, later in pairwise(history):
                assert later.before is earlier.after
                assert later.after in TRANSITIONS[earlier.after]

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def an_order_has_a_deadline_while_it_holds(self) -> None:
        for order in self.desk.world.orders.values():
            assert (order.hold_until is not None) == (order.status in HOLDING)
            assert order.refunded == sum(line.unit_paid * line.refunded for line in order.lines)

    # -- what must hold when all is done ---------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        self.till_turns("takes", None)
        self.post.away = False
        for number, order_id in enumerate(self.ids):
            if number % 2:
                process_order(order_id, self.processing)
            else:
                give_up(order_id, "gave up", self.processing)
        settlements = self.settlements()
        self.settle([*settlements[::2], *settlements, *settlements[1::3]])
        assert self.orders(IN_PROGRESS) == []
        assert self.desk.till.balance == sum(order.total - order.refunded for order in self.orders(PAID))


class TestOrders(Orders.TestCase):
    settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 200))
def test_laws_hold_through_a_long_day(seed: int, count: int) -> None:
    """Longer than a state machine's runs, which seldom get an order to its refunds."""
    shop = Orders()
    shop.begin(seed)
    shop.much_happens(count)
    shop.histories_show_legal_transitions_without_gaps()
    shop.teardown()
