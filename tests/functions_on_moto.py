"""Functions as deployed, on the adapters of AWS over moto; what each asks of tables and buckets is noted."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from handlers import wiring, wiring_crm, wiring_rewards
from handlers.aws.engagement_rows import message_of
from handlers.aws.keys import OUTBOX_PREFIX
from handlers.aws.table_access import Tables
from handlers.aws.transport import queue_body
from handlers.settings import Settings
from offerloop.crm.model import Buyer
from simulator.memory.crm import MemoryCrm
from simulator.memory.world import MemoryWorld
from tests.expanded_template import application
from tests.factories import NOON, FixedClock
from tests.orders import Till
from tests.permissions import listed, name_of, statements
from tests.routes import CONTEXT, KEY, SECRET, SHOP, Route
from tests.template_tables import create_tables

PROMO, ANALYTICS = "lambda-promo-sessions", "loyalty-platform-analytics"
BUCKETS = {PROMO: "PromoBucketArn", ANALYTICS: "AnalyticsBucketArn"}
STREAM = "offer-engagement-stream"
SERVICES = ("dynamodb", "s3", "sqs", "sns", "cloudwatch", "lambda", "kinesis")
IN_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}

RECEIVED_ONCE = {"ApproximateReceiveCount": "1"}

Row = dict[str, Any]
# An action, on what, and the partition key where one row is named.
Need = tuple[str, str, str | None]


def needs_of(service: str, operation: str, request: Mapping[str, Any]) -> Iterator[Need]:
    """What one call needs to be allowed.

    Source:
        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html and
        list_amazons3.html; a transaction needs the rights of its actions.
    """
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            for action in request["TransactItems"]:
                [(kind, written)] = action.items()
                key = written.get("Key") or written["Item"]
                yield _on_row(IN_TRANSACTION[kind], written["TableName"], key)
        case "dynamodb", "BatchGetItem":
            for table, asked in request["RequestItems"].items():
                yield from (_on_row(operation, table, key) for key in asked["Keys"])
        case "dynamodb", "BatchWriteItem":
            for table in request["RequestItems"]:
                yield f"dynamodb:{operation}", f"{table}TableArn", None
        case "dynamodb", "Query" | "Scan":
            index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
            yield f"dynamodb:{operation}", f"{request['TableName']}TableArn{index}", None
        case "dynamodb", _:
            yield _on_row(operation, request["TableName"], request.get("Key") or request["Item"])
        case "s3", _:
            yield f"s3:{operation}", f"{BUCKETS[request['Bucket']]}/{request['Key']}", None


def _on_row(operation: str, table: str, key: Mapping[str, Any]) -> Need:
    return f"dynamodb:{operation}", f"{table}TableArn", key["PK"]["S"]


def is_allowed(function: str, need: Need) -> bool:
    action, resource, key = need
    return any(
        action in listed(statement["Action"])
        and any(fnmatchcase(resource, name_of(each)) for each in listed(statement["Resource"]))
        and (key is None or _takes_key(statement.get("Condition"), key))
        for statement in statements(function)
    )


def _takes_key(condition: dict[str, Any] | None, key: str) -> bool:
    if condition is None:
        return True
    patterns = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return any(fnmatchcase(key, pattern) for pattern in patterns)


class Deployed:
    """The functions over tables and buckets in moto; notes what each of them needs.

    Attributes:
        needs: by the function's logical id.
        raw: a client whose calls are nobody's.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.needs: dict[str, set[Need]] = {}
        self.raw = boto3.client("dynamodb", region_name="us-east-1")
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.world = MemoryWorld(FixedClock())  # for its clock
        self._function = ""
        self.tables = create_tables(self.raw)
        for bucket in BUCKETS:
            self.s3.create_bucket(Bucket=bucket)
        boto3.client("kinesis", region_name="us-east-1").create_stream(StreamName=STREAM, ShardCount=2)
        queue = boto3.client("sqs", region_name="us-east-1").create_queue(QueueName="queue")["QueueUrl"]
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Offerloop")
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "offerloop")
        self._wire(monkeypatch, queue)

    def _wire(self, monkeypatch: pytest.MonkeyPatch, queue: str) -> None:
        clients = {service: self._noting(service) for service in SERVICES}
        crm = MemoryCrm()
        crm.put(Buyer("12", "Ann Smith", 15_050), "+380501234567")

        def keycrm(admit: Callable[[], None]) -> MemoryCrm:
            crm._admit = admit
            return crm

        stand_ins = {
            "settings": lambda: settings_of(queue),
            "client": clients.__getitem__,
            "clock": lambda: self.world.clock,
            "api_key": lambda: KEY.encode(),
            "token_secret": lambda: SECRET,
            "payments": Till,
            "language_model": lambda: None,
            "_keycrm": keycrm,
        }
        for root in (wiring, wiring_crm, wiring_rewards):
            for name, built in vars(root).copy().items():
                if name in stand_ins:
                    monkeypatch.setattr(root, name, cache(stand_ins[name]))
                elif hasattr(built, "cache_clear"):
                    monkeypatch.setattr(root, name, cache(built.__wrapped__))
        monkeypatch.setattr(wiring, "tables", lambda: Tables.with_prefix(""))

    def _noting(self, service: str) -> Any:
        client = boto3.client(service, region_name="us-east-1")

        def note(params: dict[str, Any], model: Any, **_: object) -> None:
            self.needs.setdefault(self._function, set()).update(needs_of(service, model.name, params))

        client.meta.events.register("provide-client-params", note)
        return client

    def _module(self, function: str) -> Any:
        self._function = function
        handler = application()["Resources"][function]["Properties"]["Handler"]
        return importlib.import_module(handler.rpartition(".")[0])

    def run(self, function: str, event: dict[str, Any]) -> Any:
        context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 60_000)
        return self._module(function).handle(event, context)

    def take(self, function: str, *messages: Any) -> None:
        """Hand messages to the consumer of a queue; none may stay there."""
        bodies = [queue_body(message).decode() for message in messages]
        records = [
            {
                "messageId": "m",
                "receiptHandle": "r",
                "body": body,
                "attributes": RECEIVED_ONCE,
            }
            for body in bodies
        ]
        assert self.run(function, {"Records": records}) == {"batchItemFailures": []}

    def stream(
        self, function: str, table: str, items: list[Row], before: Mapping[tuple[str, str], Row] | None = None
    ) -> None:
        """Hand rows of a table to the consumer of its stream, which must be able to take them.

        Args:
            before: what stood in their places, by key; nothing where they are new.
        """
        source = f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}/stream/1"
        records = [
            {
                "eventID": str(at),
                "eventName": "INSERT",
                "eventSourceARN": source,
                "dynamodb": {
                    "Keys": {name: item[name] for name in ("PK", "SK")},
                    "NewImage": item,
                    **({"OldImage": old} if (old := (before or {}).get(key_of(item))) else {}),
                    "ApproximateCreationDateTime": NOON,
                    "SequenceNumber": str(at),
                },
            }
            for at, item in enumerate(items)
        ]
        assert self.run(function, {"Records": records}) == {"batchItemFailures": []}

    def call(
        self,
        function: str,
        method: str,
        resource: str,
        body: object = None,
        *,
        expect: int = 200,
        **more: Any,
    ) -> dict[str, Any]:
        """The answer of a route; the shop asks unless headers say who else."""
        headers = more.pop("headers", SHOP) | more.pop("and_headers", {})
        route = Route(self._module(function), self.world)
        status, answer = route.call(resource, body, method=method, headers=headers, **more)
        assert status == expect, answer
        return answer

    def token(self, customer_id: str) -> dict[str, str]:
        return Route(wiring, self.world).token(customer_id)

    def rows(self, table: str, prefix: str) -> list[Row]:
        items = self.raw.scan(TableName=table)["Items"]
        return [item for item in items if item["PK"]["S"].startswith(prefix)]

    def messages(self, table: str) -> list[Any]:
        return list(map(message_of, self.rows(table, OUTBOX_PREFIX)))


