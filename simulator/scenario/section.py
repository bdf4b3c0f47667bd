"""What all sections of a scenario share: strictness, faults between keys, ranges."""

import math
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

SUM_TOLERANCE = 1e-6
HOURS_PER_DAY = 24

Category = Annotated[str, Field(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]


def fault(key: str, text: str) -> PydanticCustomError:
    """A fault between several keys, put down to one of them (dotted, within the section that is checked)."""
    return PydanticCustomError("between_keys", "{text}", {"text": text, "key": key})


def checked_sum(key: str, shares: tuple[float, ...]) -> None:
    total = math.fsum(shares)
    if abs(total - 1) > SUM_TOLERANCE:
        raise fault(key, f"must sum to 1 (within {SUM_TOLERANCE:g}), and the sum is {total:.9g}")


class Section(BaseModel):
    """A part of a scenario."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class WholeRange(Section):
    """Whole numbers low..high, both included, drawn evenly."""

    low: int = Field(ge=0, le=10**9, description="smallest")
    high: int = Field(ge=0, le=10**9, description="largest")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise fault("high", f"must be at least low ({self.low}), got {self.high}")
        return self

    def checked_within(self, key: str, least: int, most: int) -> None:
        for name, value in (("low", self.low), ("high", self.high)):
            if not least <= value <= most:
                raise fault(f"{key}.{name}", f"must be {least} to {most}, got {value}")
