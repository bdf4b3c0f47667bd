"""Recorded baskets as orders: every quantity has an outcome, returns are refunds, nothing happens twice."""

import itertools
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from offerloop.errors import Refusal
from offerloop.idempotency import IdempotentRequest
from offerloop.offers.model import DiscountType, EventType
from offerloop.orders.model import IN_PROGRESS, OrderStatus
from offerloop.orders.place_order import PlaceOrder
from offerloop.orders.pricing import RequestedLine
from offerloop.orders.process_order import process_order
from offerloop.orders.refund_order import RefundedLine, refund_order
from simulator.replay.backlog import Backlog
from simulator.replay.catalogue import catalogue, goods
from simulator.replay.final import give_back, wait_until_final
from simulator.replay.ledger import GIVEN_BACK
from simulator.replay.mapping import Events, Mapping, Orders, read_mapping
from simulator.replay.ordering import Ordering
from simulator.replay.progress import BoughtBy, CannotResume, Progress
from simulator.replay.recorder import record
from simulator.replay.recording import Line, OddQuantity, Recording, Return, Session
from simulator.replay.report import order_table, summary_table, write_quantities, write_unmatched
from simulator.replay.run import Pace, Replay
from simulator.replay.sessions import SessionPlayer, ShopGone
from simulator.shoppers.checkout import BasketLine, Checkout, OrderNews, OrderState
from simulator.shoppers.shop import UNREACHABLE, Refused, Served, ServedOffer, ShownOffer
from simulator.shoppers.streams import Streams
from tests.factories import an_offer
from tests.orders import ADDRESS, a_product, an_order_desk

DATA = Path(__file__).resolve().parents[1] / "data" / "replay"
TILL = read_mapping(DATA / "till.yaml")
API = "http://shop/prod"
MILK = a_product("T-milk", category="dairy", price=120, inventory_count=1000)
BREAD = a_product("T-bread", category="bakery", price=170, inventory_count=1000)
TEN_PERCENT = ServedOffer("T-milk", "dairy", DiscountType.PERCENTAGE, 1000, 50)


class MemoryTill:
    """A till on the real use cases in memory; orders are carried on by `process`, or when they are asked for.

    Attributes:
        served: what every recommendation answers.
        accepts: requests after which it is gone.
        processes: whether asking for orders carries them on.
    """

    def __init__(self, *products, served: Sequence[ShownOffer] = (), accepts: int = 10**9) -> None:
        self.desk = an_order_desk(*products)
        self.served, self.accepts, self.processes = tuple(served), accepts, True
        self.events: list[tuple[str, str, str]] = []
        self.refunds: list[tuple[str, str, int]] = []
        self._lock = threading.Lock()

    def recommend(self, user_id: str) -> Served:
        return Served(self.served, len(self.served))

    def track(
        self, user_id: str, offer_id: str, category: str, event_type: EventType, key: str | None = None
    ) -> None:
        self.events.append((user_id, offer_id, event_type.value))

    def products(self) -> Refused:
        return Refused("not_asked_for")

    def check_out(self, checkout: Checkout, key: str | None = None) -> str | Refused:
        lines = tuple(
            RequestedLine(
                line.product.product_id, line.quantity, line.product.price, line.offer and line.offer.offer_id
            )
            for line in checkout.lines
        )
        command = PlaceOrder(checkout.customer_id, lines, checkout.total, "someone@shop.test", ADDRESS)
        return self._answer(lambda: self.desk.place(command, request=_request(key, command)))

    def order_status(self, order_id: str) -> OrderStatus:
        return self.desk.store.get(order_id).status

    def cancel(self, order_id: str) -> Refused:
        return Refused("not_asked_for")

    def refund(
        self, order_id: str, lines: Sequence[RefundedLine] = (), key: str | None = None
    ) -> Refused | None:
        desk, request = self.desk, _request(key, (order_id, lines))
        answer = self._answer(
            lambda: refund_order(order_id, lines, store=desk.store, clock=desk.clock, request=request)
        )
        if isinstance(answer, Refused):
            return answer
        [line] = lines
        self.refunds.append((order_id, line.product_id, line.quantity))
        return None

    def orders_of(self, customer_id: str, cursor: str | None = None) -> OrderNews | Refused:
        if self.processes:
            self.process()
        page = self.desk.store.of_customer(customer_id, 2, cursor)
        return OrderNews(
            {order.order_id: OrderState(order.status, order.reason) for order in page.orders}, page.cursor
        )

    def process(self) -> None:
        with self._lock:
            for order_id in self.desk.world.orders:
                process_order(order_id, self.desk.processing)

    def bought(self) -> list[tuple[str, OrderStatus, list[tuple[str, int, int]]]]:
        """Customer, status and (product, units, price) per order."""
        return [
            (
                order.customer_id,
                order.status,
                [(line.product_id, line.quantity, line.unit_price) for line in order.lines],
            )
            for order in self.desk.world.orders.values()
        ]

    def _answer(self, call):
        with self._lock:
            self.accepts -= 1
            if self.accepts < 0:
                return UNREACHABLE
            try:
                return call()
            except Refusal as refusal:
                return Refused(refusal.code)


