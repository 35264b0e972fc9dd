"""Whether the application gets a token, and what is in it.

A token without the role is no proof of a mistake: with RBAC for Applications there is none.
(Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"; "SMTP Onboarding to App RBAC")
"""

from __future__ import annotations

from typing import Any, Protocol

from relay365.routes.identity.claims import read_claims
from relay365.routes.identity.source import refusal_of
from relay365.setup.tries.answer import Answer, refused, unreachable

NAME = "token"


class Asked(Protocol):
    """Who gives tokens: an application, or the stored sign-in of a person."""

    def ask(self) -> dict[str, Any]:
        """As routes.identity.source.Directory has it; blocks, never raises."""
        ...


def try_token(directory: Asked) -> tuple[Answer, str]:
    """(answer, the token or "")."""
    answer = directory.ask()
    if "access_token" not in answer:
        refusal = refusal_of(answer)
        words = f"{refusal.error}: {refusal.text}"
        if refusal.error == "unreachable":
            return unreachable(
                NAME, "the token service", refusal.text, "open port 443 to it, or set proxy"
            ), ""
        return refused(NAME, words, "token"), ""
    token = str(answer["access_token"])
    claims = read_claims(token)
    roles = ", ".join(claims.roles) or "none in the token: right with RBAC for Applications"
    who = f"as {claims.who}; " if claims.who else ""
    return Answer(NAME, True, f"{who}roles: {roles}"), token
