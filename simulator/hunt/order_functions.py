"""The functions behind the queues of orders, on stores and a payment service at risk, and the queues.

SQS gives no order: each message waits for itself, is taken at least once, and comes back when it was not
handled. What the processor gives up, the reconciler may take at any time: a queue counts receives, and any
number of them may have been in vain.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from offerloop.clock import Clock, Ids
from offerloop.errors import PaymentUnavailable, Refusal, TryAgain
from offerloop.offers.ports import TrackedEvent
from offerloop.orders.model import Order
from offerloop.outbox import Message, Topic, Transport
from offerloop.standins.payments import Behaviour
from simulator.hunt.faults import Moment, ProcessDied, StoreFailed, at_risk
from simulator.hunt.ledger import Ledger
from simulator.hunt.script import (
    AdvanceOrder,
    ContestedStep,
    Deliver,
    PaymentsBehave,
    RepeatCharge,
    Rival,
    Stream,
)
from simulator.hunt.streams import RecordStream
from simulator.memory.activity import MemoryActivityStore
from simulator.memory.order_system import OrderStores, OrderSystem
from simulator.memory.payments import MemoryGateway
from simulator.memory.world import MemoryWorld

PAUSE_S = 16 * 60  # longer than an order may hold stock
WHOLE_QUEUE = 100
SURVIVED = (StoreFailed, TryAgain)  # after these a message comes back; anything else is a finding


class OrderFunctions:
    """What takes orders and carries them out.

    Args:
        transport: of messages that the sweeper sends.
        follow_up: publishes what waits, and delivers everything that follows from orders.
        wait: lets so many seconds pass.
    Attributes:
        api: what nothing happens to.
        names: ids of orders by their names in the script.
        told: how often each notice was sent, by the id of the message that asks for it.
    """

    def __init__(
        self,
        world: MemoryWorld,
        clock: Clock,
        ids: Ids,
        ledger: Ledger,
        *,
        transport: Transport,
        follow_up: Callable[[], None],
        wait: Callable[[int], None],
    ) -> None:
        self._clock, self._ids, self._ledger = clock, ids, ledger
        self._transport, self._follow_up, self._wait = transport, follow_up, wait
        self.payments = MemoryGateway()
        self._stores = replace(OrderStores.of(world, self.payments), activity=_BookedActivity(world, ledger))
        self.api = self._system(self._stores)
        self.names: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self._work: RecordStream[Message] = RecordStream(lambda message: message.message_id)
        self._follow_ups: RecordStream[Message] = RecordStream(lambda message: message.message_id)
        self._consumers: dict[Stream, tuple[RecordStream[Message], Callable[[Message, Moment], None]]] = {
            Stream.WORK: (self._work, self._process),
            Stream.DEAD_LETTERS: (self._work, self._reconcile),
            Stream.FOLLOW_UPS: (self._follow_ups, self._follow),
        }

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._work) + len(self._follow_ups)

    def put(self, message: Message) -> None:
        """Put a message in its queue; one that is sent twice is there twice."""
        queue = self._work if message.topic is Topic.ORDER_WORK else self._follow_ups
        queue.put([replace(message)])

    def lose_work(self) -> None:
        """The queue of the processor is lost with all that waits in it."""
        self._work.take(len(self._work))

    def sweep(self) -> None:
        """The rule of each minute."""
        self.api.sweep()

    # -- consumers -----------------------------------------------------------------------------------

    def deliver(self, step: Deliver) -> None:
        """One invocation of a function on messages of its queue; each that it fails on comes back."""
        queue, consume = self._consumers[step.stream]
        again = queue.delivered_before(step.again, step.back)
        new = queue.take(step.records, shuffle=step.shuffle)

        def overtake() -> None:
            others = queue.take(WHOLE_QUEUE)
            queue.note_delivered(others)
            queue.put_back([message for message in others if not _taken(consume, message, Moment())])

        moment = Moment(step.dies_after, step.fails_after, step.overtaken_at, overtake)
        try:
            back = [message for message in [*again, *new] if not _taken(consume, message, moment)]
        except ProcessDied:
            back = new
        if step.dies_after is not None:
            back = new  # also one that ends after its last write: its answer is lost
        queue.note_delivered(new)
        queue.put_back([message for message in new if any(message is one for one in back)])

    def advance(self, step: AdvanceOrder) -> None:
        """One step of a processor that has a message of the order."""
        order_id = self.names.get(step.order)
        if order_id is None:
            return
        moment = Moment(step.dies_after, step.fails_after, step.overtaken_at, self._rivals(step, order_id))
        with suppress(ProcessDied, *SURVIVED):  # its message comes back, and other processors have theirs
            self._at(moment).advance(order_id)

    def settling(self, moment: Moment) -> Callable[[Sequence[Order]], None]:
        """Who accounts for the points of orders that ended."""
        return self._at(moment).settle_rewards

    def contested(self, step: ContestedStep, order_id: str) -> OrderSystem:
        """The functions for one call about an order, which others are at work on at the same time."""
        return self._at(Moment(overtaken_at=step.overtaken_at, overtake=self._rivals(step, order_id)))

    def _process(self, message: Message, moment: Moment) -> None:
        self._at(moment).process(str(message.body["order_id"]))

    def _reconcile(self, message: Message, moment: Moment) -> None:
        self._at(moment).give_up(str(message.body["order_id"]))

    def _follow(self, message: Message, moment: Moment) -> None:
        self._at(moment, message).follow(message)

    # -- rivals --------------------------------------------------------------------------------------

    def _rivals(self, step: ContestedStep, order_id: str) -> Callable[[], None]:
        def overtake() -> None:
            for rival in step.overtaken_by:
                with suppress(Refusal):  # too late, or not yet
                    self._act(rival, order_id)

        return overtake

    def _act(self, rival: Rival, order_id: str) -> None:
        match rival:
            case Rival.PROCESSOR:
                self.api.process(order_id)
            case Rival.CANCEL:
                self.api.cancel(order_id)
            case Rival.REFUND:
                answer = self.api.refund(order_id, ())
                self._ledger.given_back[order_id] += int(answer["refundedAmount"] or 0)
            case Rival.RECONCILER:
                self.api.give_up(order_id)
            case Rival.LATE_SWEEPER:
                self._wait(PAUSE_S)
                self.api.sweep()
            case Rival.FOLLOW_UPS:
                self._follow_up()

    # -- the payment service -------------------------------------------------------------------------

    def behave(self, step: PaymentsBehave) -> None:
        """New charges get this answer from now on."""
        self.payments.behave(Behaviour({step.mode: 1.0}, seed=step.seed, late_s=10.0))

    def repeat_charge(self, step: RepeatCharge) -> None:
        """A charge that was asked for before reaches the service once more."""
        account = self.payments.accounts.get(self.names.get(step.order, ""))
        if account is not None and account.amount is not None and account.currency is not None:
            with suppress(PaymentUnavailable):  # nobody waits for this answer
                self.payments.charge(account.key, account.amount, account.currency)

    # -- at risk -------------------------------------------------------------------------------------

    def _at(self, moment: Moment, message: Message | None = None) -> OrderSystem:
        """The functions for one invocation, at whose calls *moment* may strike."""
        stores = self._stores
        risky = OrderStores(
            at_risk(stores.orders, moment),
            at_risk(stores.products, moment),
            at_risk(stores.activity, moment),
            at_risk(stores.notices, moment),
            at_risk(stores.ledger, moment),
            at_risk(stores.payments, moment),
        )
        return self._system(risky, message)

    def _system(self, stores: OrderStores, message: Message | None = None) -> OrderSystem:
        sender = None if message is None else _Counting(self.told, message.message_id)
        return OrderSystem(stores, self._clock, self._ids, transport=self._transport, sender=sender)


class _BookedActivity(MemoryActivityStore):
    """Books what orders redeemed, in the ledger."""

    def __init__(self, world: MemoryWorld, ledger: Ledger) -> None:
        super().__init__(world)
        self._ledger = ledger

    def record(self, tracked: TrackedEvent) -> None:
        super().record(tracked)
        self._ledger.events += 1


class _Counting:
    """`NoticeSender` that counts under one message's id."""

    def __init__(self, told: Counter[str], message_id: str) -> None:
        self._told, self._message_id = told, message_id

    def announce(self, text: str) -> None:
        self._told[self._message_id] += 1

    def send(self, phone: str, text: str) -> None:
        """The same text, to the customer."""


def _taken(consume: Callable[[Message, Moment], None], message: Message, moment: Moment) -> bool:
    try:
        consume(message, moment)
    except SURVIVED:
        return False
    return True
