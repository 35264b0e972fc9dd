"""GraphClient: requests of one application to Microsoft Graph, at most four at once, each with its token.

Apart from the roads that use it, because mail, message traces and reports share the application's four places. It
knows HTTP and tokens, and not what a request is about. Whether a request that broke may have arrived is told by the
phase of the TransportError: "await" when all of it had been sent, anything else when not.
An ear (routes.wire.ear) hears methods, addresses and answers; never a token, a content, or an address that is a secret.
(Microsoft: "Microsoft Graph service-specific throttling limits", Outlook: 4 concurrent requests; "Access tokens")
"""

from __future__ import annotations

import asyncio
import copy
import ssl
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http.client import responses
from typing import Any, Protocol
from urllib.parse import urlsplit

from relay365 import __version__
from relay365.errors import TokenRefused, TransportError
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.wire.ear import DEAF, Ear

AT_ONCE = 4  # for an application over all mailboxes, by the stricter of the two readings of the limits
CONNECT_S = 30.0
BLOCK_S = 180.0  # as RFC 5321 4.5.3.2.5 for a block of content
ANSWER_S = 600.0  # as RFC 5321 4.5.3.2.6 for the final dot: less patience makes duplicates
REQUEST_S = 1500.0  # all of it, below the lease of a claim
IDLE_S = 20.0
ANSWER_OCTETS = 1_048_576

_REFUSED = 400  # from here on a status is an error (RFC 9110 15.5)
_TOKEN = "Authorization"  # noqa: S105  # the name of a header field


class Tokens(Protocol):
    """Where the bearer tokens come from (routes.identity.source)."""

    async def token(self) -> str:
        """A token; raises TokenRefused."""
        ...

    def forget(self) -> None:
        """The last one was refused: do not offer it again."""
        ...


