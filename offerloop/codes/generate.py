"""Codes of our own: random, easy to read and to type, hard to guess.

The last character checks the ones before it: counted from it with the weights 1, 2, 1, 2, …, the numbers of
all characters sum up to a multiple of their alphabet's size. Where that size is odd, 1, 2 and the
difference of neighbouring weights have no factor in common with it, so any single wrong character changes the
sum, and so does any swap of two neighbours that differ.
"""

import hashlib
import hmac
import math
from collections.abc import Callable, Iterator, Sequence

from offerloop.codes.model import AMOUNT_POOLS, CODE_PATTERN, Pool
from offerloop.errors import FieldError, InvalidInput
from offerloop.record import record

# Without those that look alike: 0 O, 1 I L. 31 characters, an odd number.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
MAX_COUNT = 10_000
# Beyond the codes that are good at the same time: a guess hits one of them once in 2**30, for which ten
# guesses an hour take 12,000 years.
MIN_SPARE_BITS = 30
_DERIVED_BYTES = 4

RandomBelow = Callable[[int], int]  # 0..n-1, each as likely


@record(frozen=True, slots=True)
class CodeSpec:
    """What codes look like: prefix, *length* characters of the alphabet with the check, suffix."""

    prefix: str = ""
    suffix: str = ""
    length: int = 10
    alphabet: str = ALPHABET

    @property
    def entropy_bits(self) -> float:
        return (self.length - 1) * math.log2(len(self.alphabet))


def generate(spec: CodeSpec, count: int, random_below: RandomBelow, alongside: int = 0) -> tuple[str, ...]:
    """Make codes, each different from the others.

    Args:
        count: 1..MAX_COUNT.
        alongside: how many codes there are already that a guess could hit.
    Raises:
        InvalidInput: the spec cannot be used, or its codes could be guessed.
    """
    check_spec(spec, count, alongside)
    made: dict[str, None] = {}
    while len(made) < count:
        body = [random_below(len(spec.alphabet)) for _ in range(spec.length - 1)]
        made[_code(spec, body)] = None
    return tuple(made)


def check_spec(spec: CodeSpec, count: int, alongside: int = 0) -> None:
    """Raises:
    InvalidInput: names each field that is wrong.
    """
    wrong = list(_wrong_fields(spec, count))
    if not wrong:
        needed = math.log2(count + alongside) + MIN_SPARE_BITS
        if spec.entropy_bits < needed:
            longer = math.ceil(needed / math.log2(len(spec.alphabet))) + 1
            wrong.append(FieldError("length", f"codes could be guessed: must be {longer} or more"))
    if wrong:
        raise InvalidInput("no such codes are made", wrong)


def _wrong_fields(spec: CodeSpec, count: int) -> Iterator[FieldError]:
    signs = spec.alphabet
    if not 1 <= count <= MAX_COUNT:
        yield FieldError("count", f"must be 1..{MAX_COUNT}")
    if len(signs) < 3 or len(signs) % 2 == 0 or len(set(signs)) != len(signs):
        yield FieldError("alphabet", "must be an odd number of different characters, 3 or more")
    elif spec.length < 2 or not CODE_PATTERN.fullmatch(f"{spec.prefix}{signs[0] * spec.length}{spec.suffix}"):
        yield FieldError("length", "with prefix and suffix, codes must be 4 to 32 of A-Z, 0-9 and -")
    elif not all(CODE_PATTERN.fullmatch(sign * 4) for sign in signs):
        yield FieldError("alphabet", "must be of A-Z and 0-9")


def _code(spec: CodeSpec, body: Sequence[int]) -> str:
    numbers = [*body, -_weighted([*body, 0]) % len(spec.alphabet)]
    return f"{spec.prefix}{''.join(spec.alphabet[number] for number in numbers)}{spec.suffix}"


def _weighted(numbers: Sequence[int]) -> int:
    return sum(number * (1 + at % 2) for at, number in enumerate(reversed(numbers)))


def is_intact(spec: CodeSpec, code: str) -> bool:
    """Whether a code could be one of a spec: False for any that was misread or mistyped in one place."""
    body = code.removeprefix(spec.prefix).removesuffix(spec.suffix)
    whole = f"{spec.prefix}{body}{spec.suffix}" == code and len(body) == spec.length
    if not whole or any(sign not in spec.alphabet for sign in body):
        return False
    return _weighted([spec.alphabet.index(sign) for sign in body]) % len(spec.alphabet) == 0


class GeneratorSupplier:
    """`CodeSupplier` of codes that follow from a secret and the reference, so that it has nothing to store.

    Args:
        secret: whoever has it can tell the codes of a reference.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def fetch(self, pool: Pool, count: int, batch: str) -> Sequence[str]:
        return generate(spec_of(pool), count, derived(self._secret, f"{pool.pool_id}:{batch}"))


def spec_of(pool: Pool) -> CodeSpec:
    """What generated codes of a pool look like: those of bonus-100 begin with BON100."""
    amount = pool.pool_id.removeprefix(AMOUNT_POOLS)
    text = f"BON{amount}" if amount != pool.pool_id else pool.pool_id
    return CodeSpec(prefix="".join(sign for sign in text.upper() if sign.isascii() and sign.isalnum())[:12])


def derived(secret: bytes, reference: str) -> RandomBelow:
    """Numbers that only the secret and the reference tell."""
    numbers = _numbers(secret, reference)

    def below(end: int) -> int:
        # What would favour the first numbers is passed over.
        fair = 256**_DERIVED_BYTES // end * end
        return next(number for number in numbers if number < fair) % end

    return below


def _numbers(secret: bytes, reference: str) -> Iterator[int]:
    block = 0
    while True:
        digest = hmac.digest(secret, f"promo codes:{reference}:{block}".encode(), hashlib.sha256)
        for start in range(0, len(digest), _DERIVED_BYTES):
            yield int.from_bytes(digest[start : start + _DERIVED_BYTES], "big")
        block += 1
