"""The client keeps its four places, its token to one host, and says whether a broken request may have arrived."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fakes.graph import TAKEN, Asked, Said, Tokens, client_of, error, fake_graph
from relay365.errors import SpoolCorrupt, TokenRefused, TransportError
from relay365.mail.outcome import Class
from relay365.net.tls import client_context
from relay365.routes.graph import client as client_module
from relay365.routes.graph.answer import GraphAnswer
from relay365.routes.graph.client import ANSWER_OCTETS, Endpoint, GraphClient
from relay365.routes.graph.judge import outcome_of_break


class Blocks:
    """A body of n blocks."""

    def __init__(self, n_blocks: int, fault: Exception | None = None) -> None:
        self.size_octets, self._n_blocks, self._fault = n_blocks * 50_000, n_blocks, fault

    async def blocks(self) -> AsyncIterator[bytes]:
        for n in range(self._n_blocks):
            if self._fault is not None and n == 1:
                raise self._fault
            yield b"x" * 50_000


def test_a_request_carries_token_and_id_and_its_answer_comes_whole(tmp_path: Path) -> None:
    """Authorization, client-request-id and a Content-Length; the answer with status, headers and octets."""

    async def story() -> None:
        async with fake_graph(tmp_path, lambda _: (201, {"request-id": "r1"}, b'{"id":"m1"}')) as graph:
            client = client_of(graph)
            answer = await client.request(
                "POST", "/v1.0/x", content=Blocks(3), headers={"Content-Type": "text/plain"}
            )
            await client.close()
        asked = graph.asked[0]
        assert (201, "r1", {"id": "m1"}) == (answer.status, answer.request_id, answer.json())
        assert ("POST", "/v1.0/x", 150_000) == (asked.method, asked.path, len(asked.body))
        assert ("Bearer t1", "150000") == (asked.headers["authorization"], asked.headers["content-length"])
        assert 36 == len(asked.headers["client-request-id"])

    asyncio.run(story())


def test_a_refused_token_is_replaced_once(tmp_path: Path) -> None:
    """InvalidAuthenticationToken: one fresh token, the whole body again, and then the answer stands."""
    tokens = Tokens()

    async def story() -> list[str]:
        async with fake_graph(tmp_path, lambda _: error(401, "InvalidAuthenticationToken")) as graph:
            client = client_of(graph, tokens)
            answer = await client.request("POST", "/v1.0/x", content=Blocks(2))
            await client.close()
            assert 401 == answer.status
            assert [100_000] * 2 == [len(asked.body) for asked in graph.asked]
            return [asked.headers["authorization"] for asked in graph.asked]

    assert ["Bearer t1", "Bearer t2"] == asyncio.run(story())
    assert 1 == tokens.n_forgotten


def test_another_401_is_no_reason_for_a_new_token(tmp_path: Path) -> None:
    """Message trace answers 401 until its service principal exists: no token would help."""

    async def story() -> int:
        async with fake_graph(
            tmp_path, lambda _: error(401, "Unauthorized", "Service principal-less")
        ) as graph:
            client = client_of(graph)
            await client.request("GET", "/v1.0/x")
            await client.close()
            return len(graph.asked)

    assert 1 == asyncio.run(story())


def test_four_requests_at_once_and_no_more(tmp_path: Path) -> None:
    """The fifth waits until one of the four is done, whichever client of the application puts it."""

    async def story() -> int:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            graph.may_answer.clear()
            client = client_of(graph)
            tasks = [asyncio.ensure_future(client.request("POST", "/v1.0/x")) for _ in range(9)]
            while graph.n_open < 4:
                graph.asked_now.clear()
                await asyncio.wait_for(graph.asked_now.wait(), 10.0)
            graph.may_answer.set()
            await asyncio.gather(*tasks)
            await client.close()
            assert 9 == len(graph.asked)
            return graph.n_most

    assert 4 == asyncio.run(story())


def test_a_connection_is_used_again(tmp_path: Path) -> None:
    """Ten requests, one after the other, are one handshake."""

    async def story() -> int:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph)
            for _ in range(10):
                await client.request("POST", "/v1.0/x")
            await client.close()
            return graph.n_connections

    assert 1 == asyncio.run(story())


def test_the_token_never_goes_to_another_host(tmp_path: Path) -> None:
    """An address in an answer cannot send our token away, nor mail over a link without TLS."""

    async def story() -> None:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph)
            with pytest.raises(TransportError, match="another host"):
                await client.request("GET", "https://evil.test/x")
            with pytest.raises(TransportError, match="not https"):
                await client.request("PUT", "http://localhost:1/x", authorise=False)
            answer = await client.request("PUT", f"{graph.base}/session", content=b"abc", authorise=False)
            await client.close()
            assert (202, b"abc") == (answer.status, graph.asked[0].body)
            assert "authorization" not in graph.asked[0].headers

    asyncio.run(story())


def test_whether_a_broken_request_may_have_arrived(tmp_path: Path) -> None:
    """Hung up after the whole request: await. In the middle of the body, or before any answer to a connect: not."""

    async def phase(*, is_early: bool, n_blocks: int) -> str:
        async with fake_graph(tmp_path, lambda _: "close") as graph:
            graph.is_early = is_early
            client = client_of(graph)
            with pytest.raises(TransportError) as broken:
                await client.request("POST", "/v1.0/x", content=Blocks(n_blocks))
            await client.close()
            return broken.value.phase

    assert "await" == asyncio.run(phase(is_early=False, n_blocks=1))
    assert "send" == asyncio.run(phase(is_early=True, n_blocks=400))


def test_nobody_there_and_a_stranger_s_certificate(tmp_path: Path) -> None:
    """A refused connection is phase connect; a certificate of another authority is phase tls, with its cause."""

    async def refused() -> str:
        with socket.socket() as spare:
            spare.bind(("127.0.0.1", 0))
            base = f"https://127.0.0.1:{spare.getsockname()[1]}"
            client = GraphClient(Endpoint(base, client_context()), Tokens(), asyncio.Semaphore(4))
            with pytest.raises(TransportError) as broken:
                await client.request("GET", "/")
            return broken.value.phase

    async def stranger() -> str:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = GraphClient(Endpoint(graph.base, client_context()), Tokens(), asyncio.Semaphore(4))
            with pytest.raises(TransportError, match="certificate verify failed") as broken:
                await client.request("GET", "/")
            return broken.value.phase

    assert "connect" == asyncio.run(refused())
    assert "tls" == asyncio.run(stranger())


def test_who_accepts_and_never_says_a_word_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certificate was seen, so that nobody needs to heal one: a broken handshake, in words and not as a class."""
    monkeypatch.setattr(client_module, "CONNECT_S", 0.2)

    async def silence() -> TransportError:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            base = f"https://127.0.0.1:{listener.getsockname()[1]}"
            client = GraphClient(Endpoint(base, client_context()), Tokens(), asyncio.Semaphore(4))
            with pytest.raises(TransportError) as broken:
                await client.request("GET", "/")
            await client.close()
            return broken.value

    error = asyncio.run(silence())
    outcome = outcome_of_break(error)

    assert ("tls", "tls: no answer within 0.2 s") == (error.phase, str(error))
    assert ("tls-broken", Class.TRANSIENT) == (outcome.row, outcome.klass)


