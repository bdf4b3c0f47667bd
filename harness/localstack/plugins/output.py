"""What a worker prints, complete at the moment its answer arrives."""

from __future__ import annotations

import collections
import os
import select
import threading
from typing import IO

MAX_LINES = 10_000  # of one invocation; older ones are dropped rather than filling the memory


class Output:
    """Reads a worker's output pipe.

    A worker writes its lines before its answer, so what is in the pipe when the answer arrives is all of it.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: collections.deque[str] = collections.deque(maxlen=MAX_LINES)
        self._unfinished = b""
        self._lock = threading.Lock()
        os.set_blocking(stream.fileno(), False)

    def follow(self) -> None:
        """Keep the pipe from filling, which would stop the worker; returns at the pipe's end."""
        waiting = select.poll()
        waiting.register(self._stream.fileno(), select.POLLIN | select.POLLHUP)
        while waiting.poll() and self._read():
            pass

    def take(self) -> list[str]:
        """Give the lines since the last call."""
        self._read()
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
            return lines

    def _read(self) -> bool:
        """Take over all that is in the pipe now; False at its end."""
        with self._lock:
            while not self._stream.closed:
                try:
                    chunk = os.read(self._stream.fileno(), 65_536)
                except BlockingIOError:
                    return True
                if not chunk:
                    self._stream.close()
                    chunk = b"\n" if self._unfinished else b""
                *whole, self._unfinished = (self._unfinished + chunk).split(b"\n")
                self._lines.extend(line.decode("utf-8", "replace") for line in whole)
            return False
