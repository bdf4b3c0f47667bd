"""The steps of promo codes: pools are made and filled, codes claimed and withdrawn."""

from typing import Literal

from simulator.hunt.step import BaseStep, Count, Name, Price


class CreatePool(BaseStep):
    """Make a pool of codes worth *amount*, of which one customer may claim *per_holder*; 0 = any number."""

    do: Literal["create_pool"] = "create_pool"
    pool: Name
    amount: Price
    codes: Count = 0
    per_holder: Count = 0


class AddCodes(BaseStep):
    """Add the codes with the numbers from *first* on; those that any pool has seen stay as they are."""

    do: Literal["add_codes"] = "add_codes"
    pool: Name
    first: Count
    codes: Count


class ClaimCode(BaseStep):
    """A customer claims a code, under an optional Idempotency-Key."""

    do: Literal["claim_code"] = "claim_code"
    user: Name
    pool: Name
    key: Name | None = None

    @property
    def body(self) -> str:
        return f"{self.user} {self.pool}"


class WithdrawCode(BaseStep):
    """The shop takes the code with this number out of its pool."""

    do: Literal["withdraw_code"] = "withdraw_code"
    number: Count
