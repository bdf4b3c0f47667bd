"""What pages are told: engagement out of the stream, reasons for relevance, counts, and which system."""

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from dashboard import live
from dashboard.charts import colour_of, engagement, score_terms
from dashboard.data import (
    BUCKET_S,
    ENGAGEMENT_SHOWN_S,
    Engagement,
    ExperimentView,
    Unreachable,
    relevance_reason,
)
from dashboard.engagement_tail import EngagementTail
from dashboard.health_checks import HealthChecks
from dashboard.views.experiments import verdict_in_words
from dashboard.views.frame import ago
from handlers.aws.engagement_rows import message_item
from handlers.aws.offer_store import DynamoOfferStore
from handlers.aws.table_access import Tables
from harness.system import NotRunning, RunningSystem
from offerloop.offers.engagement_messages import engagement_message
from offerloop.offers.experiments import ExperimentStatus, Tally, result_of
from offerloop.offers.model import Affinity, EventType, Shopper, TrendingCategory
from tests.factories import NOON, NOON_MS, an_event, an_experiment, an_offer
from tests.memory_dashboard import MemoryDashboard
from tests.mocked_aws import mocked_aws
from tests.template_tables import create_tables

STREAM = "offer-engagement-stream"
SYSTEM = RunningSystem("embedded", None, "us-east-1", "", "http://api", "the-key", None, {}, Path("/nowhere"))


class FakeKinesis:
    """Two shards as lists; an iterator is a position that can be told to have expired."""

    def __init__(self):
        self.shards = {"0": [], "1": []}
        self.expired = False

    def put(self, shard, event):
        self.shards[shard].append({"Data": json.dumps(dict(engagement_message(event).body)).encode()})

    def list_shards(self, StreamName):
        return {"Shards": [{"ShardId": shard} for shard in self.shards]}

    def get_shard_iterator(self, ShardId, **_):
        self.expired = False
        return {"ShardIterator": f"{ShardId}:0"}

    def get_records(self, ShardIterator):
        if self.expired:
            error = {"Error": {"Code": "ExpiredIteratorException"}}
            raise ClientError(error, "GetRecords")
        shard, start = ShardIterator.split(":")
        found = self.shards[shard][int(start) : int(start) + 2]
        after = int(start) + len(found)
        behind = 1 if after < len(self.shards[shard]) else 0
        return {"Records": found, "NextShardIterator": f"{shard}:{after}", "MillisBehindLatest": behind}


def events(count, **changes):
    return [an_event(f"e{n}-{changes}", occurred_at_ms=NOON_MS + n * 1_000, **changes) for n in range(count)]


def test_the_tail_counts_every_event_of_every_shard_once():
    kinesis = FakeKinesis()
    tail = EngagementTail(kinesis, STREAM)
    for event in events(5, user_id="ann"):
        kinesis.put("0", event)
    for event in events(3, user_id="bob", category="fashion", event_type=EventType.REDEMPTION):
        kinesis.put("1", event)

    first = tail.read(NOON + 10)
    kinesis.put("0", events(1, user_id="ann")[0])  # published twice
    kinesis.put("0", an_event("late", user_id="cid", occurred_at_ms=NOON_MS + 12_000))
    second = tail.read(NOON + 15)

    assert first.by_type() == {EventType.VIEW: 5, EventType.REDEMPTION: 3}
    assert second.by_type() == {EventType.VIEW: 6, EventType.REDEMPTION: 3}
    assert second.by_category() == {"electronics": {NOON: 6}, "fashion": {NOON: 3}}
    assert tail.active_users == ["cid", "bob", "ann"]


def test_the_tail_goes_on_after_its_place_in_the_stream_expired():
    kinesis = FakeKinesis()
    tail = EngagementTail(kinesis, STREAM)
    kinesis.put("0", an_event("one"))
    tail.read(NOON + 1)

    kinesis.put("0", an_event("two"))
    kinesis.expired = True

    assert tail.read(NOON + 400).by_type() == {EventType.VIEW: 2}


def test_old_engagement_is_forgotten():
    seen = Engagement()
    seen.add(NOON_MS, "home", EventType.VIEW)
    seen.add(NOON_MS + 60_000, "home", EventType.VIEW)

    seen.forget_before(NOON + ENGAGEMENT_SHOWN_S + BUCKET_S)

    assert seen.by_category() == {"home": {NOON + 60: 1}}


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        ("home", "preferred"),
        ("travel", "learned +20"),
        ("fashion", "default"),
        ("toys", "default, trending +10"),
        ("garden", "learned +20, trending +10"),
    ],
)
def test_relevance_is_explained(category, reason):
    shopper = Shopper(
        "ann",
        preferences=("home",),
        affinities={"travel": Affinity(20.0, NOON), "garden": Affinity(20.0, NOON)},
    )
    trending = (TrendingCategory("toys", 50.0), TrendingCategory("garden", 40.0))

    assert relevance_reason(category, shopper, trending, NOON) == reason


