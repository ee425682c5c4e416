"""What every body that is sent to the API keeps to: fields that the route has, and values of their JSON types.

A name that is spelt wrongly, or `true` where a number belongs, would otherwise be taken for something else in silence.
"""

from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Strict

Number = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]


class Body(Schema):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid")
