"""``KEYCRM_KEY=… python -m standins.keycrm PORT FOLDER``: serve until stopped; the books are kept in FOLDER.

The key comes in the environment, where other users of the machine do not see it, and is never said again.
"""

import os
import sys
from pathlib import Path

from standins.keycrm.books import Books
from standins.keycrm.server import KeyCrmServer
from standins.serving import serve


def main(port: str, folder: str) -> None:
    """Serve on the loopback address.

    Args:
        port: 0 for any free one.
    """
    key = os.environ.get("KEYCRM_KEY")
    if not key:
        sys.exit("KEYCRM_KEY is not set: the key that callers must send")
    serve(KeyCrmServer(int(port), key, Books(Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