def test_an_answer_that_never_comes_may_have_been_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All was sent: Graph may have done it, and a person reads how long it was waited for."""
    monkeypatch.setattr(client_module, "ANSWER_S", 0.2)

    async def silence() -> TransportError:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph)
            graph.may_answer.clear()
            with pytest.raises(TransportError) as broken:
                await client.request("POST", "/v1.0/x", content=b"abc")
            graph.may_answer.set()
            await client.close()
            return broken.value

    assert "await: no answer within 0.2 s" == str(asyncio.run(silence()))


def test_a_body_that_cannot_be_read_ends_the_request(tmp_path: Path) -> None:
    """The spool's own error comes out, and the client is good for the next request."""

    async def story() -> int:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph)
            with pytest.raises(SpoolCorrupt):
                await client.request("POST", "/v1.0/x", content=Blocks(3, SpoolCorrupt("damaged")))
            answer = await client.request("POST", "/v1.0/x")
            await client.close()
            return answer.status

    assert 202 == asyncio.run(story())


def test_an_endless_answer_is_cut(tmp_path: Path) -> None:
    """A megabyte is read, the rest left."""

    def much(_: Asked) -> Said:
        return 200, {}, b"y" * (2 * ANSWER_OCTETS)

    async def story() -> tuple[int, bool]:
        async with fake_graph(tmp_path, much) as graph:
            client = client_of(graph)
            answer = await client.request("GET", "/v1.0/x")
            await client.close()
            return len(answer.octets), answer.is_cut

    assert (ANSWER_OCTETS, True) == asyncio.run(story())


