"""The machine's own time and randomness."""

import time
from uuid import uuid4


class SystemClock:
    """`Clock` on the machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class RandomIds:
    """`Ids` from the operating system's randomness."""

    def new_id(self) -> str:
        return str(uuid4())
