"""S3: conditional writes, addresses that expire."""

from __future__ import annotations

import time

import httpx

from harness.probe.finding import Finding, Group, judged
from harness.probe.place import Place, race, refusal
from harness.probe.resources import make_bucket

S3 = Group("S3")
REFUSED = ("PreconditionFailed", "ConditionalRequestConflict")


@S3.check(relied_on=False)
def one_of_sixteen_writers_of_a_new_object_wins(place: Place) -> Finding:
    """If-None-Match: * from sixteen threads."""
    s3, bucket = place.client("s3"), make_bucket(place)
    place.remove(s3.delete_object, Bucket=bucket, Key="one")
    codes = race(
        lambda number: refusal(
            s3.put_object, Bucket=bucket, Key="one", Body=str(number).encode(), IfNoneMatch="*"
        )
    )
    refused = {code for code in codes if code}
    holds = codes.count("") == 1 and refused <= set(REFUSED)
    return judged(holds, f"{codes.count('')} of 16 succeeded; the others: {', '.join(sorted(refused))}")


@S3.check(relied_on=False)
def a_write_over_a_changed_object_is_refused(place: Place) -> Finding:
    """If-Match with an old and with the current tag."""
    s3, bucket = place.client("s3"), make_bucket(place)
    place.remove(s3.delete_object, Bucket=bucket, Key="one")
    old = s3.put_object(Bucket=bucket, Key="one", Body=b"1")["ETag"]
    current = s3.put_object(Bucket=bucket, Key="one", Body=b"2")["ETag"]
    stale = refusal(s3.put_object, Bucket=bucket, Key="one", Body=b"3", IfMatch=old)
    fresh = refusal(s3.put_object, Bucket=bucket, Key="one", Body=b"3", IfMatch=current)
    seen = f"old tag: {stale or 'accepted'}; current tag: {fresh or 'accepted'}"
    return judged(stale in REFUSED and not fresh, seen)


@S3.check(relied_on=False)
def a_presigned_address_expires(place: Place) -> Finding:
    """An address for one second is read until it is refused, four seconds at most."""
    s3, bucket = place.client("s3"), make_bucket(place)
    place.remove(s3.delete_object, Bucket=bucket, Key="one")
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    began = time.monotonic()
    address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "one"}, ExpiresIn=1)
    first = httpx.get(address, timeout=10).status_code
    place.seen(lambda: httpx.get(address, timeout=10).status_code == 403, 4)
    last = httpx.get(address, timeout=10).status_code
    in_time = first == 200 or time.monotonic() - began > 1
    return judged(in_time and last == 403, f"{first} at first, {last} after its end")
