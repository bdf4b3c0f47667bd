"""`CodeFiles`: files around the pools, written only over what was read."""

import boto3
import pytest
from moto import mock_aws

from handlers.aws.code_files import S3CodeFiles
from offerloop.errors import InvalidInput
from offerloop.idempotency import Stale
from simulator.memory.code_runs import MemoryCodeFiles

BUCKET = "lambda-promo-sessions"


class S3Bucket:
    """A bucket on moto, seen by us and by another client."""

    def __init__(self):
        self.client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.ours = S3CodeFiles(self.client, BUCKET, "promo-codes/")

    def put_foreign(self, name, content):
        self.client.put_object(Bucket=BUCKET, Key=f"promo-codes/{name}", Body=content)


class Memory:
    def __init__(self):
        self.ours = MemoryCodeFiles()
        self.put_foreign = self.ours.put_foreign


@pytest.fixture(params=["memory", "s3"])
def files(request):
    if request.param == "memory":
        yield Memory()
        return
    with mock_aws():
        yield S3Bucket()


def test_a_file_is_read_as_it_was_written_and_known_as_ours(files):
    files.ours.put("failures/r.png", b"\x89PNG")

    file = files.ours.read("failures/r.png")

    assert (file.content, file.is_ours) == (b"\x89PNG", True)
    assert files.ours.read("failures/other.png") is None


def test_what_somebody_else_wrote_is_known_as_theirs(files):
    files.ours.put("available_codes.json", b"{}")
    before = files.ours.read("available_codes.json")
    files.put_foreign("available_codes.json", b'{"100": []}')

    after = files.ours.read("available_codes.json")

    assert (after.content, after.is_ours) == (b'{"100": []}', False)
    assert after.etag != before.etag


def test_a_file_is_replaced_only_as_it_was_read(files):
    files.ours.replace("available_codes.json", b"1", None)
    first = files.ours.read("available_codes.json")
    files.ours.replace("available_codes.json", b"2", first.etag)

    with pytest.raises(Stale):
        files.ours.replace("available_codes.json", b"3", first.etag)
    with pytest.raises(Stale):
        files.ours.replace("available_codes.json", b"3", None)

    assert files.ours.read("available_codes.json").content == b"2"


def test_a_file_that_is_gone_is_not_replaced(files):
    with pytest.raises(Stale):
        files.ours.replace("available_codes.json", b"1", "etag-of-a-file-that-was-there")

    assert files.ours.read("available_codes.json") is None


def test_a_file_that_is_too_large_is_refused(files):
    files.ours.put("inbox/a.csv", b"12345")

    assert files.ours.read("inbox/a.csv", 5).content == b"12345"
    with pytest.raises(InvalidInput):
        files.ours.read("inbox/a.csv", 4)
