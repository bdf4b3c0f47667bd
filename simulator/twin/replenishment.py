"""The queue of replenishment runs, and the function that asks the supplier.

An attempt in vain is repeated after a pause that doubles; one that is cut off comes back when the queue's
visibility timeout ends. What is received too often is left to the sweeper, which ends the run.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import simpy

from offerloop.backoff import pause_after
from offerloop.errors import TryAgain
from offerloop.outbox import Message
from simulator.memory.code_system import CodeSystem
from simulator.shoppers.streams import Streams
from simulator.twin.pool import CutOff, Ending, TwinSupplier
from simulator.twin.summary import Counts

HIDDEN_S = 1_080.0  # VisibilityTimeout of the queue in template.yaml
RECEIVES = 10  # its maxReceiveCount

Steps = Any  # a SimPy process: a generator of events


class Replenishment:
    """Runs on their way to the supplier.

    Attributes:
        counts: what happened to deliveries, since its owner last put a fresh one in.
    """

    def __init__(
        self, env: simpy.Environment, system: CodeSystem, supplier: TwinSupplier, streams: Streams
    ) -> None:
        self._env, self._system, self._supplier = env, system, supplier
        self._chances = streams.generator("replenishment-queue")
        self._waiting: dict[str, Message] = {}  # by id
        self.counts = Counts()

    def sent(self, messages: Sequence[Message]) -> None:
        """Take in messages that ask for runs; one that is sent again is known already."""
        for message in messages:
            if message.message_id not in self._waiting:
                self._waiting[message.message_id] = message
                self._env.process(self._carry_out(message))

    def settle(self) -> bool:
        """Carry out what is under way, now and with a supplier that answers; False = there was nothing."""
        waiting, self._waiting = list(self._waiting.values()), {}
        for message in waiting:
            with suppress(TryAgain):  # an attempt that was just cut off; the sweeper ends its run
                self._attempt(message, Ending.WITH_CODES)
        return bool(waiting)

    def _carry_out(self, message: Message) -> Steps:
        """replenish-promo-code: up to ten receives."""
        for receive in range(1, RECEIVES + 1):
            pause_s = yield from self._receive(message, receive)
            if pause_s is None:
                break
            self.counts.retries += 1
            yield self._env.timeout(pause_s)
            if message.message_id not in self._waiting:
                return
        else:
            self.counts.dead_letters += 1
        self._waiting.pop(message.message_id, None)

    def _receive(self, message: Message, receive: int) -> Steps:
        """One call of the function, whose work is done when it ends.

        Returns:
            None when the run has ended, else the seconds for which its message is hidden.
        """
        takes_s, ending = self._supplier.next_attempt()
        if ending is Ending.CUT_OFF:
            self._attempt(message, ending)
            return HIDDEN_S
        yield self._env.timeout(takes_s)
        if message.message_id not in self._waiting:  # the run has settled meanwhile
            return None
        try:
            self._attempt(message, ending)
        except TryAgain as refusal:
            return max(pause_after(receive, float(self._chances.random())), refusal.retry_after_s)
        return None

    def _attempt(self, message: Message, ending: Ending) -> None:
        self.counts.calls_rewards += 1
        self._supplier.ending = ending
        with suppress(CutOff):
            self._system.replenish(str(message.body["run_id"]), str(message.body["pool_id"]))
