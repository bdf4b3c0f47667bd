"""Randomness from one root seed: every distribution of every owner has a stream of its own.

So a further draw in one place changes nothing elsewhere, and what a shopper would do does not depend on
how fast the shop answered somebody else.
"""

import hashlib

import numpy as np


def _words(name: str) -> tuple[int, int]:
    """Two 32-bit words that stand for a name, the same in every process."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big")


class Streams:
    """All random streams of one run.

    Args:
        seed: root of every stream, >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, distribution: str, owner: str = "") -> np.random.Generator:
        """Start the stream of one *distribution* (``arrival``, ``taste`` …) for one *owner* (a user id …)."""
        key = (*_words(distribution), *_words(owner))
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def uniform(self, distribution: str, owner: str) -> float:
        """Give the one number in [0, 1) that belongs to *owner*, whatever was asked before."""
        key = (*_words(distribution), *_words(owner))
        bits = np.random.SeedSequence(self.seed, spawn_key=key).generate_state(1, np.uint64)[0]
        return int(bits) / 2**64