def _request(key: str | None, body: object) -> IdempotentRequest | None:
    return None if key is None else IdempotentRequest.of("till", key, repr(body).encode())


@pytest.fixture
def recording(tmp_path: Path):
    record(DATA / "till.csv", TILL, 1, tmp_path / "r.sqlite")
    with Recording(tmp_path / "r.sqlite", TILL) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "progress.sqlite"


def started(path: Path) -> Progress:
    return Progress.start(path, API, int(time.time()), BoughtBy.ORDERS)


def ordering_of(till: MemoryTill, progress: Progress, rules: Orders, units_per_offer: int = 0) -> Ordering:
    world = till.desk.world
    return Ordering(
        till,
        progress.run_id,
        world.products,
        progress.ledger,
        rules.use_offers,
        world.offers,
        units_per_offer,
    )


def replayed(till: MemoryTill, progress: Progress, sessions, rules: Orders | None = None, **changes) -> bool:
    ordering = ordering_of(till, progress, rules or Orders(use_offers="never"), **changes)
    player = SessionPlayer(till, progress.run_id, Events(), Streams(1), ordering)
    run = Replay(player, progress, workers=3, pace=Pace(None), stopping=threading.Event())
    return run.play(iter(sessions))


def final(till: MemoryTill, progress: Progress, **options) -> bool:
    waits = {"workers": 2, "stopping": threading.Event()} | options
    return wait_until_final(till, progress.ledger, **waits)


def returned(till: MemoryTill, progress: Progress, returns) -> bool:
    return give_back(
        till, progress.ledger, returns, run_id=progress.run_id, workers=2, stopping=threading.Event()
    )


def till_for(recording: Recording, mapping: Mapping = TILL) -> MemoryTill:
    assert mapping.orders is not None
    till = MemoryTill(*goods(recording, mapping.orders))
    for offer in catalogue(recording, mapping, 1, 0):
        till.desk.world.put_offer(offer)
    return till


def a_basket(number: int = 0, *lines: Line, customer: str = "C-ann") -> Session:
    wanted = lines or (Line("T-milk", "dairy", 2, 250),)
    return Session(
        number, customer, 60 * number, tuple((line.product_id, line.category) for line in wanted), wanted
    )


def test_every_odd_quantity_of_a_recording_has_its_outcome_and_its_line(recording, tmp_path):
    assert list(recording.odd_quantities()) == [
        OddQuantity(3, "zero_quantity", 0.0, 0),
        OddQuantity(4, "absurd_quantity", 9645.0, 1),
        OddQuantity(5, "fractional_quantity", 0.454, 1),
        OddQuantity(7, "absurd_quantity", 1e300, 1),
        OddQuantity(10, "fractional_quantity", -0.2, 1),
        OddQuantity(13, "zero_quantity", 0.0, 0),
    ]
    assert recording.quantity_counts() == {
        ("zero_quantity", True): 2,
        ("absurd_quantity", False): 2,
        ("fractional_quantity", False): 2,
    }
    assert list(recording.faults()) == []
    assert write_quantities(recording.odd_quantities(), tmp_path / "q.csv") == 6
    assert "7,absurd_quantity,1e+300,1" in (tmp_path / "q.csv").read_text()


