"""Import what the first deployment needs, before it asks for it.

By itself the emulator imports the SAM translator with the first template and reads a service's model with the
first request to it. That is 0.4 s of a deployment, in which it answers nobody.
"""

import gc
import os
import socket
import time

# Named as MiniStack names them; every deployment of ours asks these.
SERVICES = ("cloudformation", "s3", "secretsmanager", "sts", "dynamodb", "lambda")


def import_beside() -> None:
    """Wait until the server answers, then import in this thread."""
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
