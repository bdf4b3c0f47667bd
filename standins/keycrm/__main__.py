"""``KEYCRM_KEY=… python -m standins.keycrm PORT FOLDER``: serve until stopped; the books are kept in FOLDER.

The key comes in the environment, where other users of the machine do not see it, and is never said again.
"""

import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from types import FrameType

from standins.keycrm.books import Books
from standins.keycrm.server import KeyCrmServer


def main(port: str, folder: str) -> None:
    """Serve on the loopback address until SIGTERM or Ctrl-C; the first line of output is the address.

    Args:
        port: 0 for any free one.
    """
    key = os.environ.get("KEYCRM_KEY")
    if not key:
        sys.exit("KEYCRM_KEY is not set: the key that callers must send")
    books = Books(Path(folder))
    server = KeyCrmServer(int(port), key, books, partial(print, flush=True))

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.ending.set()
        threading.Thread(target=server.shutdown).start()  # it waits for the loop that this interrupts

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(server.url, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    books.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
