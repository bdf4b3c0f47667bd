"""`RewardFiles` and `RewardMetrics`: a file is replaced only while it is the one that was read."""

from collections.abc import Iterator
from typing import Any

import pytest

from handlers.aws.reward_files import S3RewardFiles
from handlers.aws.reward_metrics import CloudWatchRewardMetrics
from offerloop.errors import Busy
from offerloop.rewards.ports import RewardFiles
from simulator.memory.rewards import MemoryRewardFiles
from tests.mocked_aws import mocked_aws
from tests.rewards import DAY_MS, MIDNIGHT_MS

KEY = "daily-rewards/2027-01-15.json"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Clients on moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mocked_aws() as client:
        yield client


@pytest.fixture(params=["memory", "s3"])
def files(request: pytest.FixtureRequest) -> RewardFiles:
    if request.param == "memory":
        return MemoryRewardFiles()
    s3 = request.getfixturevalue("aws")("s3")
    s3.create_bucket(Bucket="figures")
    return S3RewardFiles(s3, "figures")


def text_of(files: RewardFiles) -> str | None:
    stored = files.read(KEY)
    return None if stored is None else stored.text


def test_a_file_that_was_never_written_is_none(files):
    assert files.read(KEY) is None


def test_a_file_is_read_as_it_was_written_and_replaced(files):
    files.write(KEY, "€1", None)
    files.write(KEY, "€2", files.read(KEY).version)

    assert text_of(files) == "€2"


def test_a_new_file_takes_nobodys_place(files):
    files.write(KEY, "theirs", None)

    with pytest.raises(Busy):
        files.write(KEY, "ours", None)

    assert text_of(files) == "theirs"


def test_a_file_that_was_written_meanwhile_is_not_replaced(files):
    files.write(KEY, "first", None)
    version = files.read(KEY).version
    files.write(KEY, "theirs", version)

    with pytest.raises(Busy):
        files.write(KEY, "ours", version)

    assert text_of(files) == "theirs"


def test_a_file_that_is_gone_is_not_replaced(files):
    with pytest.raises(Busy):
        files.write(KEY, "ours", '"0123"')

    assert files.read(KEY) is None


def test_a_file_is_declared_as_json(aws):
    s3 = aws("s3")
    s3.create_bucket(Bucket="figures")

    S3RewardFiles(s3, "figures").write(KEY, "{}", None)

    assert s3.head_object(Bucket="figures", Key=KEY)["ContentType"] == "application/json"


def test_metrics_are_in_whole_units_and_published_twice_have_the_same_maximum(aws):
    cloudwatch = aws("cloudwatch")
    metrics = CloudWatchRewardMetrics(cloudwatch, "LoyaltyPlatform/Rewards")
    at_ms = MIDNIGHT_MS + DAY_MS - 1_000

    for _ in range(2):
        metrics.publish({"TotalIssuedRewards": 150_050, "NetRewards": -5}, at_ms)

    found = {
        name: cloudwatch.get_metric_statistics(
            Namespace="LoyaltyPlatform/Rewards",
            MetricName=name,
            StartTime=MIDNIGHT_MS // 1_000,
            EndTime=(MIDNIGHT_MS + DAY_MS) // 1_000,
            Period=86_400,
            Statistics=["Maximum"],
        )["Datapoints"]
        for name in ("TotalIssuedRewards", "NetRewards")
    }
    assert {name: [point["Maximum"] for point in points] for name, points in found.items()} == {
        "TotalIssuedRewards": [1_500.5],
        "NetRewards": [-0.05],
    }
    listed = cloudwatch.list_metrics(Namespace="LoyaltyPlatform/Rewards")["Metrics"]
    assert {len(metric["Dimensions"]) for metric in listed} == {0}
