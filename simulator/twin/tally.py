"""What happens in the twin, counted by the hour and told to the sink."""

from offerloop.bonuses.model import EntryKind
from offerloop.bonuses.ports import AccountStep
from offerloop.clock import Clock
from offerloop.codes.model import Level, Pool
from offerloop.codes.runs import Run, RunStatus
from offerloop.errors import PoolEmpty
from offerloop.offers.choose_pivot import PivotDecision, PivotStep
from offerloop.offers.model import EventType
from offerloop.orders.model import OrderStatus
from offerloop.orders.ports import OrderStep
from simulator.shoppers.checkout import Checkout, ClaimedCode
from simulator.shoppers.population import Person, shopper_number
from simulator.shoppers.shop import Refused, Served, ShownOffer
from simulator.twin.catalogue import OfferNumbers
from simulator.twin.summary import NO_OFFER, NOBODY, REFUSAL_CODES, Counts, EventKind, EventSink, Hour

# Plain integers: an IntEnum's member costs a look-up and a conversion each time.
_RECOMMENDED, _REFUSED = int(EventKind.RECOMMENDED), int(EventKind.REFUSED)
_ARRIVED, _DEPARTED = int(EventKind.ARRIVED), int(EventKind.DEPARTED)
_TRACKED = {event_type: int(EventKind[event_type.name]) for event_type in EventType}
_COUNT_OF = ("views", "clicks", "carts", "redemptions", "dismissals")  # by EventKind VIEW..DISMISS
_REFUSAL_OF = {code: place for place, code in enumerate(REFUSAL_CODES)}
_OTHER = REFUSAL_CODES.index("other")
_ORDERED, _REDEMPTION, _BY_ORDER = int(EventKind.ORDERED), int(EventKind.REDEMPTION), -1
_ENDS = {
    OrderStatus.COMPLETED: int(EventKind.ORDER_COMPLETED),
    OrderStatus.FAILED: int(EventKind.ORDER_FAILED),
    OrderStatus.CANCELLED: int(EventKind.ORDER_CANCELLED),
    OrderStatus.PARTIALLY_REFUNDED: int(EventKind.ORDER_REFUNDED),
    OrderStatus.REFUNDED: int(EventKind.ORDER_REFUNDED),
}
_POINTS = {
    EntryKind.ISSUED: "points_earned",
    EntryKind.GIVEN_BACK: "points_given_back",
    EntryKind.CLAWED_BACK: "points_clawed_back",
}
_PIVOTS = {
    PivotStep.OPENED: (EventKind.PIVOT_OPENED, "pivots_opened"),
    PivotStep.MOVED: (EventKind.PIVOT_MOVED, "pivots_moved"),
    PivotStep.CLOSED: (EventKind.PIVOT_CLOSED, "pivots_closed"),
}


