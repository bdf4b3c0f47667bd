"""daily-rewards: a rule runs this every night for the day before, `make rewards` for any day."""

from typing import Any

import orjson
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring, wiring_rewards
from handlers.reward_runs import Json, day_asked_for, report_as_json, run_as_json, run_of
from offerloop.errors import Refusal
from offerloop.rewards.aggregate_rewards import Analytics, begin_run, publish_run, read_on
from offerloop.rewards.model import DayReport, DayRun

# A page takes 18 s at worst: three tries of 3 s for each of its calls. The rest is for the files and metrics.
KEPT_BACK_MS = 60_000

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: Json, context: Any) -> Json:
    """One invocation's part of a run: a report, or how far the run is, or why there is none.

    Who waits for the answer (a person) is told both; for nobody (a rule) the function goes on by itself and
    fails where it is refused, so that the event is tried again and kept.
    """
    is_attended = event.get("attended") is True
    try:
        return aggregate(event, context, is_attended)
    except Refusal as refusal:
        if not is_attended:
            raise
        logger.info("Rewards not summed up", code=refusal.code)
        return {"code": refusal.code, "refused": refusal.message}


def aggregate(event: Json, context: Any, is_attended: bool) -> Json:
    analytics = wiring_rewards.reward_analytics()
    run = read_on(
        run_asked_for(event, analytics),
        analytics,
        goes_on=lambda: context.get_remaining_time_in_millis() > KEPT_BACK_MS,
    )
    if run.is_read:
        report = publish_run(run, analytics)
        log(report)
        return report_as_json(report)
    logger.info("Rewards read in part", day=run.day.isoformat(), entries=run.totals.entries)
    if not is_attended:
        go_on(run, context)
    return {"run": run_as_json(run), "attended": is_attended}


def run_asked_for(event: Json, analytics: Analytics) -> DayRun:
    if "run" in event:
        return run_of(event["run"])
    day = day_asked_for(event, analytics.zone)
    return begin_run(day, analytics, may_be_partial=event.get("partial") is True)


def go_on(run: DayRun, context: Any) -> None:
    """Hand the run to the next invocation."""
    wiring.client("lambda").invoke(
        FunctionName=context.function_name,
        InvocationType="Event",
        Payload=orjson.dumps({"run": run_as_json(run)}),
    )


def log(report: DayReport) -> None:
    metrics.add_metric("RewardEntriesRead", MetricUnit.Count, report.totals.entries)
    more = report.more_entries or 0
    metrics.add_metric("LateRewardEntries", MetricUnit.Count, max(0, more))
    logger.info("Rewards summed up", **report_as_json(report))
    if more > 0:
        logger.warning("Late reward entries", day=report.day.isoformat(), entries=more)
    if more < 0:
        logger.error("Reward entries are gone", day=report.day.isoformat(), entries=-more)
