"""What a user's sign-in leaves behind: authorization codes, device codes and refresh tokens. No HTTP, no tokens.

Codes live in memory. A refresh token is sealed and carries its own facts, so it outlives a restart of the emulator as
it outlives one of Entra's. An older refresh token lives on when it was used, as Microsoft says, unless the scenario
wants each used once.
(RFC 6749 4.1 and 6; RFC 7636 4.6; RFC 8628 3; Microsoft: "Refresh tokens in the Microsoft identity platform")
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from relay365.clock import Clock
from relay365.emulator.directory import Directory
from relay365.emulator.entra.refusals import Refusal

CODE_LIFE_S = 600.0
MOST_CODES = 10_000
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1, which people confuse
_USER_CODE_LENGTH = 9
_MARK = "1."


@dataclass(frozen=True, slots=True)
class Consent:
    """Who signed in, what was asked for, and what the ID token must repeat."""

    user: str
    scope: str
    nonce: str = ""
    is_public: bool = True


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code as it was given."""

    consent: Consent
    redirect: str
    challenge: str
    method: str
    until: float


@dataclass(slots=True)
class Device:
    """One device flow. user is "" until somebody approves."""

    user_code: str
    scope: str
    until: float
    user: str = ""
    is_declined: bool = False
    secret: str = field(default="", repr=False)

    def view(self, now: float) -> dict[str, Any]:
        """The flow for the control API."""
        state = "approved" if self.user else "declined" if self.is_declined else "pending"
        return {
            "user_code": self.user_code, "scope": self.scope, "state": "expired" if now >= self.until else state,
            "user": self.user or None, "rest_s": round(max(0.0, self.until - now), 3),
        }  # fmt: skip


class Grants:
    """All of them."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory, self._clock = directory, clock
        seed = hashlib.sha256(b"refresh tokens " + directory.identity.secret.encode()).digest()
        self._seal = Fernet(base64.urlsafe_b64encode(seed))
        self._codes: dict[str, Code] = {}
        self._redeemed: set[str] = set()
        self._devices: dict[str, Device] = {}
        self._valid_from: dict[str, float] = {}
        self._used: set[str] = set()

    # -- authorization codes --------------------------------------------------------------------------------------

    def code(self, consent: Consent, redirect: str, challenge: str, method: str) -> str:
        """A new authorization code."""
        name = f"{_MARK}{secrets.token_urlsafe(48)}"
        until = self._clock.now() + CODE_LIFE_S
        self._codes[name] = Code(consent, redirect, challenge, method or "plain", until)
        if len(self._codes) > MOST_CODES:
            del self._codes[next(iter(self._codes))]
        return name

    def redeem_code(self, name: str, redirect: str, verifier: str) -> Consent:
        """What a code stands for, once; raises Refusal. The redirect must be that of the request (RFC 6749 4.1.3)."""
        code = self._codes.get(name)
        if code is None:
            raise Refusal(54005 if name in self._redeemed else 70000)
        if self._clock.now() >= code.until:
            raise Refusal(70008)
        if redirect != code.redirect:
            raise Refusal(500112, {"redirect": redirect})
        if code.challenge and not _answers(verifier, code.challenge, code.method):
            raise Refusal(501481)
        del self._codes[name]
        self._redeemed.add(name)
        return code.consent

    # -- device codes ---------------------------------------------------------------------------------------------

    def begin_device(self, scope: str) -> Device:
        """A new device flow."""
        life_s = self._directory.application.device_life_s
        user_code = "".join(secrets.choice(_ALPHABET) for _ in range(_USER_CODE_LENGTH))
        device = Device(user_code, scope, self._clock.now() + life_s, secret=secrets.token_urlsafe(48))
        self._devices[device.secret] = device
        if len(self._devices) > MOST_CODES:
            del self._devices[next(iter(self._devices))]
        return device

    def devices(self) -> list[dict[str, Any]]:
        """All flows that were not redeemed, for the control API."""
        now = self._clock.now()
        return [device.view(now) for device in self._devices.values()]

    def decide(self, user_code: str, user: str) -> bool:
        """Approve as a user, or decline with ""; False where no flow waits under this code."""
        wanted = user_code.strip().upper().replace("-", "")
        now = self._clock.now()
        for device in self._devices.values():
            is_waiting = not device.user and not device.is_declined and now < device.until
            if device.user_code == wanted and is_waiting:
                device.user, device.is_declined = user, not user
                return True
        return False

    def redeem_device(self, secret: str) -> Consent:
        """What an approved flow stands for, once; raises Refusal with what the poll must hear."""
        device = self._devices.get(secret)
        if device is None:
            raise Refusal(70018)
        if self._clock.now() >= device.until:
            raise Refusal(70019)
        if device.is_declined:
            raise Refusal(65004, error="authorization_declined")
        if not device.user:
            raise Refusal(70016)
        del self._devices[secret]
        return Consent(device.user, device.scope)

    # -- refresh tokens -------------------------------------------------------------------------------------------

    def refresh_token(self, consent: Consent) -> str:
        """A new refresh token."""
        facts = {
            "user": consent.user, "scope": consent.scope, "is_public": consent.is_public,
            "at": self._clock.now(), "mark": secrets.token_hex(8),
        }  # fmt: skip
        return _MARK + self._seal.encrypt(json.dumps(facts).encode()).decode("ascii")

    def redeem_refresh(self, token: str) -> Consent:
        """What a refresh token stands for; raises Refusal where it is garbage, was revoked or lay idle too long."""
        try:
            facts = json.loads(self._seal.decrypt(token.removeprefix(_MARK).encode()))
        except (InvalidToken, ValueError) as error:
            raise Refusal(70000) from error
        user, at = str(facts["user"]), float(facts["at"])
        valid_from = self._valid_from.get(user.lower(), 0.0)
        if at < valid_from:
            raise Refusal(50173, {"issued": _instant(at), "valid": _instant(valid_from)})
        idle_s = self._directory.application.refresh_idle_s
        if self._clock.now() >= at + idle_s:
            raise Refusal(700082, {"issued": _instant(at), "idle": f"{int(idle_s // 86_400)}.00:00:00"})
        if self._directory.application.refresh_once:
            if facts["mark"] in self._used:
                raise Refusal(70000)
            self._used.add(facts["mark"])
        return Consent(user, str(facts["scope"]), is_public=bool(facts["is_public"]))

    def revoke(self, user: str) -> None:
        """Sign a user out everywhere: every refresh token given until now is dead (Revoke-MgUserSignInSession)."""
        self._valid_from[user.lower()] = self._clock.now() + 1e-6


def with_scope(consent: Consent, scope: str) -> Consent:
    """The consent for another of the scopes that it covers, or as it is where none is named."""
    return replace(consent, scope=scope) if scope else consent


def _answers(verifier: str, challenge: str, method: str) -> bool:
    """Whether a code_verifier fits its challenge (RFC 7636 4.6)."""
    if not 43 <= len(verifier) <= 128:
        return False
    found = verifier
    if method == "S256":
        digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
        found = base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
    return hmac.compare_digest(found.encode(), challenge.encode())


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
