"""The composition root: which adapter stands behind which port, built once per container at first use.

Adapters are imported where they are built, so that a function loads what it needs and no more: imports
are the larger part of a cold start. What points and their figures need is in wiring_rewards.py, what the CRM
needs in wiring_crm.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from handlers.aws.system_clock import RandomIds, SystemClock
from handlers.aws.table_access import Tables
from handlers.settings import Settings
from offerloop.outbox import Topic

if TYPE_CHECKING:
    from redis import Redis

    from handlers.aws.experiment_store import DynamoExperimentStore
    from handlers.aws.offer_store import DynamoOfferStore
    from offerloop.assistant.model import LanguageModel
    from offerloop.codes.files import CodeFiles
    from offerloop.codes.model import SupplierKind
    from offerloop.codes.ports import CodeStore, CodeSupplier
    from offerloop.codes.publish_views import Publishing
    from offerloop.codes.replenish_pool import Replenishing
    from offerloop.codes.runs import RunStore
    from offerloop.codes.take_in import Intake
    from offerloop.codes.watch_pools import RunReport, Watching
    from offerloop.offers.ports import (
        ActivityStore,
        ContextReader,
        EngagementStore,
        InventoryStore,
        OfferReader,
        RankedLists,
    )
    from offerloop.orders.notices import NoticeLog
    from offerloop.orders.ports import OrderStep, OrderStore, PaymentGateway, ProductStore
    from offerloop.orders.process_order import Processing
    from offerloop.orders.rate_order import RatingStore
    from offerloop.orders.send_notice import NoticeDesk
    from offerloop.outbox import Outbox, Transport
    from offerloop.rate_limit import RateCounter
    from offerloop.sweeps import Trouble

# A call that hangs must fail while the function still has time to answer. Requests are built by our adapters
# alone, and the services check them again: to look over a transaction of nine items takes 0.45 of its 1.2 ms.
CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=3,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
)
# Serving goes on without trending; the library's own 5 s would keep every shopper waiting.
REDIS_TIMEOUT_S = 0.5


@cache
def settings() -> Settings:
    return Settings.from_environment()


@cache
def client(service: str) -> Any:
    """A boto3 client; the emulators' address comes in through AWS_ENDPOINT_URL, which boto3 reads itself."""
    return boto3.client(service, config=CLIENT_CONFIG)  # type: ignore[call-overload]  # the name is an argument


@cache
def tables() -> Tables:
    found = settings()
    return Tables(
        offers=found.offers_table,
        user_activity=found.user_activity_table,
        idempotency=found.idempotency_table,
        products=found.products_table,
        orders=found.orders_table,
        codes=found.codes_table,
        rewards=found.rewards_table,
    )


@cache
def clock() -> SystemClock:
    return SystemClock()


@cache
def ids() -> RandomIds:
    return RandomIds()


@cache
def api_key() -> bytes:
    return secret(settings().api_key_secret_arn)


@cache
def token_secret() -> bytes:
    return secret(settings().token_secret_arn)


def secret(arn: str) -> bytes:
    return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]).encode()


@dataclass(frozen=True, slots=True)
class Serving:
    """The three readers behind a recommendation."""

    contexts: ContextReader
    lists: RankedLists
    offers: OfferReader


@cache
def serving() -> Serving:
    from handlers.aws.ranked_lists import DynamoRankedLists
    from handlers.aws.serving import DynamoContextReader

    lists = DynamoRankedLists(client("dynamodb"), tables())
    trends = engagement() if settings().trends_in_redis else None
    return Serving(DynamoContextReader(client("dynamodb"), tables(), trends=trends), lists, lists)


@cache
def activity() -> ActivityStore:
    from handlers.aws.activity_store import DynamoActivityStore

    return DynamoActivityStore(client("dynamodb"), tables())


@cache
def engagement() -> EngagementStore:
    """Trending in Redis where one is named, else in DynamoDB; marks and tallies in DynamoDB."""
    from handlers.aws.engagement_store import DynamoEngagementStore, EngagementLedger

    if not settings().trends_in_redis:
        return DynamoEngagementStore(client("dynamodb"), tables())
    from handlers.aws.redis_trends import RedisEngagementStore

    return RedisEngagementStore(_redis(), EngagementLedger(client("dynamodb"), tables()))


def _redis() -> Redis:
    from redis import Redis

    try:
        return Redis.from_url(
            redis_url(), socket_connect_timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S
        )
    except ValueError:  # its message may quote from the password, and would be logged
        raise ValueError("the Redis URL is none: expected rediss://user:password@host:6379/0") from None


@cache
def redis_url() -> str:
    """The secret's text where a secret is named, else the setting."""
    arn = settings().redis_url_secret_arn
    if arn is None:
        return str(settings().redis_url)
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return str(SecretsProvider(boto3_client=client("secretsmanager")).get(arn)).strip()


@cache
def inventory() -> InventoryStore:
    from handlers.aws.inventory_store import DynamoInventoryStore

    return DynamoInventoryStore(client("dynamodb"), tables())


@cache
def offers() -> DynamoOfferStore:
    from handlers.aws.offer_store import DynamoOfferStore

    return DynamoOfferStore(client("dynamodb"), tables())


@cache
def experiments() -> DynamoExperimentStore:
    from handlers.aws.experiment_store import DynamoExperimentStore

    return DynamoExperimentStore(client("dynamodb"), tables())


