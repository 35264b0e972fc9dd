"""[[rule]]: which routes a message may take, and in which order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from relay365.config.table import Table
from relay365.config.words import Duration, Label, Number, Senders, Size, several, target

Priority = Literal["alarm", "normal", "bulk"]


def _destination(value: object) -> object:
    if value == "external":
        return value
    try:
        return target(value)
    except ValueError as error:
        raise ValueError(f'{error}, or "external"') from error


Destinations = Annotated[tuple[Annotated[str, BeforeValidator(_destination)], ...], BeforeValidator(several)]
Labels = Annotated[tuple[Label, ...], BeforeValidator(several)]


class Rule(Table):
    """[[rule]]: all that stands here must fit; the first rule that fits a recipient decides for it.

    A message whose recipients fit different rules is split. Without a rule that fits, the routes are tried in the
    order of the file, but none that would send as another mailbox.
    """

    name: Label = Field("", description="its name in `route explain`; default: its number")
    device: Labels = Field((), description="devices, by name; default: any")
    sender: Senders = Field((), description='envelope senders: addresses or "@domain"; default: any')
    recipients: Destinations = Field(
        (),
        description='addresses, "@domain", "own-domains" or "external" (all but own-domains); default: any',
    )
    larger_than: Size | None = Field(None, description="only messages of more octets")
    smaller_than: Size | None = Field(None, description="only messages of fewer octets")
    priority: Priority | None = Field(None, description="only messages of this priority")
    routes: Labels = Field(description="routes, by name, the best one first")
    choose: Literal["order", "soonest"] = Field(
        "order",
        description="order: the first route that is not shut; soonest: the one where a message would start first",
    )
    after: Duration = Field(900.0, description="how long a route may be shut before the next one takes over")

    digest: Number = Field(
        0,
        ge=0,
        le=200,
        description="so many messages of one client to one recipient go as one, where they wait together; 0: never",
    )

    @model_validator(mode="after")
    def _sizes(self) -> Rule:
        if not self.routes:
            raise ValueError("at least one of routes")
        if None not in (self.larger_than, self.smaller_than) and self.larger_than >= self.smaller_than:  # type: ignore[operator]
            raise ValueError("larger_than below smaller_than")
        if self.digest == 1:
            raise ValueError("digest: 0 for never, or at least 2")
        return self
