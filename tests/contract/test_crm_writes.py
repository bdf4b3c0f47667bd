"""`BonusWrites`: the last bonus of each buyer, its order, and the sole right to write it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from handlers.aws.crm_writes import DynamoBonusWrites
from handlers.aws.outbox_table import DynamoOutbox
from handlers.aws.table_access import Patience
from offerloop.crm.model import BonusWrite
from offerloop.crm.ports import BonusWrites, StaleBonus
from offerloop.crm.queue_bonus import bonus_message
from offerloop.outbox import Message
from simulator.memory.activity import MemoryOutbox
from simulator.memory.crm import MemoryBonusWrites
from simulator.memory.world import MemoryWorld
from tests.factories import NOON_MS, FixedClock, an_answered
from tests.template_tables import create_tables

FIRST = BonusWrite("12", 15_050, 1, NOON_MS)
SECOND = BonusWrite("12", 700, 2, NOON_MS + 1)
LATER = NOON_MS + 60_000


@dataclass
class Desk:
    writes: BonusWrites
    messages: Callable[[], list[Message]]

    def queue(self, write: BonusWrite, **changes: Any) -> None:
        self.writes.queue(write, bonus_message(write), changes.get("answered"))


@pytest.fixture(params=["memory", "dynamodb"])
def desk(request: pytest.FixtureRequest) -> Desk:
    if request.param == "memory":
        world = MemoryWorld(FixedClock())
        outbox = MemoryOutbox(world)
        return Desk(MemoryBonusWrites(world), lambda: list(outbox.overdue(LATER, 10)))
    client = request.getfixturevalue("dynamodb")
    tables = create_tables(client)
    waiting = DynamoOutbox(client, tables.user_activity)
    patience = Patience(sleep=lambda seconds: None, jitter=lambda: 0.0)
    return Desk(DynamoBonusWrites(client, tables, patience), lambda: list(waiting.overdue(LATER, 10)))


def test_a_bonus_is_stored_with_the_message_that_asks_for_it(desk: Desk) -> None:
    assert desk.writes.of("12") is None

    desk.queue(FIRST)

    assert (desk.writes.of("12"), desk.messages()) == (FIRST, [bonus_message(FIRST)])
    assert desk.writes.of("13") is None


def test_a_later_bonus_takes_the_place_of_an_earlier_one(desk: Desk) -> None:
    desk.queue(FIRST)

    desk.queue(SECOND)

    assert desk.writes.of("12") == SECOND
    assert desk.messages() == [bonus_message(FIRST), bonus_message(SECOND)]


@pytest.mark.parametrize("version", [1, 3])
def test_versions_follow_each_other_without_a_gap(desk: Desk, version: int) -> None:
    desk.queue(FIRST)

    with pytest.raises(StaleBonus):
        desk.queue(replace(SECOND, version=version))

    assert (desk.writes.of("12"), desk.messages()) == (FIRST, [bonus_message(FIRST)])


def test_a_first_version_is_one(desk: Desk) -> None:
    with pytest.raises(StaleBonus):
        desk.queue(SECOND)

    assert (desk.writes.of("12"), desk.messages()) == (None, [])


def test_a_request_is_answered_with_its_bonus_and_once(desk: Desk) -> None:
    answered = an_answered()
    desk.queue(FIRST, answered=answered)

    with pytest.raises(StaleBonus):
        desk.queue(SECOND, answered=answered)

    assert desk.writes.find(answered.request.scope, answered.request.key) == answered
    assert desk.writes.of("12") == FIRST


def test_one_alone_has_the_right_to_write_until_its_time_ends(desk: Desk) -> None:
    desk.queue(FIRST)

    assert desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)
    assert not desk.writes.begin("12", 1, NOON_MS + 99, NOON_MS + 199)
    assert desk.writes.begin("12", 1, NOON_MS + 100, NOON_MS + 200)
    assert desk.writes.of("12") == FIRST


def test_nobody_may_write_what_is_not_the_last_bonus_or_is_written(desk: Desk) -> None:
    assert not desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)
    desk.queue(FIRST)
    desk.queue(SECOND)

    assert not desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)
    assert desk.writes.begin("12", 2, NOON_MS, NOON_MS + 100)
    desk.writes.end("12", 2, NOON_MS + 100, NOON_MS + 50)
    assert not desk.writes.begin("12", 2, NOON_MS + 200, NOON_MS + 300)


def test_what_was_written_waits_no_more(desk: Desk) -> None:
    desk.queue(FIRST)
    desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)

    desk.writes.end("12", 1, NOON_MS + 100, NOON_MS + 50)

    assert desk.writes.of("12") == replace(FIRST, pending=False, written_at_ms=NOON_MS + 50)


def test_a_bonus_that_came_while_another_was_written_still_waits_and_may_be_written_at_once(
    desk: Desk,
) -> None:
    desk.queue(FIRST)
    desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)
    desk.queue(SECOND)
    assert not desk.writes.begin("12", 2, NOON_MS + 2, NOON_MS + 102)

    desk.writes.end("12", 1, NOON_MS + 100, NOON_MS + 50)

    assert desk.writes.of("12") == replace(SECOND, written_at_ms=NOON_MS + 50)
    assert desk.writes.begin("12", 2, NOON_MS + 60, NOON_MS + 160)


def test_a_right_that_somebody_else_has_by_now_is_left_alone(desk: Desk) -> None:
    desk.queue(FIRST)
    desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)
    desk.writes.begin("12", 1, NOON_MS + 100, NOON_MS + 200)

    desk.writes.end("12", 1, NOON_MS + 100, NOON_MS + 101)
    desk.writes.release("12", NOON_MS + 100)

    assert desk.writes.of("12") == FIRST
    assert not desk.writes.begin("12", 1, NOON_MS + 150, NOON_MS + 250)


def test_a_right_that_is_given_back_is_free(desk: Desk) -> None:
    desk.queue(FIRST)
    desk.writes.begin("12", 1, NOON_MS, NOON_MS + 100)

    desk.writes.release("12", NOON_MS + 100)

    assert desk.writes.begin("12", 1, NOON_MS + 1, NOON_MS + 101)


def test_what_the_crm_refuses_waits_no_more_and_is_kept_with_its_reason(desk: Desk) -> None:
    desk.queue(FIRST)

    desk.writes.refuse("12", 1, "unknown_buyer")

    refused = replace(FIRST, pending=False, refused="unknown_buyer")
    assert desk.writes.of("12") == refused
    desk.queue(SECOND)
    desk.writes.refuse("12", 1, "unknown_buyer")
    assert desk.writes.of("12") == SECOND


def test_no_row_of_a_bonus_ends_by_itself(dynamodb: Any) -> None:
    tables = create_tables(dynamodb)
    DynamoBonusWrites(dynamodb, tables).queue(FIRST, bonus_message(FIRST), None)

    rows = dynamodb.scan(TableName=tables.user_activity)["Items"]

    assert len(rows) == 2
    assert not any("delete_at" in row for row in rows)
