"""What tables may do besides answering: leave keys over, conflict, throttle. No emulator does any of it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.engagement_store import DynamoEngagementStore
from handlers.aws.inventory_store import DynamoInventoryStore
from handlers.aws.keys import TREND_KEY, board_key, key
from handlers.aws.table_access import ConditionFailed, Patience, ReadMeter, TableAccess, item_size
from offerloop.errors import Busy
from offerloop.offers.board import ALL_OFFERS, Board, Head
from offerloop.offers.model import EventType, Shopper
from offerloop.offers.ports import StaleVisit
from offerloop.offers.scoring import CONTROL, RankEntry
from tests.contract.conftest import NO_WAITING, dynamo_stores
from tests.factories import NOON, a_tracked, an_answered, an_event, an_offer
from tests.template_tables import create_tables


def refusal(code: str, *reasons: str) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": code},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "TransactWriteItems")  # type: ignore[arg-type]


class Faulty:
    """A client that raises the given faults first, one a call, in the operations named."""

    def __init__(self, client: Any, operation: str, faults: list[ClientError]) -> None:
        self._client, self._operation, self.faults = client, operation, faults

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name != self._operation:
            return call

        def faulty(**request: Any) -> Any:
            if self.faults:
                raise self.faults.pop(0)
            return call(**request)

        return faulty


CONFLICT = refusal("TransactionCanceledException", "None", "TransactionConflict")
THROTTLED = refusal("ProvisionedThroughputExceededException")


@pytest.fixture
def tables(dynamodb):
    return create_tables(dynamodb)


def test_conflicts_and_throttling_are_waited_out_with_growing_pauses(dynamodb, tables):
    waited: list[float] = []
    access = TableAccess(
        Faulty(dynamodb, "transact_write_items", [CONFLICT, THROTTLED, CONFLICT]),
        patience=Patience(sleep=waited.append, jitter=lambda: 1.0),
    )

    access.transact([{"Put": {"TableName": "Offers", "Item": key("a", "b")}}])

    assert waited == [0.02, 0.04, 0.08]
    assert access.get("Offers", key("a", "b"), consistent=True) == key("a", "b")


def test_endless_conflict_ends_as_busy(dynamodb, tables):
    client = Faulty(dynamodb, "transact_write_items", [CONFLICT] * 100)
    dynamo_stores(dynamodb, tables).put_offer(an_offer())

    with pytest.raises(Busy):
        DynamoActivityStore(client, tables, patience=NO_WAITING).record(a_tracked(an_event()))


def test_a_failed_condition_beside_a_conflict_is_a_failed_condition(dynamodb, tables):
    mixed = refusal("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed")
    access = TableAccess(Faulty(dynamodb, "transact_write_items", [mixed]), patience=NO_WAITING)

    with pytest.raises(ConditionFailed) as failed:
        access.transact([])

    assert failed.value.found == {1: {}}


def test_any_other_error_is_not_swallowed(dynamodb, tables):
    broken = refusal("AccessDeniedException")
    access = TableAccess(Faulty(dynamodb, "get_item", [broken]), patience=NO_WAITING)

    with pytest.raises(ClientError):
        access.get("Offers", key("a", "b"), consistent=True)


def test_a_target_that_does_not_tell_what_a_condition_met_makes_the_event_be_decided_again(dynamodb, tables):
    reasons = ["None", "None", "None", "ConditionalCheckFailed", "None"]
    client = Faulty(dynamodb, "transact_write_items", [refusal("TransactionCanceledException", *reasons)])
    store = DynamoActivityStore(client, tables, patience=NO_WAITING)

    with pytest.raises(StaleVisit):
        store.record(a_tracked(an_event(event_type=EventType.REDEMPTION)))


def test_a_refusal_gives_way_to_the_answer_that_a_twin_just_got(dynamodb, tables):
    """The target names only the stock, although a twin with the same key was answered as well."""
    stores = dynamo_stores(dynamodb, tables)
    stores.put_offer(an_offer(inventory_count=1))
    event = an_event(event_type=EventType.REDEMPTION)
    stores.activity.record(a_tracked(event, answered=an_answered()))
    reasons = ["None", "None", "None", "ConditionalCheckFailed", "None", "None"]
    client = Faulty(dynamodb, "transact_write_items", [refusal("TransactionCanceledException", *reasons)])
    twin = a_tracked(event, answered=an_answered(), shopper_before=Shopper("ann", version=1))

    with pytest.raises(StaleVisit):
        DynamoActivityStore(client, tables, patience=NO_WAITING).record(twin)


def test_keys_left_over_are_asked_again(dynamodb, tables):
    for name in "abc":
        dynamodb.put_item(TableName="Offers", Item=key(name, "x"))

    class Sparing:
        """Answers one key a call and leaves the others over."""

        def batch_get_item(self, RequestItems: Any) -> Any:
            [(table, wanted)] = RequestItems.items()
            first, rest = wanted["Keys"][:1], wanted["Keys"][1:]
            answer = dynamodb.batch_get_item(RequestItems={table: wanted | {"Keys": first}})
            return answer | {"UnprocessedKeys": {table: wanted | {"Keys": rest}} if rest else {}}

    meter = ReadMeter()
    access = TableAccess(Sparing(), meter, NO_WAITING)

    found = access.get_batch({"Offers": [key(name, "x") for name in "abc"]}, consistent=False)

    assert set(found) == {("a", "x"), ("b", "x"), ("c", "x")}
    assert (meter.calls, meter.items, meter.rcu_halves) == (3, 3, 3)


def test_keys_that_stay_left_over_end_as_busy(dynamodb, tables):
    class Refusing:
        def batch_get_item(self, RequestItems: Any) -> Any:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    with pytest.raises(Busy):
        TableAccess(Refusing(), patience=NO_WAITING).get_batch({"Offers": [key("a", "x")]}, consistent=False)


def test_rows_left_over_are_written_again(dynamodb, tables):
    class Sparing:
        def batch_write_item(self, RequestItems: Any) -> Any:
            [(table, requests)] = RequestItems.items()
            dynamodb.batch_write_item(RequestItems={table: requests[:2]})
            return {"UnprocessedItems": {table: requests[2:]} if requests[2:] else {}}

    access = TableAccess(Sparing(), patience=NO_WAITING)
    access.put_batch("Offers", [key(str(number), "x") for number in range(9)])

    assert dynamodb.scan(TableName="Offers")["Count"] == 9


def test_reads_are_counted_by_the_size_of_the_items():
    meter = ReadMeter()
    small, large = {"PK": {"S": "a"}}, {"PK": {"S": "a" * 9_000}}

    meter.count_gets(3, [small, large], consistent=False)  # 1 + 3 + 1 for the missing one
    meter.count_query([small, large], consistent=True)  # 9,006 bytes together: 3 whole units

    assert (meter.calls, meter.items, meter.rcu_halves) == (2, 4, 5 + 6)
    assert item_size({"a": {"S": "né"}, "b": {"N": "-12.50"}, "c": {"BOOL": True}}) == 4 + 1 + 4 + 2


def test_a_lost_race_for_the_trend_is_read_and_counted_again(dynamodb, tables):
    stores = dynamo_stores(dynamodb, tables)
    stores.put_offer(an_offer())
    events = [an_event(f"e{n}", user_id=f"u{n}", event_type=EventType.REDEMPTION) for n in range(4)]
    for event in events:
        stores.activity.record(a_tracked(event))

    class Overtaken:
        """Lets another batch be counted between the reading of the trend and its writing."""

        overtaken = False

        def __getattr__(self, name: str) -> Any:
            if name == "transact_write_items" and not self.overtaken:
                self.overtaken = True
                stores.engagement.count(events[:2], NOON)
            return getattr(dynamodb, name)

    counted = DynamoEngagementStore(Overtaken(), tables, NO_WAITING).count(events, NOON)

    assert counted == 2
    assert [trend.score for trend in stores.engagement.trending(NOON, 5)] == [pytest.approx(20)]


def test_copies_of_a_board_that_a_dead_writer_left_behind_are_brought_up(dynamodb, tables):
    board = Board(Head((RankEntry.of(an_offer()),), None))

    class DyingAfterTheMaster:
        writes = 0

        def __getattr__(self, name: str) -> Any:
            if name == "put_item":
                self.writes += 1
                if self.writes > 1:
                    raise KeyboardInterrupt
            return getattr(dynamodb, name)

    with pytest.raises(KeyboardInterrupt):
        DynamoInventoryStore(DyingAfterTheMaster(), tables).save_board(CONTROL, ALL_OFFERS, Board(), board)
    store = DynamoInventoryStore(dynamodb, tables)
    stored = store.stored_boards(CONTROL, [ALL_OFFERS])[ALL_OFFERS]

    copies = [
        dynamodb.get_item(TableName="Offers", Key=board_key(CONTROL, ALL_OFFERS, copy))["Item"]["heads"]
        for copy in range(4)
    ]
    assert stored.version == 1
    assert len({copy["S"] for copy in copies}) == 1


def test_the_trend_row_keeps_leaders_that_serving_reads(dynamodb, tables):
    stores = dynamo_stores(dynamodb, tables)
    stores.put_offer(an_offer(inventory_count=100))
    events = [
        an_event(f"e{n}", user_id=f"u{n}", category=f"category-{n % 18:02d}", event_type=EventType.REDEMPTION)
        for n in range(18 * 2)
    ]
    for event in events:
        stores.activity.record(a_tracked(event))
    stores.engagement.count(events, NOON)

    row = dynamodb.get_item(TableName=tables.user_activity, Key=TREND_KEY)["Item"]
    served = stores.contexts.context("ann", NOON).trending

    assert served == stores.engagement.trending(NOON, 3)
    assert len(row["leaders"]["S"]) < len(row["points"]["S"])


def test_a_table_that_does_not_answer_is_busy_and_nothing_is_tried_twice():
    """ReadTimeoutError and its kind come after botocore's own retries; a write may have taken effect."""
    calls = []

    class Silent:
        def transact_write_items(self, **request):
            calls.append(request)
            raise ReadTimeoutError(endpoint_url="http://127.0.0.1")

    with pytest.raises(Busy, match="does not answer"):
        TableAccess(Silent()).transact([])
    assert len(calls) == 1
