"""Bonuses on their way to the CRM: in order, none lost, whatever the CRM does."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offerloop.crm.model import Buyer
from offerloop.crm.ports import CrmSilent, StaleBonus
from offerloop.crm.queue_bonus import MAX_DECISIONS, queue_bonus
from offerloop.crm.send_bonus import SOLE_RIGHT_MS, Sent, queued_bonus, send_bonus
from offerloop.errors import Busy, CrmUnavailable, IdempotencyKeyReused, TryAgain, UnknownBuyer
from offerloop.idempotency import IdempotentRequest
from offerloop.outbox import Topic
from simulator.memory.crm import MemoryBonusWrites, MemoryCrm
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock

ANN = Buyer("12", "Ann Smith", 0)
SILENT = CrmSilent("no answer", 5)


@dataclass
class Desk:
    clock: FixedClock = field(default_factory=FixedClock)
    crm: MemoryCrm = field(default_factory=MemoryCrm)

    def __post_init__(self) -> None:
        self.world = MemoryWorld(self.clock)
        self.writes = MemoryBonusWrites(self.world)
        self.crm.put(ANN)

    def queue(self, bonus: int, buyer_id: str = "12", request: IdempotentRequest | None = None):
        return queue_bonus(buyer_id, bonus, writes=self.writes, clock=self.clock, request=request)

    def send(self, version: int, buyer_id: str = "12") -> Sent:
        return send_bonus(buyer_id, version, crm=self.crm, writes=self.writes, clock=self.clock)

    @property
    def at_the_crm(self) -> int | None:
        return self.crm.buyers["12"].bonus

    @property
    def waits(self) -> bool:
        write = self.writes.of("12")
        return write is not None and write.pending


def test_a_bonus_is_queued_with_a_message_of_its_own():
    desk = Desk()

    answers = [desk.queue(700), desk.queue(800)]

    assert answers == [
        {"buyerId": "12", "bonus": 700, "version": 1},
        {"buyerId": "12", "bonus": 800, "version": 2},
    ]
    messages = desk.world.drain_messages()
    assert [queued_bonus(message) for message in messages] == [("12", 1), ("12", 2)]
    assert {message.topic for message in messages} == {Topic.CRM_UPDATE}
    assert len({message.message_id for message in messages}) == 2
    assert desk.crm.requests == []


def test_the_same_request_queues_once():
    desk = Desk()
    request = IdempotentRequest.of("shop", "k1", b"700")

    answers = [desk.queue(700, request=request) for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(desk.world.drain_messages()) == 1
    with pytest.raises(IdempotencyKeyReused):
        desk.queue(800, request=IdempotentRequest.of("shop", "k1", b"800"))


def test_a_race_is_decided_again_and_a_lost_one_is_busy():
    desk = Desk()
    races = [True] * (MAX_DECISIONS - 1)

    class Racing(MemoryBonusWrites):
        def queue(self, write, message, answered):
            if races:
                races.pop()
                raise StaleBonus
            super().queue(write, message, answered)

    desk.writes = Racing(desk.world)
    assert desk.queue(700)["version"] == 1

    races.extend([True] * MAX_DECISIONS)
    with pytest.raises(Busy):
        desk.queue(800)


def test_a_bonus_is_written_once_however_often_its_message_comes():
    desk = Desk()
    desk.queue(700)

    assert [desk.send(1) for _ in range(3)] == [Sent.WRITTEN, Sent.SUPERSEDED, Sent.SUPERSEDED]
    assert (desk.at_the_crm, desk.waits, desk.crm.requests) == (700, False, ["get", "write_bonus"])


def test_an_earlier_bonus_that_comes_late_is_dropped():
    desk = Desk()
    desk.queue(700)
    desk.queue(800)

    assert [desk.send(2), desk.send(1)] == [Sent.WRITTEN, Sent.SUPERSEDED]
    assert desk.at_the_crm == 800


def test_a_message_of_nothing_is_dropped():
    assert Desk().send(1) is Sent.SUPERSEDED


def test_a_bonus_of_a_buyer_that_the_crm_does_not_know_waits_no_more():
    desk = Desk()
    desk.queue(700, buyer_id="99")

    assert desk.send(1, buyer_id="99") is Sent.REFUSED
    write = desk.writes.of("99")
    assert write is not None
    assert (write.pending, write.refused, write.bonus) == (False, "unknown_buyer", 700)


def test_a_buyer_that_vanishes_while_it_is_written_is_refused_the_next_time():
    desk = Desk()
    desk.queue(700)
    desk.crm.refusals = [None, UnknownBuyer("gone")]

    with pytest.raises(UnknownBuyer):
        desk.send(1)
    del desk.crm.buyers["12"]

    assert desk.send(1) is Sent.REFUSED


@pytest.mark.parametrize(
    "refusals",
    [[SILENT], [CrmUnavailable("too many", 60)], [None, CrmUnavailable("too many", 60)]],
    ids=["silent before", "refused before", "refused while writing"],
)
def test_what_was_not_written_for_sure_may_be_tried_again_at_once(refusals):
    desk = Desk()
    desk.queue(700)
    desk.crm.refusals = list(refusals)

    with pytest.raises(CrmUnavailable):
        desk.send(1)

    assert (desk.waits, desk.send(1), desk.at_the_crm) == (True, Sent.WRITTEN, 700)


def test_nobody_writes_while_a_write_without_an_answer_may_still_be_carried_out():
    desk = Desk()
    desk.queue(700)
    desk.crm.refusals = [None, SILENT]
    with pytest.raises(CrmSilent):
        desk.send(1)
    desk.queue(800)

    with pytest.raises(Busy):
        desk.send(2)
    desk.crm.buyers["12"] = Buyer("12", "Ann Smith", 700)  # now it is carried out
    desk.clock.move_on(SOLE_RIGHT_MS / 1_000)

    assert (desk.send(2), desk.at_the_crm) == (Sent.WRITTEN, 800)


def test_a_bonus_that_is_queued_while_another_is_written_is_not_taken_for_written():
    desk = Desk()

    class Slow(MemoryCrm):
        def write_bonus(self, buyer, bonus):
            if bonus == 700:
                desk.queue(800)
                with pytest.raises(Busy):
                    desk.send(2)
            super().write_bonus(buyer, bonus)

    desk.crm = Slow()
    desk.crm.put(ANN)
    desk.queue(700)

    assert (desk.send(1), desk.at_the_crm, desk.waits) == (Sent.WRITTEN, 700, True)
    assert (desk.send(2), desk.at_the_crm, desk.waits) == (Sent.WRITTEN, 800, False)


WEATHER = st.sampled_from(["ok", "silent", "lands", "refused"])


@settings(max_examples=150, deadline=None)
@given(
    bonuses=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    weather=st.lists(WEATHER, max_size=30),
    seed=st.integers(0, 2**16),
)
def test_in_any_weather_the_crm_ends_with_the_last_bonus(bonuses, weather, seed):
    """Messages come in any order and more than once; the CRM loses requests, answers or both."""
    chance, desk = random.Random(seed), Desk()
    waiting = list(enumerate(bonuses, 1))
    in_flight: list[int] = []
    storms = list(weather)
    while waiting or in_flight:
        if waiting and (not in_flight or chance.random() < 0.4):
            version, bonus = waiting.pop(0)
            assert desk.queue(bonus)["version"] == version
            in_flight += [version] * chance.randint(1, 2)
            continue
        version = in_flight.pop(chance.randrange(len(in_flight)))
        storm = storms.pop() if storms else "ok"
        desk.crm.lands = storm == "lands"
        refusal = CrmUnavailable("no", 60) if storm == "refused" else SILENT
        desk.crm.refusals = [] if storm == "ok" else [*([None] * chance.randint(0, 1)), refusal]
        try:
            desk.send(version)
        except TryAgain:
            in_flight.append(version)
        desk.clock.move_on(chance.choice([0.001, 5, 90]))

    assert (desk.at_the_crm, desk.waits) == (bonuses[-1], False)
    assert desk.clock.now_ms() >= NOON_MS
