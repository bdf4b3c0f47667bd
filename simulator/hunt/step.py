"""What all steps of a script have in common: strictness, and the bounds of their fields."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Units = Annotated[int, Field(ge=0, le=10**6)]
Priority = Annotated[int, Field(ge=0, le=100)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=1_000)]
Price = Annotated[int, Field(gt=0, le=10**6)]  # minor units
Seconds = Annotated[int, Field(ge=0, le=400 * 24 * 3600)]


class BaseStep(BaseModel):
    """One step; see `simulator.hunt.script`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
