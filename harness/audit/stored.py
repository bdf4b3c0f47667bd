"""A snapshot of everything that a running system has stored, from full scans of its tables."""

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx

from handlers.aws.attributes import Item, number, optional_number, optional_text, text
from handlers.aws.bonus_rows import account_of, entry_of, reward_of
from handlers.aws.code_rows import code_of, level_of
from handlers.aws.engagement_rows import EVENTS_KEPT_FOR_S, event_of, experiment_of
from handlers.aws.inventory_store import state_of
from handlers.aws.keys import (
    CODE_COUNT,
    CODE_PREFIX,
    COUNTER_KEY,
    CUSTOMER_PREFIX,
    ENTRY_PREFIX,
    EVENT_PREFIX,
    EXPERIMENT_PREFIX,
    FREE_PREFIX,
    HISTORY_PREFIX,
    METADATA,
    OFFER_PREFIX,
    ORDER_PREFIX,
    OUTBOX_PREFIX,
    RANK_PREFIX,
    STATE,
    TALLY_PREFIX,
    TOTAL_PREFIX,
    TREND_KEY,
    code_in_place,
    live_experiment_keys,
    pool_of_list,
    total_ever_key,
)
from handlers.aws.offer_rows import offer_of
from handlers.aws.order_rows import order_of, transition_of
from handlers.aws.pivots import pivot_of
from handlers.aws.product_rows import product_of
from handlers.aws.ranked_lists import board_of
from handlers.aws.ranked_lists import entry_of as rank_entry_of
from handlers.aws.reward_totals import totals_in
from handlers.aws.serving import trend_of
from handlers.aws.table_access import Tables
from harness.audit.day_files import day_files_of
from harness.audit.table_scan import scan_table
from harness.system import RunningSystem
from offerloop.bonuses.model import Account, Entry, OrderReward
from offerloop.codes.model import Code, Level
from offerloop.offers.board import Board
from offerloop.offers.experiments import ExperimentStatus, Tally
from offerloop.offers.model import Offer, OfferState, Pivot
from offerloop.offers.scoring import BY_PRIORITY, CONTROL, Weights
from offerloop.offers.trending import TrendScores
from offerloop.orders.model import Order, Product, Transition
from simulator.snapshot import (
    ListOfRanking,
    OfferInRanking,
    Place,
    RunningSums,
    Snapshot,
    StoredEvent,
    WaitingMessage,
)

USER_PREFIX = "USER#"
REDEEMED_PREFIX = "REDEEMED#"
BOARD_PREFIX = "BOARD#"
PIVOTS_PREFIX = "PIVOTS#"

_COUNTER = (COUNTER_KEY["PK"]["S"], COUNTER_KEY["SK"]["S"])
_LIVE = tuple(value["S"] for value in live_experiment_keys()[0].values())
_EVER = total_ever_key(0)["PK"]["S"]
_TREND = (TREND_KEY["PK"]["S"], TREND_KEY["SK"]["S"])


