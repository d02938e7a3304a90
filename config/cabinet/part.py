"""What every part of a cabinet file is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="lower-case letters, digits, dashes")
]


class Part(BaseModel):
    """Knows its keys and no others, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
