"""The system in memory: its routes, and its consumers behind streams that behave as they are told."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from offerloop.batches import take_batch
from offerloop.clock import now_s
from offerloop.errors import Busy
from offerloop.offers.count_engagement import count_engagement
from offerloop.offers.engagement_messages import announced_event
from offerloop.offers.experiments import ExperimentStatus
from offerloop.offers.expire_offers import expire_offers
from offerloop.offers.model import EngagementEvent, OfferChange
from offerloop.offers.run_experiments import prepare_experiments
from offerloop.offers.watch_inventory import watch_inventory
from offerloop.orders.model import Order
from offerloop.orders.watch_orders import FORGOTTEN_AFTER_S
from offerloop.outbox import Message, Topic, first_unsent, publish, relay
from simulator.hunt.answers import DONE, Answer, is_accepted
from simulator.hunt.faults import Moment, ProcessDied, StoreFailed, at_risk
from simulator.hunt.ledger import Ledger
from simulator.hunt.order_functions import OrderFunctions
from simulator.hunt.script import (
    QUEUES,
    AdvanceOrder,
    Deliver,
    LoseWork,
    MinuteRules,
    PaymentsBehave,
    RepeatCharge,
    Step,
    Stream,
    Wait,
)
from simulator.hunt.shop import MemoryShop
from simulator.hunt.streams import RecordStream
from simulator.memory.activity import MemoryOutbox
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.ids import SeededIds
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.order_system import FOLLOW_UPS
from simulator.memory.world import MemoryWorld

STARTS_AT = 1_800_000_000  # epoch seconds; 2027-01-15 08:00:00 UTC
WHOLE_BATCH = 100
SURVIVED = (StoreFailed, Busy)  # what a function's batch may fail with; anything else is a finding
ORDER_TOPICS = FOLLOW_UPS | {Topic.ORDER_WORK}
MAX_TAKEN_UP = 3  # times that forgotten orders are waited for; each charge is answered when asked again
MAX_ROUNDS = 200  # of deliveries until nothing waits; more = consumers answer each other for ever


class NeverAtRest(Exception):
    """Consumers cause each other's deliveries without end."""


class SteppableClock(Protocol):
    """A clock that a script may move."""

    def now_ms(self) -> int: ...

    def move_on(self, seconds: int) -> None: ...


class ScriptClock:
    """Stands still until a script waits."""

    def __init__(self, starts_at: int = STARTS_AT) -> None:
        self._now_ms = starts_at * 1_000

    def now_ms(self) -> int:
        return self._now_ms

    def move_on(self, seconds: int) -> None:
        self._now_ms += seconds * 1_000