class Body(Protocol):
    """A request body that is too large to be held; blocks() may be called again for a second try."""

    size_octets: int

    def blocks(self) -> AsyncIterator[bytes]:
        """It, in blocks; what this raises ends the request and is passed on."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """base: the address of Graph, without a slash at its end. context: whom we trust. proxy: "" for none.

    answer_octets: how much of an answer is read.
    """

    base: str
    context: ssl.SSLContext
    proxy: str = ""
    answer_octets: int = ANSWER_OCTETS


class GraphClient:
    """One application at one Graph. places: shared by all clients of this application; tokens: its own.

    ear: of the attempt that the requests belong to.
    """

    def __init__(self, endpoint: Endpoint, tokens: Tokens, places: asyncio.Semaphore) -> None:
        self._endpoint, self._tokens, self._places = endpoint, tokens, places
        self._warm = _Warm(endpoint)
        self.ear: Ear = DEAF

    def __repr__(self) -> str:
        return f"<GraphClient {self._endpoint.base}>"

    def heard_by(self, ear: Ear) -> GraphClient:
        """The same client with an ear of its own; connections, places and tokens are shared."""
        heard = copy.copy(self)
        heard.ear = ear
        return heard

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        content: bytes | Body = b"",
        headers: Mapping[str, str] | None = None,
        authorise: bool = True,
    ) -> GraphAnswer:
        """Put one request and give its answer, whatever its status; redirects are answers.

        path_or_url: a path below the base, or a whole address; the token goes to the base's own host only. An address
        that needs no token (authorise) is a secret itself.
        A token that Graph refuses is replaced once. Raises TokenRefused and TransportError.
        """
        given = {**(headers or {}), "client-request-id": str(uuid.uuid4())}
        try:
            url = self._address(path_or_url, authorise=authorise)
            if not authorise:
                return await self._put(method, url, content, given)
            return await self._put_with_token(method, url, content, given)
        except TransportError as error:
            self.ear.note(f"no answer: {error}")
            raise
        except TokenRefused as error:
            self.ear.note(f"no token: {error}")
            raise

    async def close(self) -> None:
        """End warm connections."""
        await self._warm.close()

    def _address(self, path_or_url: str, *, authorise: bool) -> str:
        """The whole address; neither a token nor mail goes where it can be read on the way, or to a stranger."""
        base = self._endpoint.base
        if path_or_url.startswith("/"):
            return base + path_or_url
        wanted, own = urlsplit(path_or_url), urlsplit(base)
        if wanted.scheme != own.scheme:
            raise TransportError("connect", f"Graph named an address that is not {own.scheme}")
        if authorise and wanted.netloc.lower() != own.netloc.lower():
            raise TransportError("connect", "Graph named another host for a request that carries our token")
        return path_or_url

    async def _put_with_token(
        self, method: str, url: str, content: bytes | Body, given: Mapping[str, str]
    ) -> GraphAnswer:
        token = await self._tokens.token()
        answer = await self._put(method, url, content, {**given, _TOKEN: f"Bearer {token}"})
        if not _is_token_refused(answer):
            return answer
        if await self._tokens.token() == token:  # nobody else has replaced it meanwhile
            self._tokens.forget()
        token = await self._tokens.token()
        return await self._put(method, url, content, {**given, _TOKEN: f"Bearer {token}"})

    async def _put(
        self, method: str, url: str, content: bytes | Body, headers: Mapping[str, str]
    ) -> GraphAnswer:
        """One request over the wire."""
        import httpx2

        progress = _Progress(f"{method} {_shown(url, is_secret=_TOKEN not in headers)}", self.ear)
        try:
            async with self._places, asyncio.timeout(REQUEST_S):
                return await self._exchange(method, url, content, headers, progress)
        except httpx2.HTTPError as error:
            raise _failure(error, progress) from (_tls_fault(error) or error)
        except httpx2.InvalidURL as error:
            raise TransportError("connect", f"not an address: {error}") from error
        except TimeoutError as error:
            raise TransportError(progress.phase, f"not done within {REQUEST_S:.0f} s") from error

    async def _exchange(
        self,
        method: str,
        url: str,
        content: bytes | Body,
        headers: Mapping[str, str],
        progress: _Progress,
    ) -> GraphAnswer:
        size = len(content) if isinstance(content, bytes) else content.size_octets
        sized = {**headers, "Content-Length": str(size)} if size or method != "GET" else dict(headers)
        body = content if isinstance(content, bytes) else progress.watched(content)
        if isinstance(content, bytes):
            progress.n_octets = len(content)
        client = self._warm.client()
        async with client.stream(
            method, url, content=body, headers=sized, extensions={"trace": progress.note}
        ) as response:
            octets, is_cut, most = bytearray(), False, self._endpoint.answer_octets
            async for block in response.aiter_raw():
                octets += block
                if len(octets) > most:
                    is_cut = True
                    break
        named = {name.lower(): value for name, value in response.headers.items()}
        answer = GraphAnswer(response.status_code, named, bytes(octets[:most]), is_cut)
        self.ear.heard(_line_of(answer, headers.get(_TOKEN, "").removeprefix("Bearer ")))
        return answer


class _Warm:
    """The connections of a client, which are kept warm."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http: Any = None

    def client(self) -> Any:
        """What puts requests; made at the first one, because the library is slow to load."""
        if self._http is None:
            import httpx2

            context = self._endpoint.context
            proxy = self._endpoint.proxy
            self._http = httpx2.AsyncClient(
                verify=context,
                trust_env=False,
                proxy=httpx2.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None)
                if proxy
                else None,
                timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S, write=BLOCK_S, pool=REQUEST_S),
                limits=httpx2.Limits(max_keepalive_connections=AT_ONCE, keepalive_expiry=IDLE_S),
                headers={"User-Agent": f"relay365/{__version__}", "Accept-Encoding": "identity"},
            )
        return self._http

    async def close(self) -> None:
        """End them; the next request begins anew."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None


class _Progress:
    """How far one request has come, also in an ear. request: what may be shown of it; n_octets: of its content."""

    def __init__(self, request: str, ear: Ear) -> None:
        self.phase = "connect"
        self.is_last_block_out = False
        self.n_octets = 0
        self._is_proxys = False
        self._request, self._ear = request, ear
        self._reached = ""

    async def note(self, event: str, facts: Mapping[str, Any]) -> None:
        """An event of httpcore; what is said to a proxy, and what it answers, is not yet said to Graph."""
        step = event.partition(".")[2]
        if "request" in facts:
            self._is_proxys = getattr(facts["request"], "method", b"") == b"CONNECT"
        if step.startswith("start_tls."):
            self.phase, self._is_proxys = "tls", False
        elif self._is_proxys:
            self.phase = "connect"
        elif step == "send_request_headers.started":
            self.phase = "send"
            self._say_request()
        elif step in ("send_request_body.complete", "receive_response_headers.complete"):
            self.phase = "await"
        if step == "connect_tcp.started":
            self._reached = f"{facts.get('host')}:{facts.get('port')}"
        elif step == "connect_tcp.complete":
            self._ear.note(f"connected to {self._reached}")
        elif step == "start_tls.complete":
            self._ear.note(f"encrypted: {_tls_of(facts.get('return_value'))}")

    def _say_request(self) -> None:
        self._ear.said(f"{self._request}\r\n".encode("ascii", "replace"))
        if self.n_octets:
            self._ear.content(self.n_octets)

    async def watched(self, body: Body) -> AsyncIterator[bytes]:
        """The body's blocks; remembers when the last one was given out."""
        n_left = body.size_octets
        async for block in body.blocks():
            n_left -= len(block)
            self._ear.content(len(block))
            self.is_last_block_out = n_left <= 0
            yield block


