"""The stand-in CRM, served from a thread of the test process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standins.keycrm.books import Books
from standins.keycrm.server import KeyCrmServer

KEY = "key-of-the-shop"
FIELD = "CT_1001"


@contextmanager
def crm_server(folder: Path, log: list[str] | None = None, key: str = KEY) -> Iterator[KeyCrmServer]:
    """Serve on a free loopback port, with the books of *folder*."""
    lines: list[str] = [] if log is None else log
    server = KeyCrmServer(0, key, Books(folder), lines.append)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        server.books.close()


def add_buyer(
    server: KeyCrmServer, name: str = "Ann Smith", bonus: str | None = "150.5", **fields: object
) -> str:
    """Enter a buyer as somebody in the shop would; gives its id."""
    custom = {} if bonus is None else {FIELD: bonus}
    buyer = server.books.add({"full_name": name, "custom_fields": custom, **fields})
    return str(buyer["id"])