def key_of(item: Row) -> tuple[str, str]:
    return item["PK"]["S"], item["SK"]["S"]


def settings_of(queue: str) -> Settings:
    variables = application()["Resources"]["ClaimCode"]["Properties"]["Environment"]["Variables"]
    texts = dict.fromkeys(variables, "") | {
        name: name.removesuffix("_TABLE_NAME").title().replace("_", "")
        for name in variables
        if name.endswith("_TABLE_NAME")
    }
    texts |= {name: queue for name in variables if "QUEUE_URL" in name or name == "ORDER_FAILURES_URL"}
    numbers = ("PIVOT_BOOST", "REQUESTS_PER_ADDRESS", "REQUESTS_PER_USER", "SMS_PER_PHONE_AND_DAY")
    texts |= dict.fromkeys(numbers, "100") | dict.fromkeys(("VIEW_CODES", "CRM_REQUESTS_PER_MINUTE"), "50")
    return Settings.from_environment(
        texts
        | {"S3_BUCKET": PROMO, "S3_PREFIX": "promo-codes/", "ANALYTICS_BUCKET_NAME": ANALYTICS}
        | {"CRM_URL": "https://crm.test/v1", "CRM_BONUS_FIELD": "CT_1", "CRM_CACHE_S": "60"}
        | {"ENGAGEMENT_STREAM_NAME": STREAM}
        | {"CURRENCY": "EUR", "LEGACY_GET": "true", "BUSINESS_TIME_ZONE": "UTC"}
        | {"REWARD_METRICS_NAMESPACE": "LoyaltyPlatform/Rewards", "SMS_PREFIXES": "+4477009"}
    )