@cache
def orders() -> OrderStore:
    from handlers.aws.order_store import DynamoOrderStore

    return DynamoOrderStore(client("dynamodb"), tables())


@cache
def products() -> ProductStore:
    from handlers.aws.product_store import DynamoProductStore

    return DynamoProductStore(client("dynamodb"), tables())


@cache
def codes() -> CodeStore:
    from handlers.aws.code_store import DynamoCodeStore

    return DynamoCodeStore(client("dynamodb"), tables())


@cache
def code_runs() -> RunStore:
    from handlers.aws.code_runs import DynamoRunStore

    return DynamoRunStore(client("dynamodb"), tables())


@cache
def code_files() -> CodeFiles:
    from handlers.aws.code_files import S3CodeFiles

    found = settings()
    return S3CodeFiles(client("s3"), found.promo_bucket, found.promo_prefix)


def suppliers(say: Callable[[str], None]) -> Mapping[SupplierKind, CodeSupplier]:
    """Those that are configured; *say* takes a line for each step of a visit to a site."""
    from handlers.bon_site import BonSite
    from offerloop.codes.generate import GeneratorSupplier
    from offerloop.codes.model import SupplierKind

    found: dict[SupplierKind, CodeSupplier] = {SupplierKind.GENERATOR: GeneratorSupplier(token_secret())}
    url, arn, path = settings().bon_url, settings().bon_secret_arn, settings().browser_path
    if url is not None:
        found[SupplierKind.BROWSER] = BonSite(url, lambda: secret(arn), path, say)
    return found


def watching(report: RunReport, trouble: Trouble) -> Watching:
    """What watching the pools needs; *report* is told of each run that begins or ends."""
    from offerloop.codes.watch_pools import Watching

    return Watching(codes(), code_runs(), clock(), ids(), report, trouble)


def replenishing(report: RunReport, say: Callable[[str], None]) -> Replenishing:
    """What carrying out a run needs; *report* is told of its end, *say* of each step."""
    from offerloop.codes.replenish_pool import Replenishing

    return Replenishing(codes(), code_runs(), suppliers(say), code_files(), clock(), report)


def publishing(report: Callable[[Intake], None]) -> Publishing:
    """What publishing the view needs; *report* is told of what others wrote into it."""
    from offerloop.codes.publish_views import Publishing

    return Publishing(codes(), code_files(), settings().view_codes, report)


@cache
def payments() -> PaymentGateway:
    from handlers.http_payments import HttpPaymentGateway, NoPaymentGateway

    url = settings().payment_url
    return NoPaymentGateway() if url is None else HttpPaymentGateway(url)


def processing(report: Callable[[OrderStep], None]) -> Processing:
    """What carrying orders on needs; *report* is told of each transition."""
    from offerloop.orders.process_order import Processing
    from offerloop.standins.carrier import StandInCarrier

    return Processing(orders(), payments(), StandInCarrier(), clock(), report)


@cache
def ratings() -> RatingStore:
    from handlers.aws.rating_store import DynamoRatingStore

    return DynamoRatingStore(client("dynamodb"), tables())


@cache
def notice_log() -> NoticeLog:
    from handlers.aws.notice_log import DynamoNoticeLog

    return DynamoNoticeLog(client("dynamodb"), tables())


@cache
def notices() -> NoticeDesk:
    from handlers.aws.notice_sender import SnsNoticeSender
    from offerloop.orders.send_notice import NoticeDesk, NoticeRules

    found = settings()
    return NoticeDesk(
        log=notice_log(),
        sender=SnsNoticeSender(client("sns"), found.order_topic_arn),
        rules=NoticeRules(found.sms_per_phone_and_day, found.sms_prefixes),
        clock=clock(),
    )


@cache
def language_model() -> LanguageModel | None:
    """None where no model is named."""
    model_id = settings().bedrock_model_id
    if model_id is None:
        return None
    from handlers.aws import bedrock_model

    runtime = boto3.client("bedrock-runtime", config=bedrock_model.CLIENT_CONFIG)
    return bedrock_model.BedrockModel(runtime, model_id)


@cache
def rate_counter() -> RateCounter:
    from handlers.aws.idempotency_store import DynamoRateCounter

    return DynamoRateCounter(client("dynamodb"), tables())


@cache
def outbox(table: str) -> Outbox:
    from handlers.aws.outbox_table import DynamoOutbox

    return DynamoOutbox(client("dynamodb"), table)


def tables_with_outbox() -> tuple[str, ...]:
    found = settings()
    return found.offers_table, found.user_activity_table, found.orders_table, found.codes_table


@cache
def transport() -> Transport:
    from handlers.aws.transport import AwsTransport

    found = settings()
    return AwsTransport(
        client=client,
        stream=found.engagement_stream,
        topic_arn=found.stockout_topic_arn,
        queues={
            Topic.ORDER_WORK: found.order_queue_url,
            Topic.ORDER_NOTICE: found.followup_queue_url,
            Topic.SETTLEMENT: found.followup_queue_url,
            Topic.OFFER_PURCHASE: found.followup_queue_url,
            Topic.REPLENISHMENT: found.replenishment_queue_url,
            Topic.CRM_UPDATE: found.crm_queue_url,
        },
    )
