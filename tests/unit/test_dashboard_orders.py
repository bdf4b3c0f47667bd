"""What the pages of orders are told: figures of the newest orders, and how few reads bring them."""

import math
from dataclasses import replace

import pytest

from dashboard import order_charts, order_reads
from dashboard.order_charts import duration
from dashboard.order_data import (
    NEWEST_ORDERS,
    Orders,
    OrderStory,
    Outcome,
    StageTime,
    average_value,
    failures,
    masked,
    orders_per_hour,
    placed_over_time,
    reached,
    stage_times,
    standing,
    success_rate,
)
from dashboard.order_reads import OrderReads
from handlers.aws.notice_log import DynamoNoticeLog
from handlers.aws.order_store import DynamoOrderStore
from handlers.aws.product_store import DynamoProductStore
from handlers.aws.table_access import Tables
from offerloop.orders.model import Order, OrderLine, OrderStatus, Transition
from tests.factories import NOON_MS, FixedClock
from tests.mocked_aws import mocked_aws
from tests.orders import ADDRESS, a_product
from tests.template_tables import create_tables
from tests.traded_orders import PRICES, Trade

S = OrderStatus
TO_PAYMENT = (S.PENDING, S.VALIDATING, S.INVENTORY_CHECK, S.PAYMENT_PROCESSING)
TO_THE_END = (*TO_PAYMENT, S.FULFILLMENT, S.COMPLETED)


def a_story(
    order_id="order-1", *, way=TO_THE_END, total=1_000, currency="EUR", at_ms=NOON_MS, step_ms=10, reason=None
):
    """An order that took each step after *step_ms*."""
    line = OrderLine("LAPTOP001", "Laptop", 1, total)
    came_ms = [at_ms + at * step_ms for at in range(len(way))]
    order = Order(
        order_id,
        "ann",
        (line,),
        total,
        currency,
        "ann@shop.test",
        ADDRESS,
        at_ms,
        came_ms[-1],
        status=way[-1],
        version=len(way),
        reason=reason,
    )
    steps = zip([None, *way], way, came_ms, strict=False)
    return OrderStory(
        order,
        [Transition(order_id, at, before, after, ms) for at, (before, after, ms) in enumerate(steps, 1)],
    )


def test_an_order_has_reached_the_stages_it_came_through_and_stands_in_one():
    stories = [a_story(), a_story(way=(*TO_PAYMENT, S.FAILED)), a_story(way=(S.PENDING,))]

    assert list(reached(stories).values()) == [3, 2, 2, 2, 1, 1]
    assert standing(stories) == {S.PENDING: 1, S.COMPLETED: 1, S.FAILED: 1}


def test_time_is_counted_in_stages_that_were_left():
    stories = [a_story(step_ms=10 * number) for number in range(1, 21)] + [a_story(way=(S.PENDING,))]

    times = stage_times(stories)

    assert times[0] == StageTime(S.PENDING, 20, 100, 190)
    assert [each.stage for each in times] == [*TO_PAYMENT, S.FULFILLMENT]
    assert stage_times([a_story(way=(S.PENDING,))]) == []


def test_failures_are_grouped_by_stage_and_reason_whatever_the_numbers_in_it():
    failed = (S.PENDING, S.VALIDATING, S.FAILED)
    stories = [
        a_story("a", way=failed, reason="X1 is out of stock: 2 ordered, 1 left"),
        a_story("b", way=(*TO_PAYMENT, S.FAILED), reason="payment declined"),
        a_story("c", way=failed, at_ms=NOON_MS + 5, reason="X1 is out of stock: 7 ordered, 0 left"),
        a_story("d", way=(S.PENDING, S.CANCELLED), reason="cancelled"),
    ]

    groups = failures(stories)

    assert [(group.reason, group.stage, group.orders, group.latest.order_id) for group in groups] == [
        ("X1 is out of stock: … ordered, … left", S.VALIDATING, 2, "c"),
        ("payment declined", S.PAYMENT_PROCESSING, 1, "b"),
    ]


