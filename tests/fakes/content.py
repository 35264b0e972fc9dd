"""Contents as a spool gives them, without a spool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.routes.api import Consignment


class InMemory:
    """A small content, or one that is only given in blocks."""

    def __init__(self, octets: bytes, block: int = 0) -> None:
        self.size_octets, self._octets, self._block = len(octets), octets, block

    def octets(self) -> bytes | None:
        return None if self._block else self._octets

    async def blocks(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._octets), self._block or 65_536):
            yield self._octets[at : at + (self._block or 65_536)]


class Made:
    """A large content that is made while it is read, so that a test can see what others keep of it."""

    def __init__(self, make: Callable[[], Iterator[bytes]]) -> None:
        self._make = make
        self.size_octets = sum(map(len, make()))

    def octets(self) -> bytes | None:
        return None

    async def blocks(self) -> AsyncIterator[bytes]:
        for block in self._make():
            yield block


def consignment(
    content: InMemory | Made, *to: str, trace: bytes = b"Received: from x by y\r\n"
) -> Consignment:
    """One content for some recipients."""
    paths = tuple(ForwardPath(address) for address in to or ("lena@fabrikam.com",))
    return Consignment(
        SpoolId("4TQ921"), Envelope("scan@contoso.com", paths), content, trace, "scan@contoso.com"
    )
