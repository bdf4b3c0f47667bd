"""The request bodies of the routes of promo codes, and how codes and pools look in answers."""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, RootModel, StringConstraints

from handlers.bodies import Id, Name, decimal_number, iso
from handlers.rest import Body
from offerloop import money
from offerloop.codes.generate import ALPHABET, CodeSpec
from offerloop.codes.manage_pools import RANGES
from offerloop.codes.model import Code, Level, Pool, SupplierKind, pool_of_amount
from offerloop.codes.take_in import Intake
from offerloop.errors import FieldError, InvalidInput
from offerloop.idempotency import Answer

# Major units with at most two decimals: whole minor units inside.
Worth = Annotated[Decimal, Field(gt=0, le=10**7, decimal_places=2, strict=False)]
WORTH_PATTERN = r"[0-9]{1,8}(\.[0-9]{1,2})?"
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Supplier = Annotated[SupplierKind, Field(strict=False)]
Sign = Annotated[str, StringConstraints(max_length=32, pattern=r"^[A-Z0-9-]*$")]

Threshold = Annotated[int, Field(ge=RANGES["threshold"][0], le=RANGES["threshold"][1])]
Batch = Annotated[int, Field(ge=RANGES["batch"][0], le=RANGES["batch"][1])]
PerHolder = Annotated[int, Field(ge=RANGES["per_holder"][0], le=RANGES["per_holder"][1])]
ValidDays = Annotated[int, Field(ge=RANGES["valid_days"][0], le=RANGES["valid_days"][1])]
LeadMinutes = Annotated[int, Field(ge=RANGES["lead_minutes"][0], le=RANGES["lead_minutes"][1])]


class ClaimBody(Body):
    """Of which pool: by its id or by what its codes are worth. *holder* = to whom the code will belong."""

    pool: Id | None = None
    amount: Worth | None = None
    holder: Id | None = None

    def pool_id(self) -> str:
        """Raises:
        InvalidInput: neither or both are named.
        """
        if self.pool is not None and self.amount is None:
            return self.pool
        if self.amount is not None and self.pool is None:
            return pool_of_amount(money.to_minor(self.amount))
        raise InvalidInput("of which pool?", [FieldError("pool", "send either pool or amount")])


class CreatePoolBody(Body):
    poolId: Id
    name: Name
    amount: Worth
    currency: Currency
    supplier: Supplier = SupplierKind.NONE
    threshold: Threshold = 3
    batch: Batch = 20
    perHolder: PerHolder = 0
    validDays: ValidDays | None = None
    leadMinutes: LeadMinutes | None = None

    def pool(self) -> Pool:
        return Pool(
            pool_id=self.poolId,
            name=self.name,
            amount=money.to_minor(self.amount),
            currency=self.currency,
            supplier=self.supplier,
            threshold=self.threshold,
            batch=self.batch,
            per_holder=self.perHolder,
            valid_days=self.validDays,
            lead_minutes=self.leadMinutes,
        )


class ChangePoolBody(Body):
    """Attributes that are left out stay; `null` takes the end, or the lead time, away."""

    name: Name = ""
    supplier: Supplier = SupplierKind.NONE
    threshold: Threshold = 0
    batch: Batch = 1
    perHolder: PerHolder = 0
    validDays: ValidDays | None = None
    leadMinutes: LeadMinutes | None = None
    status: Literal["ACTIVE", "PAUSED"] = "ACTIVE"

    def changes(self) -> dict[str, str | int | None]:
        """Only what the client sent, by `Pool` field name."""
        sent = self.model_dump(include=self.model_fields_set)
        return {_FIELDS.get(name, name): value for name, value in sent.items()}


# Thirty to forty codes a transaction, one after the other: the gateway waits for 29 s.
MAX_AT_ONCE = 2_000

_FIELDS = {"perHolder": "per_holder", "validDays": "valid_days", "leadMinutes": "lead_minutes"}


class CodesBody(
    RootModel[
        Annotated[list[Annotated[str, StringConstraints(max_length=64)]], Field(max_length=MAX_AT_ONCE)]
    ]
):
    """A JSON list of codes."""


class GenerateBody(Body):
    count: Annotated[int, Field(ge=1, le=MAX_AT_ONCE)]
    prefix: Sign = ""
    suffix: Sign = ""
    length: Annotated[int, Field(ge=2, le=32)] = 10
    alphabet: Annotated[str, StringConstraints(max_length=64)] = ALPHABET

    def spec(self) -> CodeSpec:
        return CodeSpec(self.prefix, self.suffix, self.length, self.alphabet)


def worth(text: str | None) -> int:
    """An amount from the query string, in minor units.

    Raises:
        InvalidInput: it is none.
    """
    if text is None or not re.fullmatch(WORTH_PATTERN, text, re.ASCII):
        field = FieldError("amount", "must be an amount in major units, as 100 or 99.5")
        raise InvalidInput("the amount is missing or malformed", [field])
    return money.to_minor(Decimal(text))


def claimed_json(answer: Answer) -> dict[str, object]:
    """What a claim answers."""
    expires_at = answer["expiresAt"]
    return {
        "success": True,
        "promo_code": answer["promo_code"],
        "amount": decimal_number(int(answer["amount"] or 0)),
        "currency": answer["currency"],
        "pool": answer["pool"],
        "expiresAt": None if expires_at is None else iso(int(expires_at) * 1_000),
    }


def code_json(code: Code) -> dict[str, object]:
    """A code with whatever became of it."""
    return {
        "code": code.code,
        "pool": code.pool_id,
        "amount": decimal_number(code.amount),
        "currency": code.currency,
        "status": code.status.value,
        "holder": code.holder_id,
        "orderId": code.order_id,
        "claimedAt": None if code.claimed_at_ms is None else iso(code.claimed_at_ms),
        "expiresAt": None if code.expires_at is None else iso(code.expires_at * 1_000),
    }


def pool_json(pool: Pool) -> dict[str, object]:
    return {
        "poolId": pool.pool_id,
        "name": pool.name,
        "amount": decimal_number(pool.amount),
        "currency": pool.currency,
        "supplier": pool.supplier.value,
        "threshold": pool.threshold,
        "batch": pool.batch,
        "perHolder": pool.per_holder,
        "validDays": pool.valid_days,
        "leadMinutes": pool.lead_minutes,
        "status": pool.status.value,
    }


def level_json(level: Level) -> dict[str, object]:
    return {"free": level.free, "given": level.given, "void": level.void}


def intake_json(intake: Intake) -> dict[str, object]:
    return {
        "added": len(intake.added),
        "duplicates": intake.duplicates,
        "everSeen": intake.ever_seen,
        "invalid": intake.invalid,
        "errors": [{"entry": wrong.entry, "reason": wrong.reason} for wrong in intake.wrong],
    }
