"""The audit reads what the adapters wrote: clean after real use, and each kind of corrupted row is found."""

import time
from pathlib import Path

import pytest

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.engagement_store import DynamoEngagementStore
from handlers.aws.experiment_store import DynamoExperimentStore
from handlers.aws.inventory_store import DynamoInventoryStore
from handlers.aws.keys import COUNTER_KEY, board_key, offer_key, rank_key, tally_key
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.outbox_table import DynamoOutbox
from handlers.aws.table_access import Tables
from harness.audit import AuditReport, audit
from harness.audit.table_scan import scan_table
from harness.system import RunningSystem
from offerloop.offers.count_engagement import count_engagement
from offerloop.offers.experiments import Experiment, Variant
from offerloop.offers.model import DiscountType, EventType, Offer, OfferChange
from offerloop.offers.run_experiments import prepare_experiment, start_experiment
from offerloop.offers.scoring import CONTROL, Weights
from offerloop.offers.track_event import TrackEvent, track_event
from offerloop.offers.watch_inventory import watch_inventory
from simulator.invariants import INVARIANTS
from simulator.memory.ids import SeededIds
from simulator.snapshot import Snapshot
from tests.mocked_aws import mocked_aws, tables_as_they_are
from tests.template_tables import create_tables

NAMES = Tables.with_prefix("")


class Ticking:
    """A clock that starts now, since the audit reads the machine's, and moves a second per look."""

    def __init__(self):
        self.ms = time.time_ns() // 1_000_000 - 60_000

    def now_ms(self):
        self.ms += 1_000
        return self.ms


class SmallShop:
    """Four offers, four users and an experiment on in-process tables, driven through the use cases."""

    def __init__(self, client):
        self.client = client
        self.clock, self.ids = Ticking(), SeededIds()
        self.inventory = DynamoInventoryStore(client, NAMES)
        self.offers = DynamoOfferStore(client, NAMES)
        self.activity = DynamoActivityStore(client, NAMES)
        self.changes = 0

    def system(self):
        return RunningSystem("embedded", None, "us-east-1", "", "", "", None, {}, Path())

    def changed(self, offer_id, before):
        self.changes += 1
        now = self.clock.now_ms() // 1_000
        after = self.inventory.get_many([offer_id]).get(offer_id)
        change = OfferChange(f"change-{self.changes}", offer_id, now, before, after)
        watch_inventory([change], store=self.inventory, now=now)

    def add(self, offer_id, stock, category="electronics", **fields):
        discount = DiscountType.PERCENTAGE, 2_500
        offer = Offer(offer_id, offer_id, category, *discount, 80, stock, received_count=stock, **fields)
        self.offers.create(offer, None)
        self.changed(offer_id, None)

    def track(self, user_id, offer_id, event_type, category="electronics"):
        before = self.offers.get(offer_id)
        command = TrackEvent(user_id, offer_id, category, event_type)
        track_event(command, store=self.activity, clock=self.clock, ids=self.ids)
        self.changed(offer_id, before)

    def deliver(self):
        """What the publisher and the consumer of the engagement stream do."""
        now_ms = self.clock.now_ms()
        events = [event for user in ("ann", "bob", "cid") for event in self.activity.events_of(user, 100)]
        count_engagement(events, store=DynamoEngagementStore(self.client, NAMES), now=now_ms // 1_000)
        for table in (NAMES.offers, NAMES.user_activity):
            outbox = DynamoOutbox(self.client, table)
            outbox.mark_sent(outbox.overdue(now_ms + 1_000_000, 1_000))

    def experiment(self):
        store = DynamoExperimentStore(self.client, NAMES)
        urgent = Weights(priority_bp=3_000, relevance_bp=3_000, urgency_bp=3_500, inventory_bp=500)
        store.create_experiment(
            Experiment("more-urgency", (Variant("control", 5_000, CONTROL), Variant("urgent", 5_000, urgent)))
        )
        start_experiment("more-urgency", store=store, clock=self.clock)
        prepare_experiment("more-urgency", store=store, offers=self.offers, inventory=self.inventory)

    def update(self, table, key, **attributes):
        for name, value in attributes.items():
            self.client.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET #name = :value",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":value": {"S" if isinstance(value, str) else "N": str(value)}},
            )


@pytest.fixture(scope="module")
def in_use():
    """A shop that everything has happened in, and what brings its tables back to that."""
    with pytest.MonkeyPatch.context() as patch, mocked_aws() as clients:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        client = clients("dynamodb")
        create_tables(client)
        yield some_minutes_of(SmallShop(client)), tables_as_they_are()


@pytest.fixture
def used(in_use):
    shop, as_it_was = in_use
    as_it_was()
    return shop