class MemorySystem:
    """One world with everything that a deployed system does about it.

    Attributes:
        stockout_edges: how often each offer's stock went from some to none.
        alerts: how often each stockout alert was sent.
        ledger: what accepted requests add up to.
        orders: the part that takes orders and carries them out.
    """

    def __init__(self, clock: SteppableClock | None = None, starts_at: int = STARTS_AT) -> None:
        self.clock = clock or ScriptClock(starts_at)
        self.world = MemoryWorld(self.clock)
        self.ledger, ids = Ledger(), SeededIds()
        self.orders = OrderFunctions(
            self.world,
            self.clock,
            ids,
            self.ledger,
            transport=_Transport(self),
            follow_up=self._follow_up,
            wait=self.clock.move_on,
        )
        self.shop = MemoryShop(self.world, self.clock, starts_at, ids, self.orders)
        self.inventory = MemoryInventoryStore(self.world)
        self.engagement, self.outbox = MemoryEngagementStore(self.world), MemoryOutbox(self.world)
        self.offers, self.experiments = MemoryOfferStore(self.world), MemoryExperimentStore(self.world)
        self.stockout_edges: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self._changes: RecordStream[OfferChange] = RecordStream(lambda change: change.offer_id)
        self._messages: RecordStream[Message] = RecordStream(lambda message: message.partition_key)
        self._published: RecordStream[EngagementEvent] = RecordStream(lambda event: event.user_id)
        self._preparing: RecordStream[str] = RecordStream(lambda experiment_id: experiment_id)
        self._ended: RecordStream[Order] = RecordStream(lambda order: order.order_id)
        self._prepared_to: object = None
        self._consumers: dict[Stream, tuple[RecordStream[Any], Consumer]] = {
            Stream.OFFERS: (self._changes, self._watch),
            Stream.OUTBOX: (self._messages, self._publish),
            Stream.ENGAGEMENT: (self._published, self._count),
            Stream.EXPERIMENTS: (self._preparing, self._prepare),
            Stream.ENDED_ORDERS: (self._ended, self._settle),
        }

    @property
    def now(self) -> int:
        return now_s(self.clock)

    def perform(self, step: Step) -> Answer:
        """Do one step; what it causes waits in the streams afterwards."""
        answer = DONE
        match step:
            case Wait():
                self.clock.move_on(step.seconds)
            case MinuteRules():
                expire_offers(store=self.offers, now=self.now)
                relay(now_ms=self.clock.now_ms(), transport=_Transport(self), outbox=self.outbox)
                self.orders.sweep()
            case Deliver() if step.stream in QUEUES:
                self.orders.deliver(step)
            case Deliver():
                self._deliver(step)
            case AdvanceOrder():
                self.orders.advance(step)
            case LoseWork():
                self.orders.lose_work()
            case PaymentsBehave():
                self.orders.behave(step)
            case RepeatCharge():
                self.orders.repeat_charge(step)
            case _:
                answer = self.shop.perform(step)
                if is_accepted(answer):
                    self.ledger.accepted(step, answer, self.now)
        self._collect()
        return answer

    def come_to_rest(self) -> None:
        """Let the minute rules run, and deliver everything until nothing waits.

        Time passes only where orders were forgotten with their queue, until they are taken up.

        Raises:
            NeverAtRest: consumers cause each other's deliveries without end.
        """
        self._run_dry()
        for _ in range(MAX_TAKEN_UP):
            if not self.world.open_orders:
                break
            self.clock.move_on(FORGOTTEN_AFTER_S + 1)
            self._run_dry()

    def _run_dry(self) -> None:
        self.perform(MinuteRules())
        for _ in range(MAX_ROUNDS):
            if not len(self.orders) and not any(len(stream) for stream, _ in self._consumers.values()):
                return
            for stream in Stream:
                if stream is not Stream.DEAD_LETTERS:  # nothing is given up that can be done
                    self.perform(Deliver(stream=stream, records=WHOLE_BATCH))
        raise NeverAtRest

    def _follow_up(self) -> None:
        """Publish what was written, and do what follows from orders."""
        self._collect()
        for stream in (Stream.OUTBOX, Stream.FOLLOW_UPS):
            self.perform(Deliver(stream=stream, records=WHOLE_BATCH))

    # -- deliveries ----------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Put what was written since into the streams that report it."""
        changes = self.world.drain_changes()
        self.stockout_edges.update(change.offer_id for change in changes if change.is_stockout)
        self._changes.put(changes)
        self._messages.put(self.world.drain_messages())
        self._ended.put(self.world.drain_ended_orders())
        live = self.world.live()
        if live is not None and live.status is ExperimentStatus.PREPARING and live != self._prepared_to:
            self._prepared_to = live
            self._preparing.put([live.experiment_id])

    def _deliver(self, step: Deliver) -> None:
        stream, consume = self._consumers[step.stream]
        again = stream.delivered_before(step.again, step.back)
        new = stream.take(step.records, shuffle=step.shuffle)
        if not (again or new):
            return

        def overtake() -> None:
            self._collect()
            others = stream.take(WHOLE_BATCH, but=[*again, *new])
            if others:
                consume(others, Moment(), ())
                stream.note_delivered(others)

        moment = Moment(step.dies_after, step.fails_after, step.overtaken_at, overtake)
        try:
            handled = consume([*again, *new], moment, step.refused)
        except ProcessDied:
            handled = 0
        if step.dies_after is not None:
            handled = 0  # also one that ends after its last write: its answer is lost
        done = max(0, handled - len(again))
        stream.note_delivered(new[:done])
        stream.put_back(new[done:])

    def _watch(self, changes: Sequence[OfferChange], moment: Moment, _: Collection[int]) -> int:
        store = at_risk(self.inventory, moment)
        return take_batch(
            changes,
            lambda batch: watch_inventory(batch, store=store, now=self.now),
            failures=SURVIVED,
        )

    def _publish(self, messages: Sequence[Message], moment: Moment, refused: Collection[int]) -> int:
        transport = _Transport(
            self, {messages[number].message_id for number in refused if number < len(messages)}
        )
        try:
            unsent = publish(messages, transport=transport, outbox=at_risk(self.outbox, moment))
        except StoreFailed:
            return 0
        return first_unsent(messages, unsent)

    def _count(self, events: Sequence[EngagementEvent], moment: Moment, _: Collection[int]) -> int:
        store = at_risk(self.engagement, moment)
        return take_batch(
            events,
            lambda batch: count_engagement(batch, store=store, now=self.now),
            failures=SURVIVED,
        )

    def _prepare(self, experiment_ids: Sequence[str], moment: Moment, _: Collection[int]) -> int:
        experiments, inventory = at_risk(self.experiments, moment), at_risk(self.inventory, moment)
        return take_batch(
            experiment_ids,
            lambda batch: prepare_experiments(
                batch, store=experiments, offers=self.offers, inventory=inventory
            ),
            failures=SURVIVED,
        )

    def _settle(self, orders: Sequence[Order], moment: Moment, _: Collection[int]) -> int:
        return take_batch(orders, self.orders.settling(moment), failures=SURVIVED)

    def take_message(self, message: Message) -> None:
        """What the transport does with one message."""
        if message.topic is Topic.STOCKOUT_ALERT:
            self.alerts[message.message_id] += 1
        elif message.topic in ORDER_TOPICS:
            self.orders.put(message)
        else:
            self._published.put([announced_event(message.body)])


Consumer = Callable[[Sequence[Any], Moment, Collection[int]], int]


class _Transport:
    """`Transport` that refuses some messages."""

    def __init__(self, system: MemorySystem, refused: Collection[str] = ()) -> None:
        self._system, self._refused = system, refused

    def send(self, messages: Sequence[Message]) -> frozenset[str]:
        accepted = [message for message in messages if message.message_id not in self._refused]
        for message in accepted:
            self._system.take_message(message)
        return frozenset(message.message_id for message in accepted)