def test_a_request_has_a_deadline_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that drips and an answer that never comes end by REQUEST_S, each with its phase, and leave the place."""
    monkeypatch.setattr(client_module, "REQUEST_S", 0.3)

    class Dripping(Blocks):
        async def blocks(self) -> AsyncIterator[bytes]:
            yield b"x" * 50_000
            await asyncio.Event().wait()

    async def phase(body: bytes | Blocks) -> tuple[str, int]:
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph, places=1)
            graph.may_answer.clear()
            with pytest.raises(TransportError, match="not done within") as broken:
                await client.request("POST", "/v1.0/x", content=body)
            graph.may_answer.set()
            answer = await client.request("POST", "/v1.0/y")
            await client.close()
            return broken.value.phase, answer.status

    assert ("await", 202) == asyncio.run(phase(b"x"))
    assert ("send", 202) == asyncio.run(phase(Dripping(2)))


class Proxy:
    """A proxy that knows CONNECT (RFC 9110 9.3.6). refusal: what it says instead of 200."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.refusal = refusal
        self.asked: list[bytes] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b"\r\n")[0])
        if self.refusal:
            writer.write(self.refusal)
            await writer.drain()
            writer.close()
            return
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        further, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.tasks += [
            asyncio.ensure_future(self._carry(reader, back)),
            asyncio.ensure_future(self._carry(further, writer)),
        ]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(65_536):
            writer.write(block)
        writer.close()


def by_proxy(folder: Path, proxy: Proxy) -> tuple[GraphAnswer | TransportError, list[Asked], str]:
    """What a request through this proxy gave, what Graph was asked, and Graph's address."""

    async def story() -> tuple[GraphAnswer | TransportError, list[Asked], str]:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found: GraphAnswer | TransportError
        async with fake_graph(folder, lambda _: TAKEN) as graph, server:
            endpoint = Endpoint(graph.base, client_context(str(folder / "ca.pem")), address)
            client = GraphClient(endpoint, Tokens(), asyncio.Semaphore(4))
            try:
                found = await client.request("POST", "/v1.0/x", content=Blocks(3))
            except TransportError as error:
                found = error
            await client.close()
            await asyncio.gather(*proxy.tasks)
            return found, graph.asked, graph.base.removeprefix("https://")

    return asyncio.run(story())


def test_a_proxy_is_asked_to_connect_and_hears_nothing_else(tmp_path: Path) -> None:
    """CONNECT with Graph's name, then TLS to Graph itself: the token is not for the proxy."""
    proxy = Proxy()
    answer, asked, name = by_proxy(tmp_path, proxy)
    assert isinstance(answer, GraphAnswer)
    assert (202, 150_000) == (answer.status, len(asked[0].body))
    assert [f"CONNECT {name} HTTP/1.1".encode()] == proxy.asked


def test_a_proxy_that_refuses_is_a_way_that_cannot_be_opened(tmp_path: Path) -> None:
    """407 or 502 of a proxy is no answer of Graph's: phase connect, so that nothing is uncertain."""
    for words in (b"407 Proxy Authentication Required", b"502 Bad Gateway"):
        broken, asked, _ = by_proxy(tmp_path, Proxy(b"HTTP/1.1 " + words + b"\r\nContent-Length: 0\r\n\r\n"))
        assert isinstance(broken, TransportError)
        assert ("connect", []) == (broken.phase, asked)
        assert words.decode()[:3] in str(broken)


