"""Files that a user names, read with suspicion."""

import errno
import os
import stat
from pathlib import Path


def read_at_most(path: Path, most_bytes: int) -> bytes:
    """Read the beginning of a regular file, *most_bytes* at most.

    Raises:
        OSError: it cannot be read, or is a folder, a device, or a pipe, which would be waited for.
        ValueError: a name with a null byte.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(most_bytes)


def _open_at_once(path: str, flags: int) -> int:
    """Open a pipe without waiting for somebody who writes into it."""
    return os.open(path, flags | os.O_NONBLOCK)
