"""The other host: takes the octets of an upload session, in order, from whoever has its address.

The address is pre-authorised, so an Authorization header field is an error and not merely useless.
(Microsoft: "Attach large files to Outlook messages or events", steps 2 and 3; RFC 9110 14.4)
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from relay365.emulator.graph.answers import GraphError, instant
from relay365.emulator.graph.drafts import MOST_CHUNK_OCTETS, Drafts, Session

PATH = "/api/gv1.0/users('{user}')/messages('{message}')/AttachmentSessions('{session}')"
_RANGE = re.compile(r"bytes (\d{1,12})-(\d{1,12})/(\d{1,12})")


class Uploads:
    """The handlers of PUT, GET and DELETE."""

    def __init__(self, drafts: Drafts, base: str) -> None:
        self._drafts, self._base = drafts, base

    def session(self, request: Request) -> Session:
        """The session of a request; raises GraphError."""
        if "authorization" in request.headers:
            raise GraphError("upload-token")
        return self._drafts.session(request.path_params["session"], request.query_params.get("authtoken", ""))

    def put(self, request: Request, body: bytes) -> Response:
        """The next range: 200 with what is expected then, 201 with a Location behind the last."""
        session = self.session(request)
        found = _RANGE.fullmatch(request.headers.get("content-range", ""))
        if found is None:
            raise GraphError("bad-range")
        begins, ends, total = (int(one) for one in found.groups())
        if len(body) > MOST_CHUNK_OCTETS:
            raise GraphError("too-large-413")
        if total != session.size or ends - begins + 1 != len(body):
            raise GraphError("bad-range")
        attachment = self._drafts.receive(session, begins, body)
        if attachment is None:
            return JSONResponse(_state(session, dash=""))
        draft = session.draft
        where = f"Users('{draft.mailbox}')/Messages('{draft.id}')/Attachments('{attachment.id}')"
        return Response(status_code=201, headers={"Location": f"{self._base}/api/v2.0/{where}"})

    def get(self, request: Request, body: bytes) -> Response:
        """What is expected next."""
        return JSONResponse(_state(self.session(request), dash="-"))

    def delete(self, request: Request, body: bytes) -> Response:
        """Give the session up."""
        self._drafts.forget(self.session(request))
        return Response(status_code=204)


def _state(session: Session, *, dash: str) -> dict[str, object]:
    """The state of a session. Microsoft shows the next range without a dash behind a chunk, and with one elsewhere."""
    return {
        "expirationDateTime": instant(session.until), "nextExpectedRanges": [f"{session.n_received}{dash}"],
    }  # fmt: skip