@pytest.mark.parametrize(
    ("tallies", "words"),
    [
        ({}, "Nobody has been exposed yet"),
        ({"control": Tally(500, 50), "urgent": Tally(300, 90)}, "do not compare the conversions"),
        ({"control": Tally(500, 50), "urgent": Tally(500, 55)}, "no variant is ahead beyond chance yet"),
        ({"control": Tally(500, 50), "urgent": Tally(500, 150)}, "urgent converts best"),
    ],
)
def test_an_experiment_is_judged_split_first(tallies, words):
    experiment = an_experiment(status=ExperimentStatus.RUNNING)

    assert words in verdict_in_words(ExperimentView(experiment, result_of(experiment, tallies)))


def test_terms_of_a_score_stack_up_to_it():
    served = MemoryDashboard().serving("USER001").recommendation.offers

    bars = [trace for trace in score_terms(served).data if trace.type == "bar"]

    assert [bar.name for bar in bars] == ["Priority", "Relevance", "Urgency", "Inventory"]
    assert [round(sum(terms), 1) for terms in zip(*(bar.x for bar in bars), strict=True)] == [
        87.5,
        72.3,
        68.9,
    ]


def test_engagement_is_drawn_per_minute_in_the_colour_of_its_category():
    figure = engagement({"home": {NOON - 60: 3}}, NOON)

    [bars] = figure.data
    assert (bars.name, bars.marker.color, max(bars.y)) == ("home", colour_of("home"), 3 * 60 / BUCKET_S)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_300, "2 h"), (200_000, "2 d")]
)
def test_spans_are_short(seconds, words):
    assert ago(seconds) == words


@pytest.fixture
def dynamodb(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mocked_aws() as clients:
        client = clients("dynamodb")
        create_tables(client)
        yield client


def test_health_counts_offers_messages_and_dead_letters(dynamodb):
    queue = boto3.client("sqs", region_name="us-east-1")
    url = queue.create_queue(QueueName="offerloop-stream-failures")["QueueUrl"]
    queue.send_message(QueueUrl=url, MessageBody="lost")
    system = RunningSystem(
        "embedded", None, "us-east-1", "", "", "", None, {"StreamFailuresUrl": url, "ApiUrl": "x"}, Path()
    )
    store = DynamoOfferStore(dynamodb, Tables.with_prefix(""))
    for number in range(3):
        store.create(an_offer(f"O{number}"), None)
    dynamodb.put_item(TableName="UserActivity", Item=message_item(engagement_message(an_event())))

    checks = HealthChecks(system, dynamodb, {})

    assert (checks.offers(), checks.available(), checks.outbox_waiting()) == (3, 0, 1)
    assert checks.dead_letters() == {"StreamFailures": 1}


def test_a_metric_adds_up_over_its_dimensions(dynamodb):
    cloudwatch = boto3.client("cloudwatch", region_name="us-east-1")
    for kind, value in (("VIEW", 3.0), ("CLICK", 2.0)):
        cloudwatch.put_metric_data(
            Namespace="Offerloop",
            MetricData=[
                {
                    "MetricName": "EventsTracked",
                    "Dimensions": [{"Name": "event_type", "Value": kind}],
                    "Timestamp": NOON,
                    "Value": value,
                }
            ],
        )
    cloudwatch.put_metric_data(
        Namespace="Offerloop", MetricData=[{"MetricName": "OffersExpired", "Timestamp": NOON, "Value": 0.0}]
    )

    [series] = HealthChecks(SYSTEM, dynamodb, {}).metrics(NOON)

    assert (series.name, list(series.points)) == ("EventsTracked", [(NOON, 5.0)])


def test_the_system_may_be_described_by_a_file(tmp_path):
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(SYSTEM.as_json()))

    assert live.described_system(str(path)) == SYSTEM
    path.write_text("{}")
    with pytest.raises(NotRunning, match="outputs"):
        live.described_system(str(path))


def test_nothing_deployed_is_said_in_words(monkeypatch, tmp_path):
    monkeypatch.setenv("OFFERLOOP_STATE", str(tmp_path))
    monkeypatch.delenv("OFFERLOOP_OUTPUTS", raising=False)

    with pytest.raises(Unreachable, match="make up"):
        live.connect()


def test_missing_tables_are_said_in_words_and_the_key_is_not_shown(dynamodb):
    dynamodb.delete_table(TableName="Offers")
    source = live.LiveSource(SYSTEM)

    with pytest.raises(Unreachable, match=r"ResourceNotFoundException.*make up"):
        source.pivots()
    assert "the-key" not in repr(source.facts())


def test_pages_read_what_the_adapters_wrote(dynamodb):
    boto3.client("kinesis", region_name="us-east-1").create_stream(StreamName=STREAM, ShardCount=2)
    source = live.LiveSource(SYSTEM)

    serving = source.serving("nobody")
    assert (serving.shopper, serving.recommendation.offers, serving.recommendation.total_available) == (
        None,
        (),
        0,
    )
    assert serving.cost is not None
    assert serving.cost.calls == 2
    assert source.users()[:3] == ["USER001", "USER002", "USER003"]
    assert (list(source.pivots().pivots), source.trends().scores, source.experiments()) == ([], {}, [])
