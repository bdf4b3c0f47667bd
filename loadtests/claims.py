"""A storm of claims on one pool, and whether any code was given out twice or lost.

The run makes a pool of its own, with fewer codes than claims to come, and nobody who refills it. Many
claims are repeated under their own Idempotency-Key, as by clients whose answer was lost. Codes are noted by a
digest: what a run leaves behind can be shown to people who must not have them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Self

import httpx

from loadtests.visits import CLAIM_CODE, Request, Steps, Think, Visitor

REPEATED = 0.3  # of claims, and of those that were repeated, once more
AT_ONCE = 2_000  # codes that one request may ask for (docs/codes.md)
AMOUNT, CURRENCY = 0.01, "EUR"  # of each code
TIMEOUT_S = 60.0

# Key of a request, and the digest of the code that it was answered with; None = no answer says what happened.
Claimed = tuple[str, str | None]


def claim_visit(visitor: Visitor, randomness: Random) -> Steps:
    """Claim a code, and perhaps ask again under the same key; nobody is displeased."""
    claim = Request(
        CLAIM_CODE, "POST", "/codes/claim", {"pool": visitor.pool, "holder": visitor.user_id}, once=True
    )
    yield claim
    while randomness.random() < REPEATED:
        yield Think(visitor.haste)
        yield replace(claim, again=True)
    return True


def digest_of(code: str) -> str:
    """What a code is told apart by without being shown."""
    return hashlib.sha256(code.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class ClaimsOutcome:
    """What became of the codes of a run's pool.

    Attributes:
        received: codes that the pool ever had; given: that it says it gave out.
        claimed: requests that were answered with a code, repeated ones once.
        twice: digests of codes that two requests were answered with.
        changed: keys under which two different codes came.
        unanswered: requests of which no answer says what happened: each may have taken a code.
        distinct: different codes that came.
        cut_short: whether claims may have been under way when the run ended.
    """

    received: int
    given: int
    claimed: int
    twice: tuple[str, ...]
    changed: tuple[str, ...]
    unanswered: int
    distinct: int
    cut_short: bool = False

    @classmethod
    def of(cls, claims: Iterable[Claimed], *, received: int, given: int, cut_short: bool = False) -> Self:
        codes_of: defaultdict[str, set[str]] = defaultdict(set)
        keys_of: defaultdict[str, set[str]] = defaultdict(set)
        for key, code in claims:
            codes_of[key].update(() if code is None else (code,))
            if code is not None:
                keys_of[code].add(key)
        return cls(
            received=received,
            given=given,
            claimed=sum(bool(codes) for codes in codes_of.values()),
            twice=tuple(sorted(code for code, keys in keys_of.items() if len(keys) > 1)),
            changed=tuple(sorted(key for key, codes in codes_of.items() if len(codes) > 1)),
            unanswered=sum(not codes for codes in codes_of.values()),
            distinct=len(keys_of),
            cut_short=cut_short,
        )

    @property
    def wrong(self) -> int:
        """Codes that went to two, and requests that got two."""
        return len(self.twice) + len(self.changed)

    @property
    def unaccounted(self) -> int:
        """Codes that left the pool to nobody, or came to somebody without leaving it."""
        lost = 0 if self.cut_short else self.given - self.distinct - self.unanswered
        return max(0, lost, self.distinct - self.given)

    def lines(self) -> Iterator[str]:
        """The outcome in words."""
        yield (
            f"{self.received} codes, {self.given} given out: {self.claimed} claims got {self.distinct} "
            f"different ones, {self.unanswered} got no answer that says what happened"
        )
        yield (
            f"{len(self.twice)} given to two, {len(self.changed)} claims with two codes, {self.unaccounted} "
            "unaccounted for"
        )

    def to_json(self) -> dict[str, Any]:
        names = ("received", "given", "claimed", "distinct", "unanswered", "unaccounted")
        return {name: getattr(self, name) for name in names} | {
            "twice": self.twice,
            "changed": self.changed,
            "lines": list(self.lines()),
        }


class PoolDesk:
    """A run's pool, as the shop's own server sees it."""

    def __init__(self, client: httpx.Client, api_url: str, pool: str) -> None:
        self._client, self._pools, self._pool = client, f"{api_url}/pools", pool

    def open(self, codes: int) -> None:
        """Create the pool and fill it.

        Raises:
            httpx.HTTPError: there is none, or it is not full.
        """
        body = {"poolId": self._pool, "name": "Load test", "amount": AMOUNT, "currency": CURRENCY}
        self._client.post(self._pools, json=body | {"threshold": 0}).raise_for_status()
        for first in range(0, codes, AT_ONCE):
            count = {"count": min(AT_ONCE, codes - first)}
            self._client.post(f"{self._pools}/{self._pool}/generate", json=count).raise_for_status()

    def close(self) -> tuple[int, int]:
        """Let nobody claim any more.

        Returns:
            How many codes the pool received, and how many it gave out.
        Raises:
            httpx.HTTPError
        """
        address = f"{self._pools}/{self._pool}"
        self._client.patch(address, json={"status": "PAUSED"}).raise_for_status()
        level = self._client.get(address).raise_for_status().json()["level"]
        return sum(level.values()), level["given"]


@contextmanager
def pool_over_http(
    api_url: str, api_key: str | None, pool: str, transport: httpx.BaseTransport | None = None
) -> Iterator[PoolDesk]:
    """Reach the deployed shop's pools.

    Args:
        transport: how bytes travel; None = over the network.
    """
    headers = {"X-API-Key": api_key} if api_key else {}
    # A proxy of the environment must not see requests to this machine.
    with httpx.Client(headers=headers, timeout=TIMEOUT_S, transport=transport, trust_env=False) as client:
        yield PoolDesk(client, api_url, pool)
