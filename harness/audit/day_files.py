"""The files of the daily reward job, as they stand in the bucket."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from handlers.aws.reward_files import S3RewardFiles
from harness.system import RunningSystem
from offerloop.rewards import day_files

READERS = 8
# Of a day that is over; what a day came to so far is in files of another name.
_FILE = re.compile(rf"{day_files.FOLDER}(\d{{4}}-\d\d-\d\d)\.json")


def day_files_of(system: RunningSystem) -> dict[date, Sequence[str]]:
    """The texts of each day that has a file, its details after it where there are some.

    A system that was deployed before its stacks said where these files are has none.
    """
    bucket = system.outputs.get("AnalyticsBucketName")
    if bucket is None:
        return {}
    files = S3RewardFiles(system.client("s3"), bucket)

    def texts(day: date) -> Sequence[str]:
        found = [files.read(key) for key in day_files.keys_of(day, is_partial=False)]
        return [file.text for file in found if file is not None]

    days = sorted(_days(system, bucket))
    with ThreadPoolExecutor(READERS, thread_name_prefix="day-files") as pool:
        return dict(zip(days, pool.map(texts, days), strict=True))


def _days(system: RunningSystem, bucket: str) -> Iterator[date]:
    pages = system.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=day_files.FOLDER):
        for stored in page.get("Contents", ()):
            named = _FILE.fullmatch(stored["Key"])
            if named is not None:
                yield date.fromisoformat(named[1])
