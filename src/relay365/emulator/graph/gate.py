"""Who may do what, and how much at once: tokens, permissions, parallel requests and Graph's own rates. No HTTP.

An application's permission that Entra granted holds for every mailbox; one that Exchange RBAC granted holds for the
mailboxes of its scope; the two add up, so a forgotten grant of Entra defeats the scope. A user's permission holds for
the user's own mailbox and for those shared with the user.
(Microsoft: "Microsoft Graph throttling limits", Outlook service limits; "Role Based Access Control for Applications in
Exchange Online"; "Message trace", 100 requests in 5 minutes)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from relay365.clock import Clock
from relay365.emulator.directory import Directory, MailboxState
from relay365.emulator.entra.scopes import GRAPH
from relay365.emulator.entra.signing import BadTokenError, Claims, object_id
from relay365.emulator.entra.tokens import Tokens
from relay365.emulator.graph.answers import GraphError
from relay365.emulator.window import Sliding

TEN_MINUTES_S = 600.0
FIVE_MINUTES_S = 300.0


class Gate:
    """Lets requests in, or raises GraphError."""

    def __init__(self, directory: Directory, tokens: Tokens, clock: Clock) -> None:
        self.most_parallel = 0
        self._directory, self._tokens, self._clock = directory, tokens, clock
        self._running: Counter[str] = Counter()
        self._requests: dict[str, Sliding] = {}
        self._octets: dict[str, Sliding] = {}
        self._traces = Sliding(directory.graph.trace_requests_per_5_min, FIVE_MINUTES_S)

    def claims(self, authorization: str) -> Claims:
        """The claims of an Authorization header field; raises GraphError 401."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise _unauthorized("no-token")
        try:
            return self._tokens.signer.read(token.strip(), (GRAPH,))
        except BadTokenError as error:
            words = str(error)
            row = (
                "wrong-audience"
                if "audience" in words
                else "old-token"
                if "expired" in words
                else "early-token"
                if "not valid yet" in words
                else "bad-token"
            )
            raise _unauthorized(row) from error

    def mailbox(self, name: str, claims: Claims) -> MailboxState:
        """The mailbox under an address, an object id or "me"; raises GraphError 404."""
        directory = self._directory
        wanted = claims.user if name == "me" else name
        for state in directory.mailboxes():
            address = state.settings.address
            if wanted.lower() not in (address.lower(), object_id(directory.identity.tenant_id, address)):
                continue
            if not state.settings.rest:
                raise GraphError("no-rest")
            return state
        raise GraphError("no-user", wanted)

    def check_mailbox(self, claims: Claims, state: MailboxState, *permissions: str) -> None:
        """Raise GraphError 403 unless one of the permissions holds for the mailbox."""
        application, address = self._directory.application, state.settings.address
        wanted = set(permissions)
        if claims.user:
            if wanted & claims.scopes and self._tokens.may_use(claims.user, address):
                return
            raise GraphError("denied")
        in_scope = address.lower() in {one.lower() for one in application.graph_scope}
        if wanted & claims.roles or (in_scope and wanted & set(application.graph_rbac)):
            return
        raise GraphError("denied")

    def check_tenant(self, claims: Claims, *permissions: str) -> None:
        """Raise GraphError 403 unless the application has one of these permissions on the tenant."""
        if not set(permissions) & claims.roles:
            raise GraphError("no-consent")

    @contextmanager
    def at_once(self, claims: Claims, address: str) -> Iterator[None]:
        """A request that runs; raises GraphError 429 for one too many."""
        graph = self._directory.graph
        key = f"{claims.client_id} {address if graph.parallel_per == 'mailbox' else ''}"
        self._running[key] += 1
        try:
            if self._running[key] > graph.parallel:
                raise self._throttled("parallel")
            self.most_parallel = max(self.most_parallel, self._running[key])
            yield
        finally:
            self._running[key] -= 1

    def count(self, claims: Claims, address: str, n_octets: int) -> None:
        """Count a request and its octets against the rates of application and mailbox; raises GraphError 429."""
        graph, now, key = self._directory.graph, self._clock.mono(), f"{claims.client_id} {address}"
        for windows, limit, span_s, amount in (
            (self._requests, graph.requests_per_10_min, TEN_MINUTES_S, 1),
            (self._octets, graph.upload_octets_per_5_min, FIVE_MINUTES_S, n_octets),
        ):
            window = windows.setdefault(key, Sliding(limit, span_s))
            window.limit = limit
            wait_s = window.wait_s(now, amount)
            if wait_s:
                raise self._throttled("throttled", wait_s)
            if amount:
                window.take(now, amount)

    def count_trace(self) -> None:
        """Count a message trace request; raises GraphError: 401 without the principal, 429 above the rate."""
        graph, now = self._directory.graph, self._clock.mono()
        if not graph.trace_principal:
            raise GraphError("no-principal")
        self._traces.limit = graph.trace_requests_per_5_min
        wait_s = self._traces.wait_s(now)
        if wait_s:
            raise self._throttled("throttled", wait_s)
        self._traces.take(now)

    def _throttled(self, row: str, wait_s: float = 0.0) -> GraphError:
        pause_s = self._directory.graph.retry_after_s
        if wait_s and pause_s:
            pause_s = max(pause_s, int(min(wait_s, 3600.0)) + 1)
        return GraphError(row, headers={"Retry-After": str(pause_s)} if pause_s else {})


def _unauthorized(row: str) -> GraphError:
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    )
    return GraphError(row, headers={"WWW-Authenticate": challenge})
