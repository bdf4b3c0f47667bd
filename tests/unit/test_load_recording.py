"""What processes measured adds up exactly, also while they still write."""

from loadtests.recording import FAILED, FOLDER, OK, TURNED_AWAY, Measured, Recorder, Recording, Second
from tests.load_plans import recorded


def test_a_second_survives_writing_and_reading(tmp_path):
    second = Second(under_way=4, cpu_percent={"worker 0": 12.5})
    second.requests["track"].add(0.02, 0.05, OK, "")
    second.requests["track"].add(0.5, 0.6, FAILED, "http_500")
    second.visits.due, second.visits.late = 7, 1
    second.faults["KeyError: 'x'"] = 2

    assert Second.from_json(second.to_json()) == second


def test_two_processes_make_one_recording(tmp_path):
    recorded(tmp_path, {"track": [0.01] * 90}, process="worker 0", due=60, cpu_percent=10)
    recording = recorded(tmp_path, {"track": [1.0] * 10}, process="worker 1", due=40, cpu_percent=30)

    together = recording.total.all_requests()
    assert (together.requests, recording.total.visits.due) == (100, 100)
    assert round(together.service.percentile_ms(50)) == 10
    assert 1_000 <= together.service.percentile_ms(95) < 1_016  # the mean of the two would be 505
    assert recording.seconds[0].under_way == 6
    assert recording.cpu_percent == {"worker 0": [10], "worker 1": [30]}


def test_a_line_that_is_being_written_waits_for_the_next_time(tmp_path):
    recording = recorded(tmp_path, {"track": [0.01]})
    path = tmp_path / FOLDER / "worker-0.jsonl"
    line = path.read_text()
    with path.open("a") as file:
        file.write(line[:20])
    assert recording.update().total.all_requests().requests == 1

    with path.open("a") as file:
        file.write(line[20:])
    assert recording.update().total.all_requests().requests == 2


def test_the_warm_up_is_left_out(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    recorder.second.requests["track"].add(9.0, 9.0, OK, "")
    recorder.flush(-1, 95.0, 0)
    recorder.second.requests["track"].add(0.01, 0.01, OK, "")
    recorder.flush(0, 20.0, 0)

    recording = Recording(tmp_path).update()

    assert list(recording.seconds) == [0]
    assert recording.total.all_requests().requests == 1
    assert recording.cpu_percent == {"worker 0": [20.0]}


def test_what_was_turned_away_quickly_does_not_flatter_the_latency():
    measured = Measured()
    measured.add(0.001, 0.001, TURNED_AWAY, "busy")
    measured.add(0.1, 0.1, OK, "")

    assert (measured.requests, measured.service.count, measured.intended.count) == (2, 1, 1)
    assert measured.share(TURNED_AWAY) == 0.5


def test_no_file_is_an_empty_recording(tmp_path):
    recording = Recording(tmp_path).update()

    assert (recording.total, recording.seconds) == (Second(), {})


def test_accepted_orders_are_known_by_name_those_of_the_warm_up_too(tmp_path):
    recorder = Recorder(tmp_path, "worker 0")
    for second, order_id in ((-1, "warm"), (0, "first"), (1, "second")):
        recorder.second.orders.append(order_id)
        recorder.flush(second, 1.0, 0)

    assert Recording(tmp_path).update().orders == ["warm", "first", "second"]
