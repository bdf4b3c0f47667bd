"""What is accepted is marked, what is not stays and is relayed later."""

from offerloop.offers.engagement_messages import engagement_message
from offerloop.outbox import RELAY_AFTER_S, publish, relay
from simulator.memory.activity import MemoryOutbox
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock, an_event


class Refusing:
    """Accepts every message but those named."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.sent = set(refused), []

    def send(self, messages):
        accepted = [message.message_id for message in messages if message.message_id not in self.refused]
        self.sent += accepted
        return frozenset(accepted)


def an_outbox(count: int) -> tuple[MemoryOutbox, list]:
    world = MemoryWorld(FixedClock())
    messages = [engagement_message(an_event(f"e{n}", occurred_at_ms=NOON_MS + n)) for n in range(count)]
    for message in messages:
        world.put_message(message)
    return MemoryOutbox(world), messages


def test_refused_messages_stay_in_the_outbox():
    outbox, messages = an_outbox(3)

    unsent = publish(messages, transport=Refusing("e1"), outbox=outbox)

    assert unsent == {"e1"}
    assert outbox.overdue(2**43, 10) == [messages[1]]


def test_the_relay_sends_only_what_has_waited():
    outbox, _ = an_outbox(5)
    transport = Refusing("e0")
    now_ms = NOON_MS + 3 + RELAY_AFTER_S * 1_000

    assert relay(now_ms=now_ms, transport=transport, outbox=outbox) == 2
    assert transport.sent == ["e1", "e2"]
    assert relay(now_ms=NOON_MS, transport=transport, outbox=outbox) == 0
