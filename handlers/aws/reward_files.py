"""The figures of all days, as files in a bucket."""

from typing import Any

from botocore.exceptions import ClientError

from offerloop.errors import Busy
from offerloop.rewards.ports import StoredFile

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
# The last two: the file that was to be replaced is gone.
CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404"})
MISSING = frozenset({"NoSuchKey", "404"})


class S3RewardFiles:
    """`RewardFiles`; a version is an ETag.

    Args:
        s3: a boto3 client.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, key: str) -> StoredFile | None:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        # What somebody put there by hand need not be text; it is replaced then.
        return StoredFile(found["Body"].read().decode(errors="replace"), found["ETag"])

    def write(self, key: str, text: str, version: str | None) -> None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in CHANGED:
                raise Busy(f"{key} was written by another run; run the day again") from error
            raise
