"""`NoticeLog`: each message once, capped by phone and day."""

from dataclasses import replace

from offerloop.orders.messages import NoticeKind
from offerloop.orders.notices import Notice, NoticeStatus
from tests.factories import NOON_MS

PHONE, DAY = "+15550100", "2027-01-15"


def a_notice(order_id="order-1", **changes):
    notice = Notice(
        order_id, NoticeKind.CREATED, "ann", PHONE, "🛒 Order Created!", NoticeStatus.SENDING, NOON_MS
    )
    return replace(notice, **changes)


def test_a_notice_of_one_order_and_kind_begins_once(stores):
    begun = [stores.notices.begin(a_notice(at_ms=NOON_MS + again)) for again in range(2)]

    assert begun == [True, False]
    assert stores.notices.begin(a_notice(kind=NoticeKind.COMPLETED))
    assert stores.notices.begin(a_notice("order-2"))
    assert a_notice() in stores.notices.latest(10)


def test_what_became_of_a_notice_takes_its_place(stores):
    stores.notices.begin(a_notice(phone=None))

    stores.notices.end(a_notice(phone=None, status=NoticeStatus.NO_PHONE))

    assert stores.notices.latest(10) == [a_notice(phone=None, status=NoticeStatus.NO_PHONE)]
    assert not stores.notices.begin(a_notice())


def test_the_latest_notices_come_first(stores):
    for number in range(9):
        stores.notices.begin(a_notice(f"order-{number}", at_ms=NOON_MS + number))

    latest = stores.notices.latest(4)

    assert [notice.order_id for notice in latest] == ["order-8", "order-7", "order-6", "order-5"]
    assert len(stores.notices.latest(100)) == 9


def test_without_notices_there_are_no_latest(stores):
    assert list(stores.notices.latest(10)) == []


def test_a_phone_gets_as_many_messages_a_day_as_allowed(stores):
    taken = [stores.notices.take_of_day(PHONE, DAY, 2) for _ in range(3)]

    assert taken == [True, True, False]
    assert stores.notices.take_of_day(PHONE, "2027-01-16", 2)
    assert stores.notices.take_of_day("+15550101", DAY, 2)


def test_whoever_opted_out_is_known(stores):
    for _ in range(2):
        stores.notices.opt_out(PHONE)

    assert stores.notices.opted_out(PHONE)
    assert not stores.notices.opted_out("+15550101")


def test_whoever_opts_in_again_is_told_again(stores):
    stores.notices.opt_out(PHONE)
    stores.notices.opt_out("+15550101")

    for _ in range(2):
        stores.notices.opt_in(PHONE)

    assert not stores.notices.opted_out(PHONE)
    assert stores.notices.opted_out("+15550101")


def test_keys_show_nobodys_number(dynamodb, dynamo_only):
    dynamo_only.notices.opt_out(PHONE)
    dynamo_only.notices.take_of_day(PHONE, DAY, 1)

    rows = dynamodb.scan(TableName="Orders")["Items"]

    assert len(rows) == 2
    assert not any(PHONE in str(row) for row in rows)
