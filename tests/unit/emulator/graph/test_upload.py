"""The upload host: ranges, sizes and the token that must not come."""

from __future__ import annotations

from typing import Any

import pytest

SIZE = 3 * 1024 * 1024
ME = "/users/scan@contoso.com"


@pytest.fixture
def where(desk: Any) -> str:
    """The address of an open session of SIZE octets."""
    draft = desk.ask("POST", f"{ME}/messages", {"subject": "s"})[1]["id"]
    item = {"AttachmentItem": {"attachmentType": "file", "name": "a", "size": SIZE}}
    address: str = desk.ask("POST", f"{ME}/messages/{draft}/attachments/createUploadSession", item)[1][
        "uploadUrl"
    ]
    return address


@pytest.mark.parametrize(
    ("content_range", "body", "status"),
    [
        ("", b"x", 416), ("bytes 0-0", b"x", 416), ("bytes 0-0/9", b"x", 416), (f"bytes 0-9/{SIZE}", b"x", 416),
        (f"bytes 5-5/{SIZE}", b"x", 416), (f"bytes 0-0/{SIZE}", b"x", 200),
    ],
)  # fmt: skip
def test_ranges(desk: Any, where: str, content_range: str, body: bytes, status: int) -> None:
    """A range is named, fits its body and the whole, and comes in order."""
    assert status == desk.upload("PUT", where, body, {"content-range": content_range})[0]


def test_a_chunk_above_four_megabytes(desk: Any, where: str) -> None:
    """A chunk is at most 4 MB."""
    body = b"x" * (4 * 1024 * 1024 + 1)

    assert 413 == desk.upload("PUT", where, body, {"content-range": f"bytes 0-{len(body) - 1}/{SIZE}"})[0]


def test_a_token_must_not_come_along(desk: Any, where: str) -> None:
    """An Authorization header field is refused, and so is an address with another authtoken."""
    assert 401 == desk.upload("GET", where, headers={"authorization": "Bearer x"})[0]
    assert 404 == desk.upload("GET", where[:-3] + "abc")[0]
    assert [200, 204, 404] == [desk.upload(method, where)[0] for method in ("GET", "DELETE", "GET")]


def test_the_upload_host_knows_nothing_else(desk: Any) -> None:
    """Another address on it is 404 in Graph's shape."""
    status, body, _ = desk.upload("GET", "/v1.0/me")

    assert (404, "ResourceNotFound") == (status, body["error"]["code"])
