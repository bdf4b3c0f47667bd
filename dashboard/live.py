"""The pages' data from a running system, through the same adapters and use cases as its functions."""

import dataclasses
import functools
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from dashboard import health_checks
from dashboard.customer_reads import DynamoNewestEntries
from dashboard.data import (
    ExperimentView,
    Health,
    Pivots,
    ReadCost,
    Serving,
    Source,
    SystemFacts,
    Trends,
    Unreachable,
)
from dashboard.engagement_tail import EngagementTail
from dashboard.order_data import Notices, OrderDetails, Orders
from dashboard.order_reads import OrderReads
from dashboard.reward_data import Pools, Rewards
from dashboard.reward_reads import PROMO_FOLDER, PoolReads, RewardReads
from handlers.aws.activity_store import DynamoActivityStore
from handlers.aws.code_files import S3CodeFiles
from handlers.aws.engagement_store import DynamoEngagementStore, EngagementLedger
from handlers.aws.experiment_store import DynamoExperimentStore
from handlers.aws.keys import TREND_KEY
from handlers.aws.pivots import DynamoPivotLog
from handlers.aws.ranked_lists import DynamoRankedLists
from handlers.aws.reward_files import S3RewardFiles
from handlers.aws.reward_totals import DynamoRunningTotals
from handlers.aws.serving import DynamoContextReader, trend_of
from handlers.aws.table_access import ReadMeter, Tables
from harness import state
from harness.audit import audit
from harness.seed import sample_shoppers
from harness.system import NotRunning, RunningSystem, running_system
from offerloop.errors import Busy
from offerloop.offers.experiments import Experiment, ExperimentStatus
from offerloop.offers.model import Pivot, TrendingCategory
from offerloop.offers.ports import EngagementStore
from offerloop.offers.recommend import recommend
from offerloop.offers.relevance import MAX_TRENDING
from offerloop.offers.run_experiments import experiment_result
from offerloop.rewards.days import zone_named
from simulator.findings import InvariantResult

EVENTS_READ = 25
PIVOTS_SHOWN_S = 7 * 24 * 3600
MAX_PIVOTS = 500
MAX_CATEGORIES = 100
# A page that waits is worse than one that says so.
IMPATIENT = {
    "connect_timeout": 2,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}

_sources: dict[tuple[str, str, str], "LiveSource"] = {}


def connect() -> Source:
    """The system that runs now; follows it when it is deployed anew or on another port.

    Reads the file that OFFERLOOP_OUTPUTS names (what `make -s outputs` prints), else the harness's own
    record of what is running.

    Raises:
        Unreachable: nothing is deployed.
    """
    try:
        system = described_system(os.environ.get("OFFERLOOP_OUTPUTS"))
    except NotRunning as nothing:
        raise Unreachable(f"Nothing is deployed: {nothing}. This page goes on by itself then.") from nothing
    identity = (system.endpoint_url or system.region, system.api_url, system.prefix)
    if identity not in _sources:
        _sources.clear()
        _sources[identity] = LiveSource(system)
    return _sources[identity]


def described_system(path: str | None) -> RunningSystem:
    """The system that a JSON file describes, or without one the system that is running.

    Raises:
        NotRunning: the file does not exist or describes no system; nothing is running.
    """
    if not path:
        return running_system()
    try:
        described = json.loads(Path(path).read_text())
        known = {field.name: described[field.name] for field in dataclasses.fields(RunningSystem)}
    except (OSError, ValueError, KeyError) as problem:
        raise NotRunning(f"{path} is not what `make -s outputs` prints ({problem})") from None
    return RunningSystem(**{**known, "state_dir": Path(known["state_dir"])})


class _FixedClock:
    """One moment for everything on a page."""

    def __init__(self) -> None:
        self.at_ms = time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        return self.at_ms

    @property
    def now(self) -> int:
        return self.at_ms // 1_000