class TwinTally:
    """`Witness` of the shoppers, reporter of pivots, and notebook of everything else.

    Attributes:
        hour: counts of the simulated hour that is under way.
        hours: those that have ended since the warm-up.
        sold: units per category since the warm-up, by its place in the scenario.
        open_pivots: pivots that stand in for a sold-out offer now.
        events: told to the sink so far.
    """

    def __init__(self, clock: Clock, numbers: OfferNumbers, sink: EventSink | None, categories: int) -> None:
        self._clock, self._numbers = clock, numbers
        self._event = sink.event if sink is not None else None
        self._tracked = [0] * len(_COUNT_OF)  # of this hour: a list counts faster than named attributes
        self.hour = Counts()
        self.hours: list[Hour] = []
        self.sold = [0] * categories
        self.open_pivots = 0
        self.events = 0
        self._empty_since_ms: dict[str, int] = {}  # by pool

    # -- hours -----------------------------------------------------------------------------------------

    def end_hour(self, units_left: int, offers_in_stock: int) -> None:
        """Close the hour under way and begin the next."""
        for name, count in zip(_COUNT_OF, self._tracked, strict=True):
            setattr(self.hour, name, count)
        for pool_id in self._empty_since_ms:
            self._count_empty(pool_id)
        self.hours.append(Hour(self.hour, units_left, offers_in_stock, self.open_pivots))
        self.hour, self._tracked = Counts(), [0] * len(_COUNT_OF)

    def forget(self) -> None:
        """Leave out everything so far: the warm-up has ended."""
        self.hours, self.sold = [], [0] * len(self.sold)

    def totals(self) -> Counts:
        """All hours since the warm-up together."""
        totals = Counts()
        for hour in self.hours:
            totals.add(hour.counts)
        return totals

    # -- shoppers (`Witness`) --------------------------------------------------------------------------

    def arrived(self, person: Person) -> None:
        self.hour.shoppers_arrived += 1
        self.note(_ARRIVED, person.number, NO_OFFER, person.segment)

    def served(self, person: Person, served: Served) -> None:
        hour, offers = self.hour, served.offers
        hour.recommendations += 1
        if offers:
            hour.offers_served += len(offers)
            if self.open_pivots:
                hour.boosted_offers_served += sum([offer.priority_boost > 0 for offer in offers])
            first = self._numbers[offers[0].offer_id]
        else:
            hour.empty_lists += 1
            first = NO_OFFER
        self.note(_RECOMMENDED, person.number, first, len(offers))

    def refused(self, person: Person, refused: Refused) -> None:
        self._refuse(person, NO_OFFER, refused)

    def tracked(
        self, person: Person, place: int, offer: ShownOffer, event_type: EventType, refused: Refused | None
    ) -> None:
        number = self._numbers[offer.offer_id]
        if refused is not None:
            self._refuse(person, number, refused)
            return
        kind = _TRACKED[event_type]
        self._tracked[kind] += 1
        if event_type is EventType.REDEMPTION:
            self.sold[self._numbers.category_of(number)] += 1
        self.note(kind, person.number, number, place)

    def left(self, person: Person, *, pleased: bool, converted: bool, missed_out: bool) -> None:
        hour = self.hour
        hour.sessions += 1
        hour.fruitless += not pleased
        hour.converted += converted
        hour.missed_out += missed_out

    def departed(self, person: Person, visits: int) -> None:
        self.hour.shoppers_departed += 1
        self.note(_DEPARTED, person.number, NO_OFFER, visits)

    def _refuse(self, person: Person, offer: int, refused: Refused) -> None:
        place = _REFUSAL_OF.get(refused.code, _OTHER)
        name = "lost_sales" if place == 0 else f"refused_{REFUSAL_CODES[place]}"
        setattr(self.hour, name, getattr(self.hour, name) + 1)
        self.note(_REFUSED, person.number, offer, place)

    # -- purchases (`PurchaseWitness`) -----------------------------------------------------------------

    def ordered(self, person: Person, checkout: Checkout, refused: Refused | None) -> None:
        offer = checkout.lines[0].offer
        number = NO_OFFER if offer is None else self._numbers[offer.offer_id]
        if refused is not None:
            self.hour.orders_refused += 1
            self._refuse(person, number, refused)
            return
        self.hour.orders_placed += 1
        self.hour.units_ordered += checkout.units
        self.hour.cents_ordered += checkout.total
        if checkout.code is not None:
            self.hour.orders_with_code += 1
            self.hour.cents_by_code += checkout.code_discount
        if checkout.use_bonus:
            self.hour.orders_with_points += 1
            self.hour.points_used += checkout.use_bonus
        self.note(_ORDERED, person.number, number, checkout.total)

    def claimed(self, person: Person, answer: ClaimedCode | Refused) -> None:
        if not isinstance(answer, Refused):
            self.hour.codes_claimed += 1
            self.note(EventKind.CODE_CLAIMED, person.number, NO_OFFER, answer.amount)
            return
        self.hour.claims_refused += 1
        self.hour.claims_of_empty_pool += answer.code == PoolEmpty.code

    def counted_points(self, person: Person, answer: int | Refused) -> None:
        if isinstance(answer, Refused):
            self._refuse(person, NO_OFFER, answer)

    def looked_up(self, person: Person, status: OrderStatus | Refused) -> None:
        if isinstance(status, Refused):
            self._refuse(person, NO_OFFER, status)

    def called_off(self, person: Person, refused: Refused | None) -> None:
        """What it comes to is told by the order's transition; too late is no refusal worth counting."""

    def gave_back(self, person: Person, refused: Refused | None) -> None:
        if refused is not None:
            self._refuse(person, NO_OFFER, refused)

    # -- the shop --------------------------------------------------------------------------------------

    def order_moved(self, step: OrderStep) -> None:
        """A transition of an order."""
        order, before = step.after, step.before
        kind = _ENDS.get(order.status)
        if kind is None:
            return
        hour, value = self.hour, order.total
        if order.status is OrderStatus.COMPLETED:
            hour.orders_completed += 1
            hour.cents_taken += value
            hour.order_seconds += (order.updated_at_ms - order.placed_at_ms) // 1_000
        elif order.status is OrderStatus.FAILED:
            hour.orders_failed += 1
        elif order.status is OrderStatus.CANCELLED:
            hour.orders_cancelled += 1
        else:
            hour.orders_refunded += 1
            value = order.refunded - (0 if before is None else before.refunded)
            hour.cents_given_back += value
        self.note(kind, NOBODY, NO_OFFER, value)

    def redeemed(self, user_id: str, offer_id: str, units: int) -> None:
        """Redemptions that a completed order led to."""
        number = self._numbers[offer_id]
        self._tracked[_REDEMPTION] += units
        self.sold[self._numbers.category_of(number)] += units
        for _ in range(units):
            self.note(_REDEMPTION, shopper_number(user_id), number, _BY_ORDER)

    def booked(self, step: AccountStep) -> None:
        """What was written about the points of an order that ended."""
        for entry in step.entries:
            name = _POINTS.get(entry.kind)
            if name is not None:
                setattr(self.hour, name, getattr(self.hour, name) + entry.amount)

    def run_moved(self, run: Run, _pool: Pool | None, _level: Level | None) -> None:
        """A replenishment run was asked for, or has ended."""
        if run.status is RunStatus.REQUESTED:
            self.hour.code_runs += 1
        elif run.status is RunStatus.DONE:
            self.hour.codes_added += run.added
            self.note(EventKind.POOL_REFILLED, NOBODY, NO_OFFER, run.added)
        else:
            self.hour.code_runs_failed += 1
            self.note(EventKind.RUN_FAILED, NOBODY, NO_OFFER, run.attempts)

    def pool_stands_at(self, pool_id: str, level: Level) -> None:
        """The level of a pool may have changed."""
        if level.free:
            self._count_empty(pool_id)
            self._empty_since_ms.pop(pool_id, None)
        elif pool_id not in self._empty_since_ms:
            self._empty_since_ms[pool_id] = self._clock.now_ms()
            self.hour.pool_stockouts += 1
            self.note(EventKind.POOL_EMPTY, NOBODY, NO_OFFER, 0)

    def _count_empty(self, pool_id: str) -> None:
        """Count for how long a pool has been empty that is, since it ran out or was last counted."""
        now_ms = self._clock.now_ms()
        since_ms = self._empty_since_ms.get(pool_id)
        if since_ms is not None:
            self.hour.pool_empty_ms += now_ms - since_ms
            self._empty_since_ms[pool_id] = now_ms

    def pivot(self, decision: PivotDecision) -> None:
        """A step of a pivot, as the inventory monitor reports it."""
        kind, name = _PIVOTS[decision.step]
        hour, offer = self.hour, self._numbers[decision.pivot.from_offer]
        setattr(hour, name, getattr(hour, name) + 1)
        if decision.step is PivotStep.OPENED:
            hour.stockouts += 1
            self.open_pivots += 1
            self.note(EventKind.STOCKOUT, NOBODY, offer, 0)
        if decision.step is PivotStep.CLOSED:
            self.open_pivots -= 1
        elif decision.target is None:
            hour.pivots_without_target += 1
        target = NO_OFFER if decision.target is None else self._numbers[decision.target.offer_id]
        self.note(kind, NOBODY, offer, target if decision.step is not PivotStep.CLOSED else NO_OFFER)

    def note(self, kind: int, user: int, offer: int, value: int) -> None:
        """Tell one event to the sink."""
        self.events += 1
        if self._event is not None:
            self._event(self._clock.now_ms(), int(kind), user, offer, value)
