"""What every part of a cabinet file is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="lower-case letters, digits, dashes")
]
Pin = Annotated[int, Field(ge=0, le=511)]
Label = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,7}$", description="what is printed on the door")]


class Part(BaseModel):
    """Knows its keys and no others, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