def test_success_is_of_orders_that_completed_or_failed_and_refunds_do_not_undo_it():
    ended = [
        a_story(),
        a_story(way=(*TO_THE_END, S.REFUNDED)),
        a_story(way=(S.PENDING, S.FAILED)),
        a_story(way=(S.PENDING, S.CANCELLED)),
        a_story(way=(S.PENDING,)),
    ]

    assert success_rate(ended) == 2 / 3
    assert success_rate(ended[3:]) is None


def test_the_average_value_is_in_whole_cents_of_one_currency():
    stories = [a_story(total=1_000), a_story(total=1_001), a_story(total=99, currency="USD")]

    assert average_value(stories) == (1_001, "EUR")
    assert average_value([a_story(way=(S.PENDING,))]) is None


def test_orders_per_hour_are_of_the_last_hour_or_of_what_the_newest_cover():
    hour_ms = 3_600_000
    stories = [a_story(at_ms=NOON_MS - ago_ms) for ago_ms in (0, 60_000, 120_000, 2 * hour_ms)]

    assert orders_per_hour(Orders(NOON_MS, stories)) == (3, 3_600)
    assert orders_per_hour(Orders(NOON_MS, stories[:3], is_cut=True)) == (90, 120)
    assert orders_per_hour(Orders(NOON_MS, [])) == (0, 3_600)


def test_orders_placed_are_counted_in_buckets_that_fit_the_plot():
    stories = [
        a_story(at_ms=NOON_MS),
        a_story(at_ms=NOON_MS + 99_000, way=(S.PENDING,)),
        a_story(at_ms=NOON_MS + 100_000),
    ]

    bucket_s, counts = placed_over_time(Orders(NOON_MS + 100_000, stories))

    start = NOON_MS // 1_000
    assert bucket_s == 5
    assert counts == {
        Outcome.COMPLETED: {start: 1, start + 100: 1},
        Outcome.IN_PROGRESS: {start + 95: 1},
    }


@pytest.mark.parametrize(
    ("phone", "shown"), [("+447700900123", "••••••••••123"), ("123456", "••••••"), (None, "–")]
)
def test_a_phone_is_masked_except_its_last_three_digits(phone, shown):
    assert masked(phone) == shown


@pytest.mark.parametrize(
    ("took_ms", "words"),
    [(0, "0 ms"), (380, "380 ms"), (12_500, "12.5 s"), (90_000, "1.5 min"), (1e8, "1.2 d")],
)
def test_durations_have_up_to_three_digits(took_ms, words):
    assert duration(took_ms) == words


def test_times_of_no_millisecond_and_of_hours_fit_one_axis():
    figure = order_charts.stage_times([StageTime(S.PENDING, 3, 0, 2), StageTime(S.VALIDATING, 3, 40, 5e6)])

    low, high = figure.layout.xaxis.range
    assert all(low < math.log10(x) < high for trace in figure.data for x in trace.x)
    assert figure.data[-2].text == ("  0 ms  ", "  40 ms  ")


def test_a_timeline_ends_now_for_an_order_on_its_way_and_leaves_refunds_out():
    on_its_way = a_story(way=TO_PAYMENT).transitions
    refunded = a_story(way=(*TO_THE_END, S.REFUNDED)).transitions

    [bars] = order_charts.timeline(on_its_way, NOON_MS + 5_030).data
    [ended] = order_charts.timeline(refunded, NOON_MS + 9_000_000).data

    assert (list(bars.base)[-1], list(bars.x)[-1]) == (0.03, 5.0)
    assert (len(ended.x), sum(ended.x)) == (5, pytest.approx(0.05))


