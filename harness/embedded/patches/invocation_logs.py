"""Every log line of an invocation is in its log group when the invocation answers; one stream a function.

Without it: an invocation waits up to 50 ms for a first log line and then guesses when the last one came,
so lines turn up with the next invocation, or never; and every invocation makes a log stream of its own,
which no reader can follow after some 10,000 of them; and events have no identifier.
Fails without it: test_target_lambda.py::test_calls_in_turn_share_a_log_stream_of_identified_events,
::test_a_silent_function_answers_at_once.
"""

import collections
import itertools
import os
import select
import threading
import time
import uuid

from ministack.services import cloudwatch_logs, lambda_svc
from patches.python_runtime import PythonWorker

# Newest lines kept per function. AWS keeps all for the retention time; a demo left running must not
# fill the memory: 20,000 lines are some 10 MB.
MAX_LINES = 20_000


def apply() -> None:
    """Read the workers' output exactly, and write it to one stream per function."""
    PythonWorker._pump_output = pump_output
    PythonWorker._drain_stderr_bounded = drain
    PythonWorker._drain_stderr = drain
    lambda_svc._emit_lambda_logs = emit_to_one_stream(lambda_svc._emit_lambda_logs)
    cloudwatch_logs._append_log_events = append_with_ids(cloudwatch_logs._append_log_events)


class OutputPipe:
    """What a worker has written and nobody has taken yet."""

    def __init__(self, stream):
        self.lines = collections.deque(maxlen=MAX_LINES)
        self._stream = stream
        self._unfinished = b""
        self._lock = threading.Lock()
        os.set_blocking(stream.fileno(), False)

    def read(self):
        """Take over all that is in the pipe now; False at its end."""
        with self._lock:
            while not self._stream.closed:
                try:
                    chunk = os.read(self._stream.fileno(), 65536)
                except BlockingIOError:
                    return True
                if not chunk:
                    self._stream.close()
                    chunk = b"\n" if self._unfinished else b""
                *whole, self._unfinished = (self._unfinished + chunk).split(b"\n")
                self.lines.extend(line.decode("utf-8", "replace") for line in whole)
            return False

    def follow(self):
        """Keep the pipe from filling, which would stop the worker, until it ends."""
        waiting = select.poll()
        waiting.register(self._stream.fileno(), select.POLLIN | select.POLLHUP)
        while waiting.poll() and self.read():
            pass


def pump_output(worker, stream, log_queue):
    """Replace ProvidedWorker._pump_output: one thread a worker."""
    worker.output = OutputPipe(stream)
    worker.output.follow()


def drain(worker, *_waits, **_named_waits):
    """Give the lines written so far. A worker writes its lines before its answer: no wait is needed."""
    output = getattr(worker, "output", None)
    if output is None:
        return ""
    output.read()
    lines = []
    while output.lines:
        lines.append(output.lines.popleft())
    return "\n".join(lines)


def emit_to_one_stream(emit):
    """Give ``_emit_lambda_logs`` with a stream name that stays the same for a function of this emulator."""
    instance = uuid.uuid4()
    new_uuid = lambda_svc.new_uuid
    current = threading.local()
    lambda_svc.new_uuid = lambda: getattr(current, "stream", None) or new_uuid()

    def emit_logs(func, *args, **options):
        config = func.get("config") or func
        current.stream = str(uuid.uuid5(instance, config.get("FunctionArn", "")))
        try:
            emit(func, *args, **options)
        finally:
            current.stream = None
        group = (config.get("LoggingConfig") or {}).get("LogGroup")
        forget_old_lines(group or f"/aws/lambda/{config.get('FunctionName')}")

    return emit_logs


def append_with_ids(append):
    """Give ``_append_log_events`` with the identifier by which a reader knows an event again, as on AWS."""
    numbers = itertools.count(time.time_ns())

    def append_events(stream, events):
        append(stream, [{"eventId": f"{next(numbers):056d}", **event} for event in events])

    return append_events


def forget_old_lines(group_name):
    """Drop the oldest half of a stream that has grown beyond twice the limit."""
    group = cloudwatch_logs._log_groups.get(group_name) or {"streams": {}}
    for stream in list(group["streams"].values()):
        if len(stream["events"]) > 2 * MAX_LINES:
            with cloudwatch_logs._log_events_lock:
                stream["events"] = stream["events"][-MAX_LINES:]