def test_a_price_is_the_middle_one_of_what_a_unit_cost_and_at_least_a_cent(recording):
    prices = {product.offer_id: product.price_hundredths for product in recording.products()}

    assert prices["T-milk"] == 120  # 1.20, 1.33 and 1.00; returns say nothing
    assert prices["T-petrol"] == 2169  # of 21.69 and 25.00 the lower
    assert (prices["T-cheese"], prices["T-free"]) == (530, 1)
    assert prices["T-bread"] is None  # nobody has a unit of it
    assert "T-bread" not in {product.product_id for product in goods(recording, Orders())}


def test_a_recording_becomes_orders_and_its_returns_become_refunds(recording, path, tmp_path):
    till, progress = till_for(recording), started(path)

    assert replayed(till, progress, recording.sessions())
    assert final(till, progress)
    assert returned(till, progress, recording.returns())

    orders = sorted(till.bought())
    basket = [f"T-i{number:02d}" for number in range(1, 24)]
    assert [(customer, len(lines)) for customer, _, lines in orders if customer == "C-cy"] == [
        ("C-cy", 1),
        ("C-cy", 20),
        ("C-cy", 3),
    ]
    assert {lines[0] for _, _, lines in orders if lines[0][0] == basket[0]} == {("T-i01", 3, 100)}
    # Of ann's two milks that came back, one is of her last order, one of the order before.
    assert [(customer, status, lines) for customer, status, lines in orders if customer == "C-ann"] == [
        (
            "C-ann",
            OrderStatus.PARTIALLY_REFUNDED,
            [("T-milk", 2, 120), ("T-petrol", 1, 2169), ("T-cheese", 1, 530)],
        ),
        ("C-ann", OrderStatus.REFUNDED, [("T-milk", 1, 120)]),
    ]
    assert sorted((product, units) for _, product, units in till.refunds) == [
        ("T-cheese", 1),
        ("T-milk", 1),
        ("T-milk", 1),
        ("T-milk", 3),
    ]
    # Bob never bought bread, and had three milks where nine came back.
    assert [
        (each.line, each.product_id, each.units, each.matched) for each in progress.ledger.unmatched()
    ] == [
        (11, "T-bread", 1, 0),
        (12, "T-milk", 9, 3),
    ]
    assert write_unmatched(progress.ledger.unmatched(), tmp_path / "returns.csv") == 2


def test_the_figures_of_a_run_are_those_of_the_shop(recording, path):
    till, progress = till_for(recording), started(path)
    assert replayed(till, progress, recording.sessions())
    assert final(till, progress)
    assert returned(till, progress, recording.returns())

    account, books = progress.ledger.account(), till.desk.world.orders.values()
    assert account.orders == len(books) == 6
    assert (account.sessions, account.split) == (5, 1)
    assert account.statuses == {"COMPLETED": 6}  # as they were when they became final
    assert account.total == account.full_price == account.completed == sum(order.total for order in books)
    assert account.units == sum(order.units for order in books)
    assert account.refunded == sum(order.refunded for order in books) == 530 + 5 * 120
    assert (account.returned, account.matched) == (13, 6)
    assert account.refunds == {GIVEN_BACK: 4}
    assert account.recorded == 240 + 2169 + 530 + 400 + 2500 + 100 + sum(range(1, 24)) * 100 + 200
    rows = dict(zip(*(column.cells for column in order_table(recording, progress).columns), strict=True))
    assert (rows["orders"], rows["refunded"], rows["rows: zero_quantity, left out"]) == ("6", "11.30", "2")
    assert summary_table(recording, progress, BoughtBy.ORDERS, 0.5).row_count > 0


