"""A run that its generator limited is invalid, with the reason and what to do."""

import pytest

from loadtests.recording import Recorder, Recording
from loadtests.validity import ProcessLoad, invalid_because, process_loads
from tests.load_plans import a_plan, recorded


def with_cpu(folder, samples):
    recorder = Recorder(folder, "worker 0")
    for second, percent in enumerate(samples):
        recorder.second.requests["track"].add(0.01, 0.01, "ok", "")
        recorder.flush(second, percent, 0)
    return Recording(folder).update()


def test_a_generator_with_time_to_spare_makes_a_valid_run(tmp_path):
    recording = recorded(tmp_path, {"track": [0.01]}, due=1000, late=9, waited=500)

    assert invalid_because(a_plan(), recording) == []


@pytest.mark.parametrize(("busy_seconds", "valid"), [(2, True), (3, False)])
def test_a_process_above_90_percent_of_a_core_for_over_a_fifth_of_the_run_spoils_it(
    tmp_path, busy_seconds, valid
):
    recording = with_cpu(tmp_path, [97.0] * busy_seconds + [40.0] * (10 - busy_seconds))

    reasons = invalid_because(a_plan(), recording)

    assert reasons == [] if valid else reasons[0].startswith("worker 0 used more than 90 % of a core in 30 %")
    assert process_loads(recording)["worker 0"] == ProcessLoad(
        pytest.approx((97 * busy_seconds + 40 * (10 - busy_seconds)) / 10), 97.0, busy_seconds / 10
    )


def test_visits_late_through_the_generators_own_fault_spoil_a_run(tmp_path):
    [reason] = invalid_because(a_plan(), recorded(tmp_path, {"track": [0.01]}, due=400, late=5))

    assert reason.startswith(
        "5 of 400 visits started late through the generator's own fault: use more WORKERS="
    )


def test_figures_that_are_missing_or_wrong_spoil_a_run(tmp_path):
    recording = recorded(tmp_path, {})
    recording.total.faults["KeyError: 'offer_id'"] = 3

    assert invalid_because(a_plan(workers=2), recording) == [
        "no figures came from worker 1: its log is in the run's folder",
        "the generator failed 3 times: KeyError: 'offer_id'",
        "no request was answered: see the logs in the run's folder",
    ]
