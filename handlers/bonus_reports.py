"""What a change of an account is told to logs and metrics; never whose it is."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from offerloop.bonuses.accounts import is_full
from offerloop.bonuses.model import EntryKind
from offerloop.bonuses.ports import AccountStep, Report

COUNTED_AS = {
    EntryKind.ISSUED: "PointsIssued",
    EntryKind.REDEEMED: "PointsRedeemed",
    EntryKind.GIVEN_BACK: "PointsGivenBack",
    EntryKind.CLAWED_BACK: "PointsClawedBack",
    EntryKind.EXPIRED: "PointsExpired",
}


def report_to(logger: Logger, metrics: Metrics) -> Report:
    """A report that writes one line per entry, and counts points, in hundredths, by what became of them."""

    def report(step: AccountStep) -> None:
        if is_full(step.after):
            logger.warning("Points of further orders are usable at once", pending=len(step.after.pending))
            metrics.add_metric("AccountsFull", MetricUnit.Count, 1)
        for entry in step.entries:
            logger.info("Points booked", kind=entry.kind.value, points=entry.amount, order_id=entry.order_id)
            if entry.kind in COUNTED_AS:
                metrics.add_metric(COUNTED_AS[entry.kind], MetricUnit.Count, entry.amount)

    return report