def take_snapshot(system: RunningSystem) -> Snapshot:
    """Read all tables at the same time; half a million rows take about a minute on an emulator.

    Rows are strongly consistent one by one, not as a whole: what is written meanwhile may be seen in one
    row and not yet in another.
    """
    tables = Tables.with_prefix(system.prefix)
    stored = _Stored()
    readers: dict[str, Callable[[Item], None]] = {
        tables.offers: stored.read_offers_row,
        tables.user_activity: stored.read_activity_row,
        tables.products: stored.read_products_row,
        tables.orders: stored.read_orders_row,
        tables.codes: stored.read_codes_row,
        tables.rewards: stored.read_rewards_row,
    }

    def read(table: str) -> None:
        reader = readers[table]
        for page in scan_table(system, table):
            for item in page:
                reader(item)

    created = system.client("dynamodb").describe_table(TableName=tables.user_activity)["Table"][
        "CreationDateTime"
    ]
    young = datetime.now(UTC) - created < timedelta(seconds=EVENTS_KEPT_FOR_S)
    with ThreadPoolExecutor(len(readers), thread_name_prefix="audit") as pool:
        list(pool.map(read, readers))
    payments = None if system.payment_url is None else payments_kept(system.payment_url)
    found = stored.snapshot(time.time_ns() // 1_000_000, payments, events_are_complete=young)
    return replace(found, day_files=day_files_of(system))


def payments_kept(url: str) -> dict[str, int]:
    """What the stand-in payment service keeps by order id, in minor units: captured less refunded and voided.

    Raises:
        httpx.HTTPError: it does not answer.
    """
    kept: dict[str, int] = {}
    after: str | None = ""
    while after is not None:
        page = httpx.get(f"{url}/ledger", params={"after": after} if after else {}, timeout=10)
        page.raise_for_status()
        for account in page.json()["payments"]:
            kept[account["key"]] = account["captured"] - account["refunded"] - account["voided"]
        after = page.json()["next"]
    return kept


@dataclass
class _Stored:
    """Rows as they come in; each table is read by one thread, and no field belongs to both but the outbox."""

    offers: dict[str, Offer] = field(default_factory=dict)
    states: dict[str, OfferState] = field(default_factory=dict)
    places: dict[OfferInRanking, Place] = field(default_factory=dict)
    ends_listed: set[str] = field(default_factory=set)
    boards: dict[ListOfRanking, dict[int, Board]] = field(default_factory=lambda: defaultdict(dict))
    pivots: list[Pivot] = field(default_factory=list)
    available: int = 0
    rankings: tuple[Weights, ...] = (CONTROL, BY_PRIORITY)
    events: list[StoredEvent] = field(default_factory=list)
    redeemed: dict[tuple[str, str], int] = field(default_factory=dict)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    outbox: list[WaitingMessage] = field(default_factory=list)
    trend: TrendScores | None = None
    products: dict[str, Product] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    transitions: dict[str, list[Transition]] = field(default_factory=lambda: defaultdict(list))
    codes: dict[str, Code] = field(default_factory=dict)
    code_levels: dict[str, Level] = field(default_factory=dict)
    free_codes: list[tuple[str, str]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    order_rewards: dict[str, OrderReward] = field(default_factory=dict)
    totals_of_days: list[Item] = field(default_factory=list)
    totals_ever: list[Item] = field(default_factory=list)

    def snapshot(
        self, taken_at_ms: int, payments: dict[str, int] | None, *, events_are_complete: bool
    ) -> Snapshot:
        kept = {weights.ranking_id for weights in self.rankings}
        return Snapshot(
            taken_at_ms=taken_at_ms,
            offers=self.offers,
            states=self.states,
            rankings=self.rankings,
            places={key: place for key, place in self.places.items() if key.ranking_id in kept},
            ends_listed=self.ends_listed,
            boards={
                key: [copies[number] for number in sorted(copies)]
                for key, copies in self.boards.items()
                if key.ranking_id in kept
            },
            available=self.available,
            pivots=self.pivots,
            events=self.events,
            redeemed=self.redeemed,
            tallies=self.tallies,
            outbox=self.outbox,
            trend=self.trend,
            products=self.products,
            orders=self.orders,
            transitions=self.transitions,
            codes=self.codes,
            code_levels=self.code_levels,
            free_codes=self.free_codes,
            accounts=self.accounts,
            entries=self.entries,
            order_rewards=self.order_rewards,
            running_totals=RunningSums(totals_in(self.totals_of_days), totals_in(self.totals_ever)),
            payments=payments,
            events_are_complete=events_are_complete,
        )

    def read_offers_row(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        if pk.startswith(OFFER_PREFIX):
            self._read_offer(pk.removeprefix(OFFER_PREFIX), sk, item)
        elif pk.startswith(BOARD_PREFIX):
            ranking_id, _, list_name = pk.removeprefix(BOARD_PREFIX).partition("#")
            self.boards[ListOfRanking(ranking_id, list_name)][int(sk)] = board_of(item)
        elif pk.startswith(PIVOTS_PREFIX):
            self.pivots.append(pivot_of(item))
        elif pk.startswith(OUTBOX_PREFIX):
            self._read_message(sk)
        elif (pk, sk) == _COUNTER:
            self.available = number(item, "available")

    def _read_offer(self, offer_id: str, sk: str, item: Item) -> None:
        if sk == METADATA:
            self.offers[offer_id] = offer_of(item)
            if "expiry_list" in item:
                self.ends_listed.add(offer_id)
        elif sk == STATE:
            self.states[offer_id] = state_of(item)
        elif sk.startswith(RANK_PREFIX):
            ranking_id = sk.removeprefix(RANK_PREFIX)
            self.places[OfferInRanking(offer_id, ranking_id)] = _place(item, ranking_id)

    def read_activity_row(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        if sk.startswith(EVENT_PREFIX):
            self.events.append(StoredEvent(event_of(item), optional_number(item, "counted_at")))
        elif sk.startswith(REDEEMED_PREFIX):
            of = pk.removeprefix(USER_PREFIX), sk.removeprefix(REDEEMED_PREFIX)
            self.redeemed[of] = number(item, "redemptions")
        elif pk.startswith(OUTBOX_PREFIX):
            self._read_message(sk)
        elif sk.startswith(TALLY_PREFIX):
            arm = pk.removeprefix(EXPERIMENT_PREFIX), sk.removeprefix(TALLY_PREFIX)
            self.tallies[arm] = Tally(number(item, "exposed"), number(item, "converted"))
        elif (pk, sk) == _TREND:
            self.trend = trend_of(item)
        elif (pk, sk) == _LIVE:
            live = experiment_of(item)
            # One that is PREPARING has lists that are still being filled.
            if live.status is ExperimentStatus.RUNNING:
                by_id = {weights.ranking_id: weights for weights in (*live.rankings, *self.rankings)}
                self.rankings = tuple(by_id.values())

    def read_products_row(self, item: Item) -> None:
        product = product_of(item)
        self.products[product.product_id] = product

    def read_orders_row(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        if pk.startswith(OUTBOX_PREFIX):
            self._read_message(sk)
        elif pk.startswith(ORDER_PREFIX) and sk == METADATA:
            order = order_of(item)
            self.orders[order.order_id] = order
        elif pk.startswith(ORDER_PREFIX) and sk.startswith(HISTORY_PREFIX):
            transition = transition_of(item)
            self.transitions[transition.order_id].append(transition)

    def read_codes_row(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        if pk.startswith(CODE_PREFIX) and sk == METADATA:
            code = code_of(item)
            self.codes[code.code] = code
        elif pk.startswith(OUTBOX_PREFIX):
            self._read_message(sk)
        elif sk == CODE_COUNT:
            pool_id = pool_of_list(pk)
            before, found = self.code_levels.get(pool_id, Level(0, 0, 0)), level_of(item)
            self.code_levels[pool_id] = Level(
                before.free + found.free, before.given + found.given, before.void + found.void
            )
        elif sk.startswith(FREE_PREFIX):
            self.free_codes.append((pool_of_list(pk), code_in_place(sk)))

    def read_rewards_row(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        if pk.startswith(OUTBOX_PREFIX):
            self._read_message(sk)
        elif pk.startswith(CUSTOMER_PREFIX) and sk.startswith(ENTRY_PREFIX):
            entry = entry_of(item)
            self.entries[entry.customer_id].append(entry)
        elif pk.startswith(CUSTOMER_PREFIX):
            account = account_of(item)
            self.accounts[account.customer_id] = account
        elif pk.startswith(ORDER_PREFIX):
            reward = reward_of(item)
            self.order_rewards[reward.order_id] = reward
        elif sk.startswith(TOTAL_PREFIX):
            (self.totals_ever if pk == _EVER else self.totals_of_days).append(item)

    def _read_message(self, sk: str) -> None:
        written_at_ms, _, message_id = sk.partition("#")
        self.outbox.append(WaitingMessage(message_id, int(written_at_ms)))


def _place(item: Item, ranking_id: str) -> Place:
    """The place in a RANK row, as its index keys say it, whatever the entry says."""
    names = (optional_text(item, "all_list"), optional_text(item, "category_list"))
    return Place(
        category=text(item, "category"),
        entry=rank_entry_of(item),
        lists=frozenset(name.removeprefix(f"{ranking_id}#") for name in names if name),
        base_key=text(item, "base_key"),
        urgent_key=optional_text(item, "urgent_key"),
    )
