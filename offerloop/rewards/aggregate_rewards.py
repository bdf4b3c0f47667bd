"""The daily job: what the ledger's entries of one day come to, as files and metrics.

A run has three parts: `begin_run` notes which files it finds, `read_on` adds up entries for as long as it
may, and can go on in another invocation, and `publish_run` writes. Files are written in the place of those
that were there when the run began, so a run that began earlier never overwrites one that saw more.
"""

from collections.abc import Callable
from datetime import date, tzinfo

from offerloop.bonuses.model import EntryKind
from offerloop.clock import Clock
from offerloop.errors import DayNotOver
from offerloop.record import record
from offerloop.rewards import day_files
from offerloop.rewards.days import ends_ms, spans, starts_ms
from offerloop.rewards.model import DayReport, DayRun
from offerloop.rewards.ports import RewardEntries, RewardFiles, RewardMetrics

# CloudWatch takes values of the last two weeks; the hour is for runs that take long.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
METRICS_TAKEN_FOR_MS = (14 * 24 - 1) * 3_600_000


@record(frozen=True, slots=True)
class Analytics:
    """What a run works with; *zone* is the one that days begin and end in."""

    entries: RewardEntries
    files: RewardFiles
    metrics: RewardMetrics
    clock: Clock
    zone: tzinfo


def begin_run(day: date, analytics: Analytics, *, may_be_partial: bool = False) -> DayRun:
    """Begin a run over a day.

    Args:
        may_be_partial: whether a day that is not over yet is summed up so far.
    Raises:
        DayNotOver: it is not, or it has not even begun.
    """
    now_ms = analytics.clock.now_ms()
    is_partial = now_ms < ends_ms(day, analytics.zone)
    if now_ms < starts_ms(day, analytics.zone) or (is_partial and not may_be_partial):
        raise DayNotOver(f"{day} is not over yet in {analytics.zone}")
    file, details = (analytics.files.read(key) for key in day_files.keys_of(day, is_partial))
    versions = (None if file is None else file.version, None if details is None else details.version)
    return DayRun(day, is_partial, versions)


def read_on(run: DayRun, analytics: Analytics, *, goes_on: Callable[[], bool]) -> DayRun:
    """Add up entries, one page in memory at a time, until all are read or *goes_on* says no.

    *goes_on* is asked before each page but the first, so that every invocation gets on.
    """
    entries = analytics.entries
    lists = [(span, shard) for span in spans(run.day, analytics.zone) for shard in range(entries.shards)]
    done, cursor, totals = run.lists_read, run.cursor, run.totals
    is_first = True
    while done < len(lists) and (is_first or goes_on()):
        page = entries.page(*lists[done], cursor)
        totals, cursor, is_first = totals.plus(page.amounts), page.cursor, False
        done += cursor is None
    return DayRun(run.day, run.is_partial, run.versions, done, cursor, totals, is_read=done == len(lists))


def publish_run(run: DayRun, analytics: Analytics) -> DayReport:
    """Write the files of a run that has read everything, and publish its metrics.

    Raises:
        Busy: another run has written other figures since this one began.
    """
    files, zone, totals = analytics.files, analytics.zone, run.totals
    keys = day_files.keys_of(run.day, run.is_partial)
    texts = day_files.file_text(run.day, totals), day_files.details_text(run.day, zone, totals)
    before = [files.read(key) for key in keys]
    found = [file.text for file in before if file is not None]
    is_compared = len(found) == len(keys) and not run.is_partial
    said = day_files.entries_in(*found) if is_compared else None
    rewritten = False
    for key, text, stored, version in zip(keys, texts, before, run.versions, strict=True):
        if stored is None or stored.text != text:
            files.write(key, text, version)
            rewritten = True
    return DayReport(
        day=run.day,
        totals=totals,
        key=keys[0],
        rewritten=rewritten,
        more_entries=None if said is None else totals.entries - said,
        metrics_published=_publish_metrics(run, analytics),
    )


def _publish_metrics(run: DayRun, analytics: Analytics) -> bool:
    """Publish under the day's last second, so that statistics by day show it on its own."""
    at_ms = ends_ms(run.day, analytics.zone) - 1_000
    if run.is_partial or analytics.clock.now_ms() - at_ms > METRICS_TAKEN_FOR_MS:
        return False
    amounts = {
        "TotalIssuedRewards": run.totals.of(EntryKind.ISSUED).amount,
        "TotalRedeemedRewards": run.totals.of(EntryKind.REDEEMED).amount,
        "NetRewards": run.totals.net,
    }
    analytics.metrics.publish(amounts, at_ms)
    return True
