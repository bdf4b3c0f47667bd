"""offer-experiments: create, start, stop and read A/B experiments, for the shop's own server only."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response

from handlers import wiring
from handlers.bodies import checked_id
from handlers.callers import shop_caller
from handlers.experiment_bodies import CreateExperimentBody, experiment_json, result_json
from handlers.rest import entry_point, json_answer, parse, raw_body, rest_app
from offerloop.offers.run_experiments import experiment_result, start_experiment, stop_experiment

logger = Logger()
METHODS = {
    "/experiments": "GET, POST",
    "/experiments/{experiment_id}": "GET",
    "/experiments/{experiment_id}/start": "POST",
    "/experiments/{experiment_id}/stop": "POST",
}
app = rest_app(logger, METHODS)


@app.get("/experiments")
def get_experiments() -> dict[str, object]:
    shop_caller(app)
    return {"experiments": [experiment_json(experiment) for experiment in wiring.experiments().experiments()]}


@app.post("/experiments")
def post_experiment() -> Response[str]:
    shop_caller(app)
    experiment = parse(CreateExperimentBody, raw_body(app)).experiment()
    wiring.experiments().create_experiment(experiment)
    logger.info("Experiment created", experiment_id=experiment.experiment_id)
    return json_answer(201, experiment_json(experiment))


@app.get("/experiments/<experiment_id>")
def get_experiment(experiment_id: str) -> dict[str, object]:
    shop_caller(app)
    store = wiring.experiments()
    experiment = store.get_experiment(checked_id(experiment_id))
    result = experiment_result(experiment_id, store=store, engagement=wiring.engagement())
    return experiment_json(experiment) | {"result": result_json(result)}


@app.post("/experiments/<experiment_id>/start")
def post_start(experiment_id: str) -> dict[str, object]:
    shop_caller(app)
    started = start_experiment(checked_id(experiment_id), store=wiring.experiments(), clock=wiring.clock())
    logger.info("Experiment started", experiment_id=experiment_id)
    return experiment_json(started)


@app.post("/experiments/<experiment_id>/stop")
def post_stop(experiment_id: str) -> dict[str, object]:
    shop_caller(app)
    stopped = stop_experiment(checked_id(experiment_id), store=wiring.experiments(), clock=wiring.clock())
    logger.info("Experiment stopped", experiment_id=experiment_id)
    return experiment_json(stopped)


handle = entry_point(app, logger)
