"""Generated codes: easy to read, hard to guess, and a slip in typing shows."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offerloop.codes.generate import (
    ALPHABET,
    MIN_SPARE_BITS,
    CodeSpec,
    GeneratorSupplier,
    generate,
    is_intact,
    spec_of,
)
from offerloop.codes.model import canonical
from offerloop.errors import InvalidInput
from tests.codes import a_pool

SPEC = CodeSpec(prefix="BON", suffix="-X", length=10)


def test_codes_look_as_asked_and_differ() -> None:
    codes = generate(SPEC, 1_000, random.Random(1).randrange)

    assert len(set(codes)) == 1_000
    for code in codes:
        assert canonical(code) == code
        assert code.startswith("BON")
        assert code.endswith("-X")
        assert len(code) == 3 + 10 + 2
        assert set(code[3:13]) <= set(ALPHABET)


def test_no_two_characters_of_the_alphabet_look_alike() -> None:
    assert not set("0O1IL") & set(ALPHABET)
    assert len(ALPHABET) % 2 == 1


@given(
    seed=st.integers(0, 10_000),
    alphabet=st.sampled_from([ALPHABET, "23456789A", "ABCDE"]),
    length=st.integers(4, 20),
    data=st.data(),
)
def test_any_single_wrong_character_and_any_swap_of_neighbours_shows(
    seed: int, alphabet: str, length: int, data: st.DataObject
) -> None:
    spec = CodeSpec(length=length + 25, alphabet=alphabet, prefix="")
    spec = replace(spec, length=min(32, spec.length))
    [code] = generate(spec, 1, random.Random(seed).randrange)
    at = data.draw(st.integers(0, len(code) - 1))
    other = data.draw(st.sampled_from([sign for sign in alphabet if sign != code[at]]))

    assert is_intact(spec, code)
    assert not is_intact(spec, code[:at] + other + code[at + 1 :])
    if at and code[at - 1] != code[at]:
        assert not is_intact(spec, code[: at - 1] + code[at] + code[at - 1] + code[at + 1 :])


@pytest.mark.parametrize("code", ["", "BON", "XXX23456789AB-X", "BON23456789A-X", "BON000000000O-X"])
def test_what_has_not_the_form_is_not_intact(code: str) -> None:
    assert not is_intact(SPEC, code)


def test_codes_that_could_be_guessed_are_refused_with_the_length_that_is_needed() -> None:
    with pytest.raises(InvalidInput) as refused:
        generate(CodeSpec(length=7), 1_000, random.Random(1).randrange)

    [field] = refused.value.fields
    assert (field.field, field.message) == ("length", "codes could be guessed: must be 10 or more")
    spec = CodeSpec(length=10)
    assert spec.entropy_bits >= math.log2(1_000) + MIN_SPARE_BITS
    assert len(generate(spec, 1_000, random.Random(1).randrange)) == 1_000


def test_codes_that_are_there_already_count_as_well() -> None:
    with pytest.raises(InvalidInput):
        generate(CodeSpec(length=10), 1, random.Random(1).randrange, alongside=1_000_000)


@pytest.mark.parametrize(
    ("spec", "count", "field"),
    [
        (CodeSpec(), 0, "count"),
        (CodeSpec(), 10_001, "count"),
        (CodeSpec(alphabet="AB"), 1, "alphabet"),
        (CodeSpec(alphabet=ALPHABET[1:]), 1, "alphabet"),
        (CodeSpec(alphabet="AAB"), 1, "alphabet"),
        (CodeSpec(alphabet="AB-", length=30), 1, "alphabet"),
        (CodeSpec(alphabet="ABc", length=30), 1, "alphabet"),
        (CodeSpec(prefix="lower"), 1, "length"),
        (CodeSpec(prefix="A" * 30), 1, "length"),
        (CodeSpec(length=1), 1, "length"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(spec: CodeSpec, count: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        generate(spec, count, random.Random(1).randrange)

    assert [error.field for error in refused.value.fields] == [field]


def test_the_same_reference_gives_the_same_codes_and_another_gives_others() -> None:
    supplier = GeneratorSupplier(b"secret")
    first = supplier.fetch(a_pool(), 20, "run-1")

    assert supplier.fetch(a_pool(), 20, "run-1") == first
    assert GeneratorSupplier(b"secret").fetch(a_pool(), 5, "run-1") == first[:5]
    for other in (
        supplier.fetch(a_pool(), 20, "run-2"),
        supplier.fetch(a_pool("bonus-200"), 20, "run-1"),
        GeneratorSupplier(b"other").fetch(a_pool(), 20, "run-1"),
    ):
        assert not set(other) & set(first)


def test_derived_characters_are_evenly_spread() -> None:
    codes = GeneratorSupplier(b"secret").fetch(a_pool(), 2_000, "run-1")
    bodies = "".join(code.removeprefix("BON100")[:-1] for code in codes)

    shares = [bodies.count(sign) / len(bodies) for sign in ALPHABET]

    # 18,000 characters: a share of 1/31 has a standard deviation of 0.0013.
    assert max(abs(share - 1 / 31) for share in shares) < 5 * 0.0013


@pytest.mark.parametrize(
    ("pool_id", "prefix"),
    [("bonus-100", "BON100"), ("bonus-5.5", "BON55"), ("welcome-10", "WELCOME10"), ("x" * 64, "X" * 12)],
)
def test_generated_codes_begin_with_their_pool(pool_id: str, prefix: str) -> None:
    assert spec_of(a_pool(pool_id)).prefix == prefix
