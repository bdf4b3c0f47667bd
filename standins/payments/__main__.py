"""``python -m standins.payments PORT FOLDER``: serve until stopped; the books are kept in FOLDER."""

import sys
from pathlib import Path

from standins.payments.books import Books
from standins.payments.server import PaymentServer
from standins.serving import serve


def main(port: str, folder: str) -> None:
    """Serve on the loopback address.

    Args:
        port: 0 for any free one.
    """
    serve(PaymentServer(int(port), Books(Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
