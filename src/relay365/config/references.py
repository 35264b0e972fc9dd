"""Where secrets are: by reference only, never the secret itself."""

from __future__ import annotations

from pydantic import Field, model_validator

from relay365.config.table import Table


class SecretRef(Table):
    """Where a secret is; never the secret itself."""

    file: str | None = Field(
        None, description="a file that holds it; only this user should be able to read it"
    )
    env: str | None = Field(None, description="an environment variable that holds it")
    credential: str | None = Field(None, description="a systemd credential (LoadCredential=) of this name")

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        if sum(way is not None for way in (self.file, self.env, self.credential)) != 1:
            raise ValueError("one of { file = }, { env = }, { credential = }")
        return self

    def __repr__(self) -> str:
        return "{ " + ", ".join(f'{k} = "{v}"' for k, v in self.model_dump(exclude_none=True).items()) + " }"

    __str__ = __repr__