def test_no_redemption_is_sent_for_what_is_ordered_and_baskets_without_units_are_visits(recording, path):
    till, progress = till_for(recording), started(path)
    assert replayed(till, progress, recording.sessions())

    assert till.events == []
    assert progress.outcome.requests == {"RECOMMEND": 8, "ORDER": 6}


def test_a_served_offer_goes_on_the_line_of_its_product_or_the_first_of_its_category(path):
    other = ServedOffer("T-bread", "bakery", DiscountType.FIXED_AMOUNT, 20, 5)
    foreign = ServedOffer("OFF001", "dairy", DiscountType.PERCENTAGE, 2500, 5)
    till = MemoryTill(MILK, BREAD, a_product("T-rolls", category="bakery", price=40))
    ordering = ordering_of(till, started(path), Orders(use_offers="served"))
    basket = a_basket(0, Line("T-rolls", "bakery", 1, 40), Line("T-milk", "dairy", 2, 240))

    assert ordering.offers_for(basket, [foreign, TEN_PERCENT, other]) == {
        "T-milk": TEN_PERCENT,
        "T-rolls": other,
    }
    both = a_basket(1, *basket.lines, Line("T-bread", "bakery", 1, 170))
    assert ordering.offers_for(both, [other]) == {"T-bread": other}


def test_an_order_with_an_offer_redeems_it_and_costs_less(path):
    till, progress = MemoryTill(MILK, BREAD, served=[TEN_PERCENT]), started(path)
    offer = an_offer("T-milk", category="dairy", discount_hundredths=1000, redemptions_per_user=0)
    till.desk.world.put_offer(offer)
    rules = Orders(use_offers="served")

    assert replayed(till, progress, [a_basket(), a_basket(1, Line("T-bread", "bakery", 1, 170))], rules)
    assert final(till, progress)

    account = progress.ledger.account()
    assert (account.total, account.full_price) == (2 * 108 + 170, 2 * 120 + 170)
    assert till.desk.world.offers["T-milk"].redeemed_count == 2
    assert progress.outcome.redeemed == {"dairy": 2}


def test_an_offer_for_one_unit_is_used_on_one_unit_and_the_rest_is_at_full_price(path):
    till, progress = MemoryTill(MILK, served=[TEN_PERCENT]), started(path)
    till.desk.world.put_offer(an_offer("T-milk", category="dairy", discount_hundredths=1000))

    session = a_basket(0, Line("T-milk", "dairy", 3, 360))
    assert replayed(till, progress, [session], Orders(use_offers="served"), units_per_offer=1)

    [order] = till.desk.world.orders.values()
    assert [(line.quantity, line.offer_id, line.unit_paid) for line in order.lines] == [
        (1, "T-milk", 108),
        (2, None, 120),
    ]


def test_an_offer_that_is_refused_costs_the_basket_its_discount_and_nothing_else(path):
    till, progress = MemoryTill(MILK, served=[TEN_PERCENT]), started(path)  # the shop has no such offer

    assert replayed(till, progress, [a_basket()], Orders(use_offers="served"))

    assert progress.outcome.refusals == {"unknown_offer": 1}
    assert (progress.ledger.account().total, progress.outcome.not_placed) == (240, 0)


def test_always_puts_each_product_s_own_offer_on_its_line(path):
    till, progress = MemoryTill(MILK, BREAD), started(path)
    till.desk.world.put_offer(
        an_offer("T-milk", category="dairy", discount_hundredths=1000, redemptions_per_user=0)
    )

    assert replayed(till, progress, [a_basket()], Orders(use_offers="always"))
    assert progress.ledger.account().total == 2 * 108


def test_an_order_that_the_shop_refuses_is_counted_and_the_run_goes_on(path):
    till, progress = MemoryTill(MILK), started(path)
    del till.desk.world.products["T-milk"]
    ordering = Ordering(till, progress.run_id, {"T-milk": MILK}, progress.ledger, "never", {}, 0)
    player = SessionPlayer(till, progress.run_id, Events(), Streams(1), ordering)

    outcome = player.play(a_basket())

    assert (outcome.not_placed, outcome.placed, outcome.refusals) == (1, [], {"product_not_sold": 1})


