"""The tokens of one scope: many callers, one request, refreshed behind their backs, and patience after a refusal.

Apart from the directories, which block and know Microsoft: this knows time. A token is asked for in a thread of its
own that does not keep the process alive, so that a token service that hangs never delays the end of the service.
(Microsoft: AADSTS50196, client request loop; High Volume Email refuses tokens near their end, 501 5.5.127)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from relay365.clock import Clock
from relay365.errors import TokenRefused
from relay365.routes.identity.credential import Version
from relay365.routes.identity.transport import MALFORMED, first_line

REFRESH_AHEAD_S = 600.0  # before its end, but not before half of its life
LAST_USE_S = 60.0  # a token this close to its end is not offered any more
FRESH_S = 600.0  # what High Volume Email asks of a token
ANSWER_S = 65.0  # discovery and the question, thirty seconds each
PAUSE_S = 30.0
MOST_PAUSE_S = 840.0  # with a probe a minute, a healed route resumes within fifteen minutes
MOST_UNWELL_S = 60.0  # a service that was away is asked again soon: nobody has to heal anything
_UNWELL = frozenset(("temporarily_unavailable", "server_error", "unreachable", "timeout", MALFORMED))
_OF_THE_SCOPE = frozenset(("invalid_scope", "invalid_resource"))

_LOG = logging.getLogger(__name__)


class Directory(Protocol):
    """Who gives tokens."""

    def ask(self) -> dict[str, Any]:
        """A fresh token as MSAL answers: access_token and expires_in (seconds), or error and its kin.

        Blocks and is called in threads. Never raises.
        """
        ...

    def version(self) -> Version:
        """Differs when what it signs in with was replaced."""
        ...


class Breaker:
    """The pauses of one credential: 30 s after a refusal, twice that after the next, up to 14 minutes.

    A refusal because the service is unwell pauses a minute at most. One credential has one breaker, whatever its
    tokens are for.
    """

    def __init__(self) -> None:
        self._refused: TokenRefused | None = None
        self._version: Version = ()
        self._until_mono = 0.0
        self._n_refused = 0

    def standing(self, now_mono: float, version: Version) -> TokenRefused | None:
        """The refusal that still holds: its pause is not over, and the credential is the one that was refused."""
        return self._refused if now_mono < self._until_mono and version == self._version else None

    def note(self, refused: TokenRefused, now_mono: float, version: Version, *, wait_s: float = 0.0) -> None:
        """One more refusal; wait_s is what the service asked for."""
        self._n_refused = self._n_refused + 1 if version == self._version else 1
        most_s = MOST_UNWELL_S if refused.temporary else MOST_PAUSE_S
        pause_s = min(PAUSE_S * 2.0 ** min(self._n_refused - 1, 10), most_s)
        self._refused, self._version = refused, version
        self._until_mono = now_mono + max(pause_s, wait_s)

    def heal(self) -> bool:
        """A token was given; gives whether there had been a refusal."""
        was_refused, self._refused = self._refused is not None, None
        self._n_refused, self._until_mono = 0, 0.0
        return was_refused


@dataclass(frozen=True, slots=True)
class Held:
    """A token and, in monotonic seconds, from when on a newer one is fetched and until when it is offered."""

    token: str = field(repr=False)
    fresh_until_mono: float
    good_until_mono: float
    ends_mono: float


class TokenSource:
    """The tokens of one directory and scope. label: the route, for the log."""

    def __init__(
        self,
        directory: Directory,
        clock: Clock,
        *,
        breaker: Breaker | None = None,
        least_left_s: float = LAST_USE_S,
        label: str = "",
    ) -> None:
        self.directory, self.label = directory, label
        self._clock, self._least_left_s = clock, least_left_s
        self._breakers = (breaker or Breaker(), Breaker())  # of the credential, of the scope
        self._held: Held | None = None
        self._task: asyncio.Task[Held | TokenRefused] | None = None

    def __repr__(self) -> str:
        return f"<TokenSource {self.label} of {self.directory!r}>"

    async def token(self) -> str:
        """A token that is good for least_left_s at least; a newer one is fetched behind it when it nears its end.

        Raises TokenRefused.
        """
        held = self._usable()
        if held is None:
            answer = await asyncio.shield(self._renewal())
            if isinstance(answer, TokenRefused):
                raise answer
            held = answer
        else:
            self.refresh_if_due()
        return held.token

    def refresh_if_due(self, *, even_unused: bool = False) -> None:
        """Begin to fetch a newer token where the one at hand nears its end.

        Where there is none, nothing is begun: none was needed yet; even_unused: it is fetched then as well.
        """
        held, now = self._usable(), self._clock.mono()
        is_due = now >= held.fresh_until_mono if held is not None else even_unused
        if is_due and self._standing(now) is None:
            self._renewal()

    def forget(self) -> None:
        """The remote refused the token: do not offer it again."""
        self._held = None

    def _usable(self) -> Held | None:
        held = self._held
        return held if held is not None and self._clock.mono() < held.good_until_mono else None

    def _standing(self, now: float) -> TokenRefused | None:
        version = self.directory.version()
        return next((found for b in self._breakers if (found := b.standing(now, version)) is not None), None)

    def _renewal(self) -> asyncio.Task[Held | TokenRefused]:
        """The request under way, or a new one; whoever waits for it may leave without ending it."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._renewed())
        return self._task

    async def _renewed(self) -> Held | TokenRefused:
        standing = self._standing(self._clock.mono())
        if standing is not None:
            return standing
        version = self.directory.version()
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await aside(self.directory.ask)
        except TimeoutError:
            answer = {"error": "timeout", "error_description": "the token service did not answer"}
        if "access_token" in answer:
            return self._learn(answer)
        return self._remember(answer, version)

    def _learn(self, answer: dict[str, Any]) -> Held:
        life_s, now = _number(answer.get("expires_in", 3600.0)), self._clock.mono()
        ahead_s = max(REFRESH_AHEAD_S, self._least_left_s + PAUSE_S)
        held = Held(
            str(answer["access_token"]),
            now + max(life_s - ahead_s, life_s / 2),
            now + max(life_s - self._least_left_s, 0.0),
            now + life_s,
        )
        self._held = held
        was_refused = [breaker.heal() for breaker in self._breakers]
        if any(was_refused):
            _LOG.info("token.healed route=%s", self.label)
        return held

    def _remember(self, answer: dict[str, Any], version: Version) -> TokenRefused:
        refused = refusal_of(answer)
        breaker = self._breakers[refused.error in _OF_THE_SCOPE]
        breaker.note(refused, self._clock.mono(), version, wait_s=_number(answer.get("retry_after")))
        _LOG.warning("token.refused route=%s error=%s text=%s", self.label, refused.error, refused.text)
        return refused


def refusal_of(answer: dict[str, Any]) -> TokenRefused:
    """An answer without a token as the error that callers know; nothing in it needs to be of the right kind."""
    error = str(answer.get("error") or MALFORMED)
    numbers = answer.get("error_codes")
    number = int(_number(numbers[0])) if isinstance(numbers, list) and numbers else 0
    text = first_line(answer.get("error_description", ""))
    if not text:
        nothing = "neither a token nor a reason came, which is no answer of a token service"
        text = nothing if error == MALFORMED else error
    is_temporary = error in _UNWELL or _number(answer.get("status")) >= 500
    return TokenRefused(error, number, text, temporary=is_temporary)


def _number(value: object) -> float:
    """A number of an answer; 0.0 for what is none."""
    is_number = isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal())
    return float(value) if is_number else 0.0  # type: ignore[arg-type]  # is_number has looked


async def aside(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a call that blocks in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[dict[str, Any]] = loop.create_future()

    def tell(answer: dict[str, Any]) -> None:
        if not done.done():
            done.set_result(answer)

    def work() -> None:
        answer = call()
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(tell, answer)

    threading.Thread(target=work, name="token", daemon=True).start()
    return await done