def _shown(url: str, *, is_secret: bool) -> str:
    """An address as it may be shown: whoever knows that of an upload session may write to it."""
    parts = urlsplit(url)
    return f"(a secret address at {parts.hostname})" if is_secret else parts.path


def _line_of(answer: GraphAnswer, token: str) -> bytes:
    """An answer in one line: its status, its error, and the number that Microsoft's support asks for."""
    words = responses.get(answer.status, "")
    if answer.status >= _REFUSED:
        words = answer.error()[0] or words
    asks = answer.headers.get("retry-after", "")[:40]
    told = [
        f"{answer.status} {words}".rstrip(),
        *([f"retry after {asks}"] if asks else []),
        *([f"request-id {answer.request_id[:64]}"] if answer.request_id else []),
    ]
    line = ", ".join(told)
    return (line.replace(token, "(secret)") if token else line).encode()


def _tls_of(stream: Any) -> str:
    """TLS version and cipher of a connection; "" where it does not say."""
    secured = stream.get_extra_info("ssl_object") if stream is not None else None
    cipher = secured.cipher() if secured is not None else None
    return f"{secured.version()} {cipher[0]}" if secured is not None and cipher else ""


def _is_token_refused(answer: GraphAnswer) -> bool:
    refusal = answer.headers.get("www-authenticate", "")
    code, _ = answer.error()
    return answer.status == 401 and (code == "InvalidAuthenticationToken" or "invalid_token" in refusal)


def _failure(error: Exception, progress: _Progress) -> TransportError:
    """A block that was not taken in time may lie in a buffer and arrive all the same; one that was refused cannot."""
    import httpx2

    phase = progress.phase
    if _tls_fault(error) is not None and phase in ("connect", "tls"):
        phase = "tls"
    elif isinstance(error, httpx2.WriteTimeout) and progress.is_last_block_out:
        phase = "await"
    return TransportError(phase, _words(error))


def _words(error: Exception) -> str:
    """What happened, for people: the library gives a wait that was too long no words of its own."""
    import httpx2

    match error:
        case httpx2.ConnectTimeout():
            return f"no answer within {CONNECT_S:g} s"
        case httpx2.ReadTimeout():
            return f"no answer within {ANSWER_S:g} s"
        case httpx2.WriteTimeout():
            return f"nothing was taken within {BLOCK_S:g} s"
        case httpx2.PoolTimeout():
            return f"no free connection within {REQUEST_S:g} s"
    return str(error) or "the connection broke"


def _tls_fault(error: BaseException) -> ssl.SSLError | None:
    """What TLS itself objects to; that it waits for the other side is no fault."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError) and not isinstance(
            seen, ssl.SSLWantReadError | ssl.SSLWantWriteError
        ):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