def test_a_line_of_more_units_than_an_order_takes_becomes_several(path):
    till, progress = MemoryTill(MILK), started(path)

    assert replayed(till, progress, [a_basket(0, Line("T-milk", "dairy", 2_500, 3_000))])

    assert [lines for _, _, lines in till.bought()] == [
        [("T-milk", 1000, 120), ("T-milk", 1000, 120), ("T-milk", 500, 120)]
    ]
    assert progress.ledger.account().recorded == 3_000


def test_a_failed_order_is_final_with_its_reason_and_gives_nothing_back(path):
    till, progress = (
        MemoryTill(a_product("T-milk", category="dairy", price=120, inventory_count=1)),
        started(path),
    )

    assert replayed(till, progress, [a_basket()])
    assert final(till, progress)
    assert returned(till, progress, [Return(9, 1, "C-ann", "T-milk", 1)])

    account = progress.ledger.account()
    assert account.statuses == {"FAILED": 1}
    assert account.reasons == {"T-milk is out of stock: 2 ordered, 1 left": 1}
    assert (account.completed, account.matched, till.refunds) == (0, 0, [])


def test_a_return_never_takes_from_a_later_order_nor_twice_from_the_same(path):
    till, progress = MemoryTill(MILK), started(path)
    sessions = [a_basket(0), a_basket(2), a_basket(1, customer="C-bob")]
    assert replayed(till, progress, sessions)
    assert final(till, progress)

    returns = [Return(9, 1, "C-ann", "T-milk", 3), Return(10, 3, "C-ann", "T-milk", 3)]
    assert returned(till, progress, returns)

    assert [(each.line, each.matched) for each in progress.ledger.unmatched()] == [(9, 2), (10, 2)]
    assert progress.ledger.account().refunded == 4 * 120
    assert till.desk.world.products["T-milk"].sold_count == 2  # bob's


def test_waiting_for_orders_ends_when_none_becomes_final_for_too_long_or_when_told_to(path):
    till, progress = MemoryTill(MILK), started(path)
    till.processes = False
    assert replayed(till, progress, [a_basket()])

    assert not final(till, progress, stalled_after_s=0.0)
    stopping = threading.Event()
    stopping.set()
    assert not final(till, progress, stopping=stopping)
    assert [sorted(mine) for mine in progress.ledger.open_orders().values()] == [list(till.desk.world.orders)]


def test_an_interrupted_run_goes_on_and_places_and_refunds_nothing_twice(recording, path):
    """Cut off after two requests each time, and resumed until it is through."""
    till, parts = till_for(recording), 0
    progress = started(path)
    while parts < 50:
        till.accepts = 2
        try:
            assert replayed(till, progress, recording.sessions())
            assert final(till, progress)
            assert returned(till, progress, recording.returns())
            break
        except ShopGone:
            parts += 1
            progress.close()
            progress = Progress.resume(path, API, int(time.time()), BoughtBy.ORDERS)

    assert 3 < parts < 50
    assert (len(till.bought()), progress.ledger.account().orders) == (6, 6)
    assert progress.ledger.account().refunded == 530 + 5 * 120
    assert sum(units for _, _, units in till.refunds) == 6


def test_a_basket_that_is_replayed_again_carries_the_offers_that_it_was_first_given(path):
    """The shop would serve another offer now; under the same key the same order must be sent."""
    till = MemoryTill(MILK, served=[TEN_PERCENT])
    till.desk.world.put_offer(
        an_offer("T-milk", category="dairy", discount_hundredths=1000, redemptions_per_user=0)
    )
    killed, rules = started(path), Orders(use_offers="served")
    ordering = ordering_of(till, killed, rules)
    SessionPlayer(till, killed.run_id, Events(), Streams(1), ordering).play(a_basket())
    killed.close()  # nothing was noted

    till.served = ()
    resumed = Progress.resume(path, API, int(time.time()), BoughtBy.ORDERS)
    assert replayed(till, resumed, [a_basket()], rules)

    assert len(till.bought()) == resumed.ledger.account().orders == 1
    assert resumed.ledger.account().total == 2 * 108
    assert resumed.outcome.refusals == {}


