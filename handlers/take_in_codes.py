"""promo-code-inbox: a rule runs this for each new file of codes, and when the view was written."""

from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger, Metrics

from handlers import wiring
from handlers.code_reports import log_intake
from offerloop.codes.files import AVAILABLE, INBOX
from offerloop.codes.publish_views import publish_views
from offerloop.codes.take_in import Intake
from offerloop.codes.take_in_file import take_in_file

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    key = str(event["detail"]["object"]["key"])
    name = key.removeprefix(wiring.settings().promo_prefix)
    if name == AVAILABLE:
        # Most often it was us, and nothing is to be done.
        publish_views((), wiring.publishing(log_foreign))
    elif name.startswith(INBOX):
        _take_in(name)
    return {"key": key}


def _take_in(name: str) -> None:
    # AWS sends keys as they are; emulators send some as in an address.
    for each in dict.fromkeys((name, unquote_plus(name))):
        intake = take_in_file(each, codes=wiring.codes(), files=wiring.code_files())
        if intake is not None:
            log_intake(logger, metrics, intake, each)


def log_foreign(intake: Intake) -> None:
    log_intake(logger, metrics, intake, AVAILABLE)