class Listener:
    """An ear that writes down what it is told, contents by their number of octets."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.octets = b""

    def note(self, text: str) -> None:
        self._take("==", text.encode())

    def said(self, octets: bytes) -> None:
        self._take("=>", octets)

    def heard(self, octets: bytes) -> None:
        self._take("<=", octets)

    def secret(self, n_octets: int) -> None:
        self.told.append(f"=> secret {n_octets}")

    def content(self, n_octets: int) -> None:
        self.told.append(f"=> content {n_octets}")

    def ended(self) -> None:
        self.told.append("ended")

    def _take(self, mark: str, octets: bytes) -> None:
        self.octets += octets
        self.told.append(f"{mark} {octets.decode().rstrip()}")


def hear(folder: Path, answer: Callable[[Asked], Said], *requests: tuple[str, str, bytes]) -> Listener:
    """What an ear hears of these requests; an address that begins with "secret:" needs no token."""
    ear = Listener()

    async def story() -> None:
        async with fake_graph(folder, answer) as graph:
            client = client_of(graph)
            heard = client.heard_by(ear)
            for method, path, content in requests:
                is_secret = path.startswith("secret:")
                address = graph.base + path.removeprefix("secret:") if is_secret else path
                with contextlib.suppress(TransportError, TokenRefused):
                    await heard.request(method, address, content=content, authorise=not is_secret)
            with contextlib.suppress(TransportError):
                await client.request("POST", "/v1.0/unheard")
            await client.close()
            ear.told = [line.replace(graph.base.rpartition(":")[2], "PORT") for line in ear.told]

    asyncio.run(story())
    return ear


def test_an_ear_hears_requests_and_answers_and_no_secret(tmp_path: Path) -> None:
    """Method, path, octets of the content, status, error, request-id; no token, no content, no query, and of the
    address of an upload session no more than its host. Another user of the same client is not heard.
    """
    answers = iter(
        [
            (202, {"request-id": "r-1"}, b""),
            error(429, "ApplicationThrottled", "Slow down", Retry_After="17", request_id="r-2"),
            (503, {}, b"<html>unwell"),
            (200, {}, b'{"uploadUrl":"https://x.test/?key"}'),
            (202, {}, b""),
        ]
    )
    ear = hear(
        tmp_path,
        lambda _: next(answers),
        ("POST", "/v1.0/users/scan@contoso.com/sendMail?key=q1", b"U3ViamVjdA=="),
        ("POST", "/v1.0/users/scan@contoso.com/sendMail", b"x"),
        ("POST", "/v1.0/users/scan@contoso.com/messages", b"x" * 7),
        ("PUT", "secret:/upload/q2?token=q3", b"y" * 9),
    )
    encrypted = ear.told.pop(1)

    assert encrypted.startswith("== encrypted: TLSv1.3 TLS_")
    assert [
        "== connected to localhost:PORT",
        "=> POST /v1.0/users/scan@contoso.com/sendMail",
        "=> content 12",
        "<= 202 Accepted, request-id r-1",
        "=> POST /v1.0/users/scan@contoso.com/sendMail",
        "=> content 1",
        "<= 429 ApplicationThrottled, retry after 17, request-id r-2",
        "=> POST /v1.0/users/scan@contoso.com/messages",
        "=> content 7",
        "<= 503 Service Unavailable",
        "=> PUT (a secret address at localhost)",
        "=> content 9",
        "<= 200 OK",
    ] == ear.told
    assert [] == [word for word in (b"t1", b"U3Vi", b"q1", b"q2", b"q3", b"Slow") if word in ear.octets]


def test_an_ear_hears_a_token_that_was_refused_but_not_the_token(tmp_path: Path) -> None:
    """Both requests are heard; an answer that repeats the token is heard without it."""

    def refuse(asked: Asked) -> Said:
        return error(401, asked.headers["authorization"], www_authenticate="invalid_token")

    ear = hear(tmp_path, refuse, ("GET", "/v1.0/x", b""))

    assert ["=> GET /v1.0/x", "<= 401 Bearer (secret)"] * 2 == ear.told[2:]


def test_an_ear_hears_why_there_was_no_answer(tmp_path: Path) -> None:
    """A way that breaks, and a directory that gives no token."""
    ear = hear(tmp_path, lambda _: "close", ("POST", "/v1.0/x", b"abc"))

    assert ["=> POST /v1.0/x", "=> content 3"] == ear.told[2:4]
    assert ear.told[4].startswith("== no answer: ")

    class NoTokens(Tokens):
        async def token(self) -> str:
            raise TokenRefused("invalid_client", 7000222, "expired", temporary=False)

    async def story() -> list[str]:
        listener = Listener()
        async with fake_graph(tmp_path, lambda _: TAKEN) as graph:
            client = client_of(graph, NoTokens()).heard_by(listener)
            with pytest.raises(TokenRefused):
                await client.request("GET", "/v1.0/x")
            await client.close()
        return listener.told

    assert ["== no token: invalid_client: expired"] == asyncio.run(story())