def some_minutes_of(shop):
    """LAPTOP is sold out and CAMERA boosted; everything is published and counted."""
    shop.add("LAPTOP", 2)
    shop.add("HUB", 5, expires_at=shop.clock.now_ms() // 1_000 + 9_999)
    shop.add("CAMERA", 5)
    shop.add("SHOES", 5, category="fashion", redemptions_per_user=3)
    shop.experiment()
    shop.track("ann", "LAPTOP", EventType.VIEW)
    shop.track("ann", "LAPTOP", EventType.REDEMPTION)
    shop.track("bob", "LAPTOP", EventType.REDEMPTION)
    shop.track("bob", "SHOES", EventType.REDEMPTION, category="fashion")
    shop.track("bob", "SHOES", EventType.REDEMPTION, category="fashion")
    shop.track("cid", "CAMERA", EventType.DISMISS)
    shop.deliver()
    return shop


def broken_laws(shop):
    report = audit(shop.system(), settle=lambda _: None)
    return {result.name for result in report.results if not result.holds}


def test_a_used_system_is_clean_and_everything_in_it_was_looked_at(used):
    report = audit(used.system(), settle=lambda _: None)

    assert list(report.lines())[:-1] == [line for line in report.lines() if line.startswith("holds")]
    checked = {result.name: result.checked for result in report.results}
    assert len(checked) == len(INVARIANTS)
    assert (report.clean, report.looks) == (True, 1)
    assert checked["Stock is never negative"] == 4
    assert checked["No user redeems an offer beyond its limit"] == 3
    assert checked["Each stockout has exactly one pivot"] == 1
    assert checked["Each sold-out offer has exactly one open pivot"] == 1
    assert checked["Every tracked event is published"] == 6
    assert checked["Experiment tallies equal their events"] > 0
    assert checked["Trending equals the recent events"] == 2
    assert checked["Index keys equal what the offers give"] == 3 * 3  # offers in stock, rankings
    assert checked["Boards equal the heads of the sorted offers"] == 2 * (4 + 2) + 2


@pytest.mark.parametrize(
    ("table", "key", "attributes", "law"),
    [
        (NAMES.offers, COUNTER_KEY, {"available": 9}, "The counter equals the offers in stock"),
        (NAMES.offers, offer_key("HUB"), {"inventory_count": -1}, "Stock is never negative"),
        (
            NAMES.offers,
            offer_key("HUB"),
            {"inventory_count": 4},
            "Stock = received + adjusted - redeemed - held",
        ),
        (NAMES.offers, offer_key("CAMERA"), {"priority_boost": 0}, "Boosts equal the open pivots"),
        (
            NAMES.offers,
            offer_key("SHOES"),
            {"redeemed_count": 1},
            "Offers, events and users count the same redemptions",
        ),
        (NAMES.offers, offer_key("SHOES"), {"priority": 81}, "Boards equal the heads of the sorted offers"),
        (
            NAMES.offers,
            rank_key("HUB", CONTROL.ranking_id),
            {"base_key": "0"},
            "Index keys equal what the offers give",
        ),
        (
            NAMES.user_activity,
            tally_key("more-urgency", "urgent"),
            {"exposed": 99},
            "Experiment tallies equal their events",
        ),
    ],
)
def test_a_corrupted_row_is_found(used, table, key, attributes, law):
    used.update(table, key, **attributes)

    assert law in broken_laws(used)


def test_a_lost_row_is_found(used):
    used.client.delete_item(TableName=NAMES.offers, Key=board_key(CONTROL, "ALL", 3))
    used.client.delete_item(TableName=NAMES.offers, Key=board_key(CONTROL, "CATEGORY#fashion"))
    used.client.delete_item(TableName=NAMES.offers, Key=rank_key("CAMERA", CONTROL.ranking_id))

    assert broken_laws(used) == {
        "Index keys equal what the offers give",
        "Boards equal the heads of the sorted offers",
    }


def test_only_what_every_look_shows_is_a_breach():
    """A counter that is behind once, and one that stays behind."""
    moving = iter([Snapshot(taken_at_ms=0, available=1), Snapshot(taken_at_ms=0, available=2)])
    waits = []

    passing = audit(None, snapshot_of=lambda _: next(moving), settle=waits.append)
    lasting = audit(None, snapshot_of=lambda _: Snapshot(taken_at_ms=0, available=1), settle=waits.append)

    assert (passing.clean, passing.looks) == (True, 2)
    assert (lasting.clean, lasting.looks, len(waits)) == (False, 3, 3)
    assert "offers in stock: the counter is off by +1" in "\n".join(lasting.lines())


def test_a_report_says_how_many_laws_are_broken():
    report = audit(None, snapshot_of=lambda _: Snapshot(taken_at_ms=0, available=1), settle=lambda _: None)

    *laws, summary = AuditReport(report.results, rows=7, looks=3, took_s=1.26).lines()
    assert (len(laws), summary) == (len(INVARIANTS), f"1 of {len(INVARIANTS)} laws broken: 7 rows, 1.3 s")


def test_a_scan_reads_every_page_of_every_segment(used):
    for number in range(400):  # 400 x 8 KB: more than one page of 1 MB in a segment
        item = {"PK": {"S": f"BULK#{number}"}, "SK": {"S": "x"}, "text": {"S": "y" * 8_000}}
        used.client.put_item(TableName=NAMES.idempotency, Item=item)

    pages = list(scan_table(used.system(), NAMES.idempotency))

    assert len(pages) > 3
    assert sorted(item["PK"]["S"] for page in pages for item in page) == sorted(
        f"BULK#{n}" for n in range(400)
    )
