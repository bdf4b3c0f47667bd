"""Randomness from one root seed: every distribution has a stream of its own, and every owner a part of it.

So a further draw in one place changes nothing elsewhere, and what a shopper would do does not depend on
how fast the shop answered somebody else, nor on what it recommended: two policies meet the same moods
(common random numbers).
"""

import hashlib
from statistics import NormalDist
from typing import Any

import numpy as np

_NORMAL = NormalDist()
_LEAST = 2.0**-54  # a uniform number may be 0, of which there is no quantile


def words(name: str) -> tuple[int, int]:
    """Two 32-bit words that stand for a name, the same in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big")


def normal(uniform: float) -> float:
    """A standard normal number, from one in [0, 1)."""
    return _NORMAL.inv_cdf(max(_LEAST, uniform))


class Streams:
    """All random streams of one run.

    Args:
        seed: root of every stream, >= 0.
        replication: runs of one seed differ in it.
    """

    def __init__(self, seed: int, replication: int = 0) -> None:
        self.seed, self.replication = seed, replication

    def generator(self, distribution: str, owner: str = "") -> np.random.Generator:
        """Start the stream of one *distribution* (``day``, ``delay`` …) for one *owner* (an offer's id …)."""
        return np.random.default_rng(self._root(distribution, owner))

    def uniform(self, distribution: str, owner: str) -> float:
        """Give the one number in [0, 1) that belongs to *owner*, whatever was asked before."""
        bits = self._root(distribution, owner).generate_state(1, np.uint64)[0]
        return int(bits) / 2**64

    def moments(self, distribution: str) -> "Moments":
        """The stream of one *distribution* in which every owner's every moment has a place."""
        return Moments(self._root(distribution, ""))

    def _root(self, distribution: str, owner: str) -> np.random.SeedSequence:
        key: tuple[int, ...] = (*words(distribution), *words(owner))
        if self.replication:
            key = (*key, self.replication)
        return np.random.SeedSequence(self.seed, spawn_key=key)


class Moments:
    """Numbers for each moment (owner, occasion, part), the same in whatever order moments are asked for.

    A counter-based generator (Philox: Salmon et al. 2011, doi:10.1145/2063384.2063405) is set to where the
    moment begins. That takes 2 us and keeps nothing, where a generator per shopper takes 20 us and 2 KB.
    """

    def __init__(self, root: np.random.SeedSequence) -> None:
        self._philox = np.random.Philox(key=root.generate_state(2, np.uint64))
        self._generator = np.random.Generator(self._philox)
        self._counter = [0, 0, 0, 0]  # word 0 counts the blocks within a moment
        begin: dict[str, Any] = dict(self._philox.state)
        key = [int(word) for word in begin["state"]["key"]]
        # NumPy reads a state of lists three times as fast as one of arrays.
        self._begin: Any = begin | {"state": {"counter": self._counter, "key": key}, "buffer": [0, 0, 0, 0]}

    def generator(self, owner: int, occasion: int = 0, part: int = 0) -> np.random.Generator:
        """The generator at the beginning of a moment; valid until the next call.

        Args:
            owner, occasion, part: each 0..2**64 - 1.
        """
        counter = self._counter
        counter[1], counter[2], counter[3] = part, occasion, owner
        self._philox.state = self._begin
        return self._generator

    def uniforms(self, count: int, owner: int, occasion: int = 0, part: int = 0) -> list[float]:
        """The first *count* numbers in [0, 1) of a moment."""
        row: list[float] = self.generator(owner, occasion, part).random(count).tolist()
        return row
