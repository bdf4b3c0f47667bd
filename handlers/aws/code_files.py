"""The files around pools of codes, in S3."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from offerloop.codes.files import StoredFile, digest_of
from offerloop.errors import Busy, InvalidInput
from offerloop.idempotency import Stale

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
NOT_AS_READ = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"})
MISSING = frozenset({"NoSuchKey", "404"})
DIGEST = "written"  # a name of the object's metadata
MEDIA_TYPES = {"json": "application/json", "png": "image/png"}

Client = Any  # a boto3 S3 client


class S3CodeFiles:
    """`CodeFiles` below a prefix of a bucket.

    Args:
        prefix: ends with a slash.
    """

    def __init__(self, client: Client, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def read(self, name: str, limit: int | None = None) -> StoredFile | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}")
            if limit is not None and int(found["ContentLength"]) > limit:
                raise InvalidInput(f"the file is larger than {limit} bytes")
            return StoredFile(found["Body"].read(), found["ETag"], found.get("Metadata", {}).get(DIGEST))
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        except BotoCoreError as error:
            raise Busy("the bucket does not answer") from error

    def replace(self, name: str, content: bytes, etag: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._put(name, content, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_AS_READ:
                raise Stale from error
            raise

    def put(self, name: str, content: bytes) -> None:
        self._put(name, content)

    def _put(self, name: str, content: bytes, **condition: str) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}{name}",
                Body=content,
                ContentType=MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream"),
                Metadata={DIGEST: digest_of(content)},
                **condition,
            )
        except BotoCoreError as error:
            raise Busy("the bucket does not answer") from error
