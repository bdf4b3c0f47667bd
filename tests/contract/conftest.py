"""Every port on every adapter: memory, and DynamoDB (moto, in process, tables from the template)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.bonus_ledger import DynamoBonusLedger
from handlers.aws.code_runs import DynamoRunStore
from handlers.aws.code_store import DynamoCodeStore
from handlers.aws.engagement_store import DynamoEngagementStore
from handlers.aws.experiment_store import DynamoExperimentStore
from handlers.aws.idempotency_store import DynamoRateCounter
from handlers.aws.inventory_store import DynamoInventoryStore
from handlers.aws.notice_log import DynamoNoticeLog
from handlers.aws.offer_rows import offer_item
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.order_store import DynamoOrderStore
from handlers.aws.outbox_table import DynamoOutbox
from handlers.aws.pivots import DynamoPivotLog
from handlers.aws.product_store import DynamoProductStore
from handlers.aws.rating_store import DynamoRatingStore
from handlers.aws.serving import DynamoContextReader
from handlers.aws.table_access import Patience, Tables
from offerloop.bonuses.ports import BonusLedger
from offerloop.codes.ports import CodeStore
from offerloop.codes.runs import RunStore
from offerloop.offers.model import Offer
from offerloop.offers.ports import (
    ActivityStore,
    ContextReader,
    EngagementStore,
    ExperimentStore,
    InventoryStore,
    OfferStore,
    PivotLog,
)
from offerloop.orders.notices import NoticeLog
from offerloop.orders.ports import OrderStore, ProductStore
from offerloop.orders.rate_order import RatingStore
from offerloop.outbox import Outbox
from offerloop.rate_limit import RateCounter
from simulator.memory.activity import MemoryActivityStore, MemoryOutbox, MemoryRateCounter
from simulator.memory.administration import MemoryExperimentStore, MemoryOfferStore, MemoryPivotLog
from simulator.memory.bonuses import MemoryBonusLedger
from simulator.memory.code_runs import MemoryRunStore
from simulator.memory.codes import MemoryCodeStore
from simulator.memory.engagement import MemoryEngagementStore
from simulator.memory.inventory import MemoryInventoryStore
from simulator.memory.orders import (
    MemoryNoticeLog,
    MemoryOrderStore,
    MemoryProductStore,
    MemoryRatingStore,
)
from simulator.memory.serving import MemoryContextReader
from simulator.memory.world import MemoryWorld
from tests.factories import NOON, FixedClock
from tests.mocked_aws import mocked_aws
from tests.template_tables import create_tables

NO_WAITING = Patience(sleep=lambda seconds: None, jitter=lambda: 0.0)


@dataclass(frozen=True)
class Stores:
    """All ports of one world.

    Attributes:
        outbox: has the messages of events; alerts: those of pivots; order_outbox: those of orders.
        raw: what stands behind them: a `MemoryWorld`, or a DynamoDB client.
    """

    contexts: ContextReader
    activity: ActivityStore
    engagement: EngagementStore
    inventory: InventoryStore
    offers: OfferStore
    experiments: ExperimentStore
    pivot_log: PivotLog
    outbox: Outbox
    alerts: Outbox
    rate_counter: RateCounter
    products: ProductStore
    orders: OrderStore
    order_outbox: Outbox
    notices: NoticeLog
    ratings: RatingStore
    bonuses: BonusLedger
    codes: CodeStore
    code_runs: RunStore
    code_outbox: Outbox
    raw: Any

    def put_offer(self, offer: Offer, *, listing_its_end: bool = True) -> None:
        """Write an offer's record past the ports, as a foreign client does."""
        if isinstance(self.raw, MemoryWorld):
            self.raw.put_offer(offer)
            return
        item = offer_item(offer)
        if not listing_its_end:
            item.pop("expiry_list", None)
        self.raw.put_item(TableName="Offers", Item=item)

    def remove_offer(self, offer_id: str) -> None:
        """Delete an offer's record as TTL does."""
        if isinstance(self.raw, MemoryWorld):
            self.raw.remove_offer(offer_id)
        else:
            self.raw.delete_item(
                TableName="Offers", Key={"PK": {"S": f"OFFER#{offer_id}"}, "SK": {"S": "METADATA"}}
            )


def memory_stores(world: MemoryWorld) -> Stores:
    outbox = MemoryOutbox(world)
    return Stores(
        contexts=MemoryContextReader(world),
        activity=MemoryActivityStore(world),
        engagement=MemoryEngagementStore(world),
        inventory=MemoryInventoryStore(world),
        offers=MemoryOfferStore(world),
        experiments=MemoryExperimentStore(world),
        pivot_log=MemoryPivotLog(world),
        outbox=outbox,
        alerts=outbox,
        rate_counter=MemoryRateCounter(world),
        products=MemoryProductStore(world),
        orders=MemoryOrderStore(world),
        order_outbox=outbox,
        notices=MemoryNoticeLog(world),
        ratings=MemoryRatingStore(world),
        bonuses=MemoryBonusLedger(world),
        codes=MemoryCodeStore(world),
        code_runs=MemoryRunStore(world),
        code_outbox=outbox,
        raw=world,
    )


def dynamo_stores(client: Any, tables: Tables) -> Stores:
    return Stores(
        contexts=DynamoContextReader(client, tables),
        activity=DynamoActivityStore(client, tables, patience=NO_WAITING),
        engagement=DynamoEngagementStore(client, tables, patience=NO_WAITING),
        inventory=DynamoInventoryStore(client, tables, patience=NO_WAITING),
        offers=DynamoOfferStore(client, tables, patience=NO_WAITING),
        experiments=DynamoExperimentStore(client, tables, patience=NO_WAITING),
        pivot_log=DynamoPivotLog(client, tables, until=NOON + 3_600),
        outbox=DynamoOutbox(client, tables.user_activity),
        alerts=DynamoOutbox(client, tables.offers),
        rate_counter=DynamoRateCounter(client, tables),
        products=DynamoProductStore(client, tables, patience=NO_WAITING),
        orders=DynamoOrderStore(client, tables, patience=NO_WAITING),
        order_outbox=DynamoOutbox(client, tables.orders),
        notices=DynamoNoticeLog(client, tables, patience=NO_WAITING),
        ratings=DynamoRatingStore(client, tables, patience=NO_WAITING),
        bonuses=DynamoBonusLedger(client, tables, patience=NO_WAITING),
        codes=DynamoCodeStore(client, tables, patience=NO_WAITING),
        code_runs=DynamoRunStore(client, tables, patience=NO_WAITING),
        code_outbox=DynamoOutbox(client, tables.codes),
        raw=client,
    )


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A DynamoDB client on moto, without tables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mocked_aws() as client:
        yield client("dynamodb")


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    if request.param == "memory":
        return memory_stores(MemoryWorld(FixedClock()))
    client = request.getfixturevalue("dynamodb")
    return dynamo_stores(client, create_tables(client))


@pytest.fixture
def dynamo_only(dynamodb: Any) -> Stores:
    """For what only a table can break."""
    return dynamo_stores(dynamodb, create_tables(dynamodb))