class LiveSource:
    """`Source` on one running system; safe to share between visitors."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._tables = Tables.with_prefix(system.prefix)
        self._dynamodb = system.client("dynamodb", **IMPATIENT)
        redis_url = os.environ.get("REDIS_URL") or None
        self._trends_are_in_redis = redis_url is not None
        self._engagement = _engagement(self._dynamodb, self._tables, redis_url)
        self._experiments = DynamoExperimentStore(self._dynamodb, self._tables)
        self._activity = DynamoActivityStore(self._dynamodb, self._tables)
        self._offers = DynamoRankedLists(self._dynamodb, self._tables)
        self._tail = EngagementTail(
            system.client("kinesis", **IMPATIENT), system.named("offer-engagement-stream")
        )
        self._orders = OrderReads(self._dynamodb, self._tables)
        self._health = health_checks.HealthChecks(system, self._dynamodb, IMPATIENT)

    def facts(self) -> SystemFacts:
        known = state.load(self._system.state_dir, self._system.target)
        return SystemFacts(
            target=self._system.target,
            endpoint_url=self._system.endpoint_url or "AWS",
            api_url=self._system.api_url,
            region=self._system.region,
            docs_url=known.pages.get("docs") if known.running("docs") is not None else None,
        )

    def users(self) -> Sequence[str]:
        with self._reading():
            self._tail.read(_FixedClock().now)
        active = self._tail.active_users
        seeded = [shopper.user_id for shopper in sample_shoppers()]
        return seeded + [user_id for user_id in active if user_id not in seeded]

    def serving(self, user_id: str) -> Serving:
        clock, meter = _FixedClock(), ReadMeter()
        trends = self._engagement if self._trends_are_in_redis else None
        contexts = DynamoContextReader(self._dynamodb, self._tables, meter, trends=trends)
        lists = DynamoRankedLists(self._dynamodb, self._tables, meter)
        with self._reading():
            started = time.perf_counter()
            served = recommend(user_id, contexts=contexts, lists=lists, offers=lists, clock=clock)
            took_ms = (time.perf_counter() - started) * 1_000
            shopper = self._activity.get_shopper(user_id)
            trending = self._engagement.trending(clock.now, MAX_TRENDING)
            events = self._activity.events_of(user_id, EVENTS_READ)
            named = {event.offer_id for event in events} | set(shopper.skips if shopper else ())
            offers = self._offers.get_many(sorted(named))
        cost = ReadCost(meter.calls, meter.items, meter.rcu_halves, took_ms)
        return Serving(clock.now, served, shopper, trending, events, offers, cost)

    def pivots(self) -> Pivots:
        now = _FixedClock().now
        with self._reading():
            pivots = self._pivots(now)
            named = {name for p in pivots for name in (p.from_offer, p.to_offer, *p.moved_from) if name}
            return Pivots(now, pivots, self._offers.get_many(sorted(named)))

    def _pivots(self, now: int) -> Sequence[Pivot]:
        log = DynamoPivotLog(self._dynamodb, self._tables, until=now)
        return log.pivots(now - PIVOTS_SHOWN_S, MAX_PIVOTS)

    def trends(self) -> Trends:
        clock = _FixedClock()
        with self._reading():
            lifted = self._engagement.trending(clock.now, MAX_TRENDING)
            return Trends(clock.now, self._scores(clock), lifted, self._tail.read(clock.now))

    def _scores(self, clock: _FixedClock) -> Mapping[str, float]:
        if self._trends_are_in_redis:
            return _points(self._engagement.trending(clock.now, MAX_CATEGORIES))
        row = self._dynamodb.get_item(TableName=self._tables.user_activity, Key=TREND_KEY).get("Item")
        points = trend_of(row).at(clock.at_ms).points
        return dict(sorted(points.items(), key=lambda item: (-item[1], item[0])))

    def experiments(self) -> Sequence[ExperimentView]:
        with self._reading():
            return [
                ExperimentView(
                    experiment,
                    experiment_result(
                        experiment.experiment_id, store=self._experiments, engagement=self._engagement
                    ),
                )
                for experiment in sorted(self._experiments.experiments(), key=_live_first)
            ]

    def orders(self) -> Orders:
        with self._reading():
            return self._orders.newest(_FixedClock().at_ms)

    def order(self, order_id: str) -> OrderDetails | None:
        with self._reading():
            return self._orders.details(order_id)

    def notices(self) -> Notices:
        with self._reading():
            return self._orders.notices(_FixedClock().at_ms)

    def pools(self) -> Pools:
        with self._reading():
            return self._pools.pools(_FixedClock().at_ms)

    def failure_picture(self, name: str) -> bytes | None:
        with self._reading():
            return self._pools.failure_picture(name)

    def rewards(self) -> Rewards:
        with self._reading():
            return self._rewards.rewards(_FixedClock().at_ms)

    @functools.cached_property
    def _pools(self) -> PoolReads:
        files = S3CodeFiles(self._s3(), self._output("PromoBucketName"), PROMO_FOLDER)
        return PoolReads(self._dynamodb, self._tables, files)

    @functools.cached_property
    def _rewards(self) -> RewardReads:
        return RewardReads(
            S3RewardFiles(self._s3(), self._output("AnalyticsBucketName")),
            DynamoRunningTotals(self._dynamodb, self._tables),
            DynamoNewestEntries(self._dynamodb, self._tables),
            zone_named(self._output("BusinessTimeZone")),
            self._output("Currency"),
        )

    def _s3(self) -> Any:
        return self._system.client("s3", **IMPATIENT)

    def _output(self, name: str) -> str:
        """Raises:
        Unreachable: the system was deployed before its stacks said this.
        """
        value = self._system.outputs.get(name)
        if value is None:
            raise Unreachable(f"{_place(self._system)} does not say its {name}: `make up` deploys it anew.")
        return value

    def health(self) -> Health:
        now = _FixedClock().now
        with self._reading():
            return Health(
                offers=self._health.offers(),
                available=self._health.available(),
                open_pivots=sum(pivot.is_open for pivot in self._pivots(now)),
                outbox_waiting=self._health.outbox_waiting(),
                dead_letters=self._health.dead_letters(),
                metrics=self._health.metrics(now),
            )

    def audit(self) -> Sequence[InvariantResult]:
        with self._reading():
            return audit(self._system).results

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn what a client raises into words for the page."""
        try:
            yield
        except ClientError as problem:
            code = problem.response["Error"]["Code"]
            raise Unreachable(
                f"{_place(self._system)} answers {code}: is it deployed? `make up` deploys it."
            ) from problem
        except (BotoCoreError, Busy) as problem:
            raise Unreachable(
                f"{_place(self._system)} does not answer. `make up` starts it, and this page goes on."
            ) from problem


def _engagement(dynamodb: Any, tables: Tables, redis_url: str | None) -> EngagementStore:
    """Where the functions keep trending (handlers/wiring.py)."""
    if redis_url is None:
        return DynamoEngagementStore(dynamodb, tables)
    from redis import Redis

    from handlers.aws.redis_trends import RedisEngagementStore

    return RedisEngagementStore(Redis.from_url(redis_url), EngagementLedger(dynamodb, tables))


def _place(system: RunningSystem) -> str:
    return f"The system at {system.endpoint_url}" if system.endpoint_url else f"AWS {system.region}"


def _points(trending: Sequence[TrendingCategory]) -> dict[str, float]:
    return {trend.category: trend.score for trend in trending}


def _live_first(experiment: Experiment) -> tuple[Any, ...]:
    live = experiment.status in (ExperimentStatus.PREPARING, ExperimentStatus.RUNNING)
    return (not live, -(experiment.started_at or 0), experiment.experiment_id)
