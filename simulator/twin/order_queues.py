"""The queues behind orders, and the functions that take from them, as the template connects them.

A message that must wait is hidden for a pause that doubles; one whose function died comes back when the
queue's visibility timeout ends; one received too often goes to the reconciler, or waits for a person.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import simpy

from offerloop.backoff import pause_after
from offerloop.errors import PaymentUnavailable, TryAgain
from offerloop.orders.model import IN_PROGRESS, OrderStatus
from offerloop.outbox import Message
from simulator.memory.order_system import OrderSystem
from simulator.scenario.model import Orders
from simulator.shoppers.streams import Streams
from simulator.twin.summary import Counts
from simulator.twin.weather import delays_s

HIDDEN_S = 180.0  # VisibilityTimeout of both queues in template.yaml
WORK_RECEIVES, FOLLOW_UP_RECEIVES = 6, 10  # their maxReceiveCount
REDRIVEN_AFTER_S = 900.0  # until somebody has seen the alarm and sends given-up follow-ups again: our choice
STAGES = len(IN_PROGRESS)  # of one order, at most
AGAIN_AFTER_S = 5.0  # mean time between a message and its duplicate: our choice

Steps = Any  # a SimPy process: a generator of events


class OrderQueues:
    """Work for the processor, and what follows from stored transitions.

    Attributes:
        counts: what happened to deliveries, since its owner last put a fresh one in.
    """

    def __init__(
        self, env: simpy.Environment, system: OrderSystem, section: Orders, streams: Streams
    ) -> None:
        self._env, self._system, self._section = env, system, section.queue
        self._processors = simpy.Resource(env, capacity=section.queue.concurrency)
        self._delays_s = delays_s(section.queue.delay_ms, streams, "order-queue")
        self._answers_s = delays_s(section.payments.answer_ms, streams, "payment")
        self._chances = streams.generator("order-queue")
        self._waiting: dict[int, tuple[Message, Callable[[Message], None]]] = {}  # by delivery
        self._deliveries = 0
        self.counts = Counts()

    def work_sent(self, messages: Sequence[Message]) -> None:
        """Take in messages that ask for an order to be carried on."""
        for message in messages:
            self._send(message, self._carry_out, self._work)

    def follow_ups_sent(self, messages: Sequence[Message]) -> None:
        """Take in notices, payment corrections and redemptions."""
        for message in messages:
            self._send(message, self._follow_to_the_end, self._follow_up)

    def settle(self) -> bool:
        """Deliver everything that is under way, now and in good weather; False = there was nothing."""
        waiting, self._waiting = list(self._waiting.values()), {}
        for message, finish in waiting:
            finish(message)
        return bool(waiting)

    # -- deliveries ------------------------------------------------------------------------------------

    def _send(
        self, message: Message, finish: Callable[[Message], None], deliver: Callable[[Message, int], Steps]
    ) -> None:
        copies = 1 + (self._section.duplicate_rate > 0 and self._draw() < self._section.duplicate_rate)
        for copy in range(copies):
            self._deliveries += 1
            self._waiting[self._deliveries] = message, finish
            self._env.process(self._arrive(message, self._deliveries, bool(copy), deliver))

    def _arrive(
        self, message: Message, delivery: int, again: bool, deliver: Callable[[Message, int], Steps]
    ) -> Steps:
        wait_s = next(self._delays_s)
        if again:
            self.counts.duplicates += 1
            wait_s += AGAIN_AFTER_S * -math.log1p(-self._draw())
        yield self._env.timeout(wait_s)
        yield from deliver(message, delivery)

    def _work(self, message: Message, delivery: int) -> Steps:
        """order-processor: up to six receives, then the reconciler's."""
        order_id = str(message.body["order_id"])
        for receive in range(1, WORK_RECEIVES + 1):
            with self._processors.request() as processor:
                yield processor
                pause_s = yield from self._process(order_id, delivery, receive)
            if pause_s is None:
                break
            self.counts.retries += 1
            yield self._env.timeout(pause_s)
        else:
            self.counts.dead_letters += 1
            self._system.give_up(order_id)
        self._waiting.pop(delivery, None)

    def _process(self, order_id: str, delivery: int, receive: int) -> Steps:
        """One call of the processor for one order.

        Returns:
            None when the order is in progress no more, else the seconds for which its message is hidden.
        """
        self.counts.calls_process += 1
        dies_at = int(self._draw() * STAGES) if self._dies() else STAGES
        status, stage = OrderStatus(self._system.status(order_id)), 0
        while status in IN_PROGRESS:
            if stage == dies_at:
                return HIDDEN_S
            pays = status is OrderStatus.PAYMENT_PROCESSING
            yield self._env.timeout(next(self._answers_s) if pays else self._section.step_ms / 1_000)
            if delivery not in self._waiting:  # the run has settled meanwhile
                return None
            try:
                status = self._system.advance(order_id)
            except TryAgain as refusal:
                if isinstance(refusal, PaymentUnavailable):
                    yield self._env.timeout(self._system.payments.patience_s)
                return pause_after(receive, self._draw())
            stage += 1
        return None

    def _follow_up(self, message: Message, delivery: int) -> Steps:
        """order-followup: up to ten receives, then somebody sends it again."""
        while True:
            for receive in range(1, FOLLOW_UP_RECEIVES + 1):
                self.counts.calls_follow += 1
                pause_s = HIDDEN_S if self._dies() else self._follow(message, receive)
                if pause_s is None:
                    self._waiting.pop(delivery, None)
                    return
                self.counts.retries += 1
                yield self._env.timeout(pause_s)
                if delivery not in self._waiting:
                    return
            self.counts.dead_letters += 1
            yield self._env.timeout(REDRIVEN_AFTER_S)

    def _follow(self, message: Message, receive: int) -> float | None:
        try:
            self._system.follow(message)
        except TryAgain:
            return pause_after(receive, self._draw())
        return None

    # -- the end of a run ------------------------------------------------------------------------------

    def _carry_out(self, message: Message) -> None:
        order_id = str(message.body["order_id"])
        for _ in range(WORK_RECEIVES * STAGES):
            try:
                if self._system.advance(order_id) not in IN_PROGRESS:
                    return
            except TryAgain:
                continue
        self._system.give_up(order_id)

    def _follow_to_the_end(self, message: Message) -> None:
        self._system.follow(message)

    # -- chances ---------------------------------------------------------------------------------------

    def _dies(self) -> bool:
        rate = self._section.failure_rate
        return rate > 0 and self._draw() < rate

    def _draw(self) -> float:
        return float(self._chances.random())