def test_a_run_is_resumed_as_what_it_was_begun(path):
    started(path).close()

    with pytest.raises(CannotResume, match="BASKETS=orders"):
        Progress.resume(path, API, int(time.time()), BoughtBy.EVENTS)


def test_as_events_returns_send_nothing_and_every_product_counts_once_whatever_its_quantity(recording, path):
    till, progress = till_for(recording), Progress.start(path, API, int(time.time()))
    player = SessionPlayer(till, progress.run_id, Events(), Streams(1))
    run = Replay(player, progress, workers=3, pace=Pace(None), stopping=threading.Event())

    assert run.play(recording.sessions())

    assert sorted(till.events)[:4] == [
        ("C-ann", "T-bread", "REDEMPTION"),
        ("C-ann", "T-cheese", "REDEMPTION"),
        ("C-ann", "T-milk", "REDEMPTION"),
        ("C-ann", "T-milk", "REDEMPTION"),
    ]
    assert len(till.events) == recording.purchase_count == 4 + 2 + 1 + 1 + 23 + 1
    assert till.desk.world.orders == {}


class Stopwatch:
    """A monotonic clock that stands where it is put."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def has_room(backlog: Backlog, watch: Stopwatch, *at_s: float) -> list[bool]:
    found = []
    for watch.at_s in at_s:
        found.append(backlog.has_room())
    return found


def one_milk(till: MemoryTill) -> str:
    return str(till.check_out(Checkout("C-ann", (BasketLine(MILK, 1),))))


def test_no_more_is_placed_while_too_many_orders_are_open():
    """Those from the middle on are asked about in turn; one that is final speaks for the older half."""
    till, watch = MemoryTill(MILK), Stopwatch()
    placed = [one_milk(till) for _ in range(10)]
    backlog = Backlog(till, most=10, monotonic=watch)
    backlog.add(placed[:9])
    assert has_room(backlog, watch, 0.0) == [True]
    backlog.add(placed[9:])

    assert has_room(backlog, watch, 1.0, 1.1, 2.0) == [False, False, False]
    process_order(placed[8], till.desk.processing)  # numbers 5 and 6 were asked about
    assert has_room(backlog, watch, 3.0, 4.0) == [False, True]


def test_a_single_order_that_is_final_makes_room():
    till, watch = MemoryTill(MILK), Stopwatch()
    backlog = Backlog(till, most=1, monotonic=watch)
    backlog.add([one_milk(till)])
    till.process()

    assert has_room(backlog, watch, 1.0) == [True]


def test_orders_that_stand_still_hold_nothing_up_for_ever():
    till, watch = MemoryTill(MILK), Stopwatch()
    backlog = Backlog(till, most=1, monotonic=watch)
    backlog.add([one_milk(till)])

    assert has_room(backlog, watch, 1.0, 100.0, 400.0, 420.0) == [False, False, False, True]


def test_a_run_never_has_many_more_orders_open_than_it_may(path):
    till, progress, most = MemoryTill(MILK), started(path), 0
    backlog = Backlog(till, most=5, monotonic=itertools.count().__next__)
    status = till.order_status

    def look_and_process(order_id: str) -> OrderStatus:
        nonlocal most
        most = max(most, sum(order.status in IN_PROGRESS for order in till.desk.world.orders.values()))
        till.process()
        return status(order_id)

    till.order_status = look_and_process
    sessions = [a_basket(number, customer=f"C-{number}") for number in range(40)]
    ordering = ordering_of(till, progress, Orders(use_offers="never"))
    player = SessionPlayer(till, progress.run_id, Events(), Streams(1), ordering)
    run = Replay(player, progress, workers=2, pace=Pace(None), stopping=threading.Event(), backlog=backlog)

    assert run.play(iter(sessions))
    assert len(till.bought()) == 40
    assert most <= 5 + 2