@pytest.fixture
def dynamodb(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mocked_aws() as client:
        yield client("dynamodb")


@pytest.fixture
def trade(dynamodb):
    tables = create_tables(dynamodb)
    products = DynamoProductStore(dynamodb, tables)
    for product_id, price in PRICES.items():
        products.create(a_product(product_id, price=price, inventory_count=500), None)
    return Trade(DynamoOrderStore(dynamodb, tables), DynamoNoticeLog(dynamodb, tables), FixedClock())


@pytest.fixture
def reads(dynamodb, trade):
    return OrderReads(dynamodb, Tables.with_prefix(""))


def test_an_empty_table_has_no_orders_and_no_texts(reads):
    assert reads.newest(NOON_MS) == Orders(NOON_MS, [], waiting=[])
    assert list(reads.notices(NOON_MS).newest) == []
    assert reads.details("nobody") is None
    assert reads.details("x" * 5_000) is None


def test_orders_of_all_customers_come_newest_first_with_their_histories(trade, reads):
    trade.some_minutes(orders=20)

    view = reads.newest(trade.clock.now_ms())

    assert len(view.newest) == 21
    placed = [story.order.placed_at_ms for story in view.newest]
    assert placed == sorted(placed, reverse=True)
    for story in view.newest:
        assert story.order == trade.store.get(story.order.order_id)
        assert (
            list(story.transitions)
            == list(trade.store.history(story.order.order_id))[: order_reads.TO_AN_END]
        )
    assert (view.in_progress, view.more_in_progress, view.is_cut) == (3, False, False)
    assert {order.status for order in view.waiting} == {S.PAYMENT_PROCESSING}
    assert view.oldest_placed_at_ms == min(order.placed_at_ms for order in view.waiting)


def test_an_order_whose_text_is_not_begun_is_shown_while_it_is_in_progress(trade, reads, monkeypatch):
    monkeypatch.setattr("tests.traded_orders.send_notice", lambda *_: None)
    waiting = trade.order(until=S.VALIDATING)

    assert [story.order.order_id for story in reads.newest(NOON_MS).newest] == [waiting.order_id]


def test_the_number_of_orders_is_bounded_and_said(trade, reads, monkeypatch):
    ids = [trade.order("COFFEE001").order_id for _ in range(5)]
    monkeypatch.setattr(order_reads, "NEWEST_ORDERS", 3)

    view = reads.newest(NOON_MS)

    assert [story.order.order_id for story in view.newest] == ids[::-1][:3]
    assert view.is_cut
    assert NEWEST_ORDERS == 300


def test_history_rows_are_read_once(trade, reads):
    for _ in range(3):
        trade.order("COFFEE001")
    first = reads.newest(NOON_MS)
    asked = []
    rows = reads._rows
    reads._rows = lambda keys: asked.append(list(keys)) or rows(keys)

    assert reads.newest(NOON_MS) == first
    assert [len(keys) for keys in asked] == [3, 0]  # the orders' own rows, which may have changed


def test_a_history_row_that_is_not_there_yet_is_read_again(trade, reads, dynamodb):
    order_id = trade.order("COFFEE001").order_id
    lost = {"PK": {"S": f"ORDER#{order_id}"}, "SK": {"S": "HISTORY#00003"}}
    row = dynamodb.get_item(TableName="Orders", Key=lost)["Item"]
    dynamodb.delete_item(TableName="Orders", Key=lost)
    assert [each.number for each in reads.newest(NOON_MS).newest[0].transitions] == [1, 2]

    dynamodb.put_item(TableName="Orders", Item=row)
    assert [each.number for each in reads.newest(NOON_MS).newest[0].transitions] == [1, 2, 3, 4, 5, 6]


def test_one_order_has_its_history_and_the_texts_about_it(trade, reads, monkeypatch):
    order = trade.order(phone="+447700900123")

    details = reads.details(order.order_id)

    assert (details.order, details.is_cut) == (order, False)
    assert list(details.transitions) == list(trade.store.history(order.order_id))
    assert [notice.kind.value for notice in details.notices] == ["CREATED", "COMPLETED"]

    monkeypatch.setattr(order_reads, "SHOWN_TRANSITIONS", 4)
    cut = reads.details(order.order_id)
    assert (len(cut.transitions), cut.is_cut) == (4, True)


def test_texts_come_newest_first(trade, reads):
    trade.order(phone="+447700900123")
    trade.order(phone=None)

    view = reads.notices(NOON_MS)

    assert [(each.kind.value, each.status.value) for each in view.newest] == [
        ("COMPLETED", "NO_PHONE"),
        ("CREATED", "NO_PHONE"),
        ("COMPLETED", "SENT"),
        ("CREATED", "SENT"),
    ]
    assert not view.is_cut


def test_a_failure_whose_history_is_not_there_yet_is_counted():
    story = a_story(way=(S.PENDING, S.FAILED))

    assert failures([replace(story, transitions=())])[0].stage is None
