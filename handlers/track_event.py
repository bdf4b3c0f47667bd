"""offer-track-event: POST /events/track."""

from dataclasses import replace

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers import wiring
from handlers.bodies import TrackBody
from handlers.callers import admit_public, public_caller
from handlers.rest import entry_point, idempotent_request, parse, raw_body, rest_app
from offerloop.offers.track_event import TrackEvent, track_event

logger = Logger()
metrics = Metrics()
app = rest_app(logger, {"/events/track": "POST"}, wiring.settings().cors_origins)


@app.post("/events/track")
def post_event() -> dict[str, object]:
    caller = public_caller(app)
    body = raw_body(app)
    command = TrackEvent(**parse(TrackBody, body).model_dump())
    command = replace(command, user_id=caller.acts_for(command.user_id))
    admit_public(caller, command.user_id)
    request = idempotent_request(app, caller, "POST /events/track", body)
    answer = track_event(
        command, store=wiring.activity(), clock=wiring.clock(), ids=wiring.ids(), request=request
    )
    metrics.add_metric("EventsTracked", MetricUnit.Count, 1)
    metrics.add_dimension("event_type", command.event_type.value)
    logger.info(
        "Event tracked",
        event_id=answer["event_id"],
        user_id=command.user_id,
        offer_id=command.offer_id,
        event_type=command.event_type.value,
    )
    return dict(answer)


handle = entry_point(app, logger)
