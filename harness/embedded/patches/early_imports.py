"""What the first deployment would import, and wait for, is imported while nobody asks anything yet.

Without it: the first request to each service reads that service's model, and the first template with a SAM
transform imports its translator: 0.4 s of a deployment in which nothing else gets on.
"""

import gc
import os
import socket
import threading
import time

# Named as MiniStack names them; every deployment of ours asks these.
SERVICES = ("cloudformation", "s3", "secretsmanager", "sts", "dynamodb", "lambda")


def apply() -> None:
    """Import it beside the server, from the moment it answers."""
    threading.Thread(target=import_beside, daemon=True).start()


def import_beside() -> None:
    """Wait for the server, then import."""
    address = (os.environ["BIND_HOST"], int(os.environ["GATEWAY_PORT"]))
    while not accepts(address):
        time.sleep(0.02)
    from ministack.core.responses import _service_model
    from samtranslator.translator import transform  # noqa: F401

    for service in SERVICES:
        _service_model(service)
    gc.freeze()  # none of all this is ever garbage: searching it would stop everything for 50 ms at a time


def accepts(address: tuple[str, int]) -> bool:
    """Tell whether the server accepts connections."""
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False
