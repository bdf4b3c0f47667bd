"""The stand-in CRM, served from a thread of the test process."""

from contextlib import AbstractContextManager
from pathlib import Path

from standins.keycrm.books import Books
from standins.keycrm.server import KeyCrmServer
from tests.served import served

KEY = "key-of-the-shop"
FIELD = "CT_1001"


def crm_server(
    folder: Path, log: list[str] | None = None, key: str = KEY
) -> AbstractContextManager[KeyCrmServer]:
    """Serve on a free loopback port, with the books of *folder*."""
    return served(KeyCrmServer(0, key, Books(folder)), log)


def add_buyer(
    server: KeyCrmServer, name: str = "Ann Smith", bonus: str | None = "150.5", **fields: object
) -> str:
    """Enter a buyer as somebody in the shop would; gives its id."""
    custom = {} if bonus is None else {FIELD: bonus}
    buyer = server.books.add({"full_name": name, "custom_fields": custom, **fields})
    return str(buyer["id"])
