"""docs/operations.md, "What saturates first": its figures follow from the templates and the code."""

from __future__ import annotations

import re

from handlers.aws.keys import ALL_BOARD_COPIES, LIVE_COPIES, OUTBOX_SHARDS
from harness.system import REPOSITORY
from tests.expanded_template import application, data

# Of one partition and of a new on-demand table, a second:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html
PARTITION_READS, PARTITION_WRITES = 3_000, 1_000
NEW_READS, NEW_WRITES = 12_000, 4_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#default-limits-throughput
TABLE_QUOTA = 40_000
# https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
SHARD_RECORDS = 1_000
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
ACCOUNT_REQUESTS = 10_000
BATCH_S = 0.05  # assumed
VIEW_WRITES = 3 * 2 + 1 + 2  # three rows in a transaction, the outbox row's end, the mark in a transaction
OFFERS_READS = 9 + 1  # of a recommendation and a view together
ACTIVITY_READS = 1.5 + 3
BOARD_UNITS = (2, 1)


def resource(kind: str, template: dict[str, object]) -> dict[str, object]:
    """Give the properties of the one resource of a type."""
    resources = template["Resources"]
    assert isinstance(resources, dict)
    [found] = [each["Properties"] for each in resources.values() if each["Type"] == kind]
    return dict(found)


def expected() -> list[str]:
    """Give the first column: total requests a second, of which half are recommendations, half views."""
    shards = int(str(resource("AWS::Kinesis::Stream", data())["ShardCount"]))
    batch = application()["Resources"]["CountEngagementEngagementStream"]["Properties"]["BatchSize"]
    rate = application()["Parameters"]["ApiRateLimit"]["Default"]
    kinds = {
        "writes of `UserActivity`, new": 2 * NEW_WRITES / VIEW_WRITES,
        "key and stage": rate,
        "reads of `Offers`, new": 2 * NEW_READS / OFFERS_READS,
        "counting": 2 * shards * batch / BATCH_S,
        "engagement stream": 2 * shards * SHARD_RECORDS,
        "reads of `UserActivity`, new": 2 * NEW_READS / ACTIVITY_READS,
        "reads of `Offers`, quota": 2 * TABLE_QUOTA / OFFERS_READS,
        "writes of `UserActivity`, quota": 2 * TABLE_QUOTA / VIEW_WRITES,
        "gateway": ACCOUNT_REQUESTS,
        "executions": ACCOUNT_REQUESTS,
        "counter": 2 * PARTITION_READS / 0.5,
        "live experiment": 2 * LIVE_COPIES * PARTITION_READS / (0.5 + 1),
        "outbox": 2 * OUTBOX_SHARDS * PARTITION_WRITES / (2 + 1),
    }
    boards = [2 * ALL_BOARD_COPIES * PARTITION_READS / units for units in BOARD_UNITS]
    told = [f"{round(value):,}" for value in kinds.values()]
    return [*told[:-2], " to ".join(f"{each:,.0f}" for each in boards), *told[-2:]]


def test_the_table_says_what_the_templates_give_in_rising_order() -> None:
    text = (
        (REPOSITORY / "docs/operations.md")
        .read_text()
        .partition("| R | what is full |")[2]
        .partition("\n\n")[0]
    )

    told = re.findall(r"^\| (\d[\d,]*(?: to [\d,]+)?) \|", text, re.MULTILINE)

    first = [int(each.split(" ")[0].replace(",", "")) for each in told]
    assert told == expected()
    assert first == sorted(first)
