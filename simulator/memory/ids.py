"""Ids that are the same for the same seed."""


class SeededIds:
    """`Ids`: version 4 UUIDs in form, counted in fact, so that making one costs next to nothing.

    Args:
        seed: 0..2**32-1; two seeds never make the same id.
    """

    def __init__(self, seed: int = 0) -> None:
        self._prefix = f"{seed & 0xFFFFFFFF:08x}-0000-4000-8000-"
        self._made = 0

    def new_id(self) -> str:
        self._made += 1
        return f"{self._prefix}{self._made:012x}"
