"""Non-delivery reports are read as Exchange writes them, and nothing in them can hurt."""

from __future__ import annotations

import pytest

from relay365.mail.ndr import Ndr, Reported, read_ndr

WORDS = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
FOLDED = WORDS.replace("; ", ";\n ")
HEAD = """\
From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.com>
To: <scan@contoso.com>
Subject: Undeliverable: Scan
In-Reply-To: <answered@relay.test>
MIME-Version: 1.0
"""
STATUS = f"""\
Reporting-MTA: dns;AM0PR05MB0001.eurprd05.prod.outlook.com
Received-From-MTA: dns;relay.test
Arrival-Date: Wed, 25 Nov 2026 10:00:00 +0000

Original-Recipient: rfc822;Lena@fabrikam.com
Final-Recipient: rfc822;lena.meier@fabrikam.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;{FOLDED}

Final-Recipient: rfc822;<bob@fabrikam.com>
Action: Delayed
Status: 4.4.7 (late)
"""
RETURNED = """\
Received: from relay.test by contoso.com; Wed, 25 Nov 2026 10:00:00 +0000
From: scan@contoso.com
Message-ID: <1@device.test>
Subject: Scan

"""
PAGE = """\
<html><head><style>p { color: red }</style></head><body>
<p><b>Your message to <a href="mailto:lena@fabrikam.com">lena@fabrikam.com</a> couldn't be delivered.</b></p>
<p>Diagnostic information for administrators:</p>
<p>Generating server: AM0PR05MB0001.eurprd05.prod.outlook.com</p>
<p>lena@fabrikam.com<br>
Remote server returned '550 5.7.233 Message can&#39;t be sent
because the tenant exceeded its limit'</p>
<p>bob@fabrikam.com<br>#550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found ##</p>
<p>Original message headers:</p>
<pre>Received: from relay.test
Message-ID: &lt;1@device.test&gt;
</pre></body></html>
"""
FIRST = Reported(("lena.meier@fabrikam.com", "lena@fabrikam.com"), "failed", "5.1.10", WORDS)
SECOND = Reported(("bob@fabrikam.com",), "delayed", "4.4.7", "")


def report(*parts: tuple[str, str], head: str = HEAD) -> bytes:
    """A multipart/report of some parts, CRLF lines."""
    blocks = [f"--=b\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts]
    text = (
        f'{head}Content-Type: multipart/report; report-type=delivery-status; boundary="=b"\n\n'
        + "".join(blocks)
        + "--=b--\n"
    )
    return text.replace("\n", "\r\n").encode()


def page(text: str = PAGE, kind: str = "text/html") -> bytes:
    """A report that is one text only."""
    return f"{HEAD}Content-Type: {kind}; charset=utf-8\n\n{text}".replace("\n", "\r\n").encode()


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_says_which_message_and_why(kind: str) -> None:
    """Both names of a recipient, its action, its status, the folded diagnostic on one line; the message's own name."""
    octets = report(
        ("text/plain", "Delivery has failed"), ("message/delivery-status", STATUS), (kind, RETURNED)
    )

    assert Ndr("<1@device.test>", (FIRST, SECOND)) == read_ndr(octets)


def test_lone_line_feeds_are_lines_too() -> None:
    """A mailbox may give its items with the line ends of its machine."""
    octets = report(("message/delivery-status", STATUS), ("message/rfc822", RETURNED)).replace(b"\r\n", b"\n")

    assert Ndr("<1@device.test>", (FIRST, SECOND)) == read_ndr(octets)


def test_without_the_message_its_name_is_what_the_report_answers() -> None:
    """In-Reply-To; a field of the status that names it goes before."""
    without = report(("message/delivery-status", STATUS))
    named = report(
        ("message/delivery-status", STATUS), ("text/plain", "x"), head=f"Original-Message-ID: <o@x>\n{HEAD}"
    )

    assert ["<answered@relay.test>", "<o@x>"] == [
        ndr.message_id for ndr in map(read_ndr, (without, named)) if ndr
    ]


def test_a_page_is_read_by_its_diagnostics() -> None:
    """Exchange's page for people alone: each recipient with its words, and the name among the original headers."""
    expected = Ndr(
        "<1@device.test>",
        (
            Reported(
                ("lena@fabrikam.com",), "failed", "5.7.233",
                "550 5.7.233 Message can't be sent because the tenant exceeded its limit",
            ),
            Reported(("bob@fabrikam.com",), "failed", "5.1.1", "550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found"),
        ),
    )  # fmt: skip
    got = read_ndr(page().replace(b"In-Reply-To", b"X-Was"))

    assert expected == got


def test_mail_that_reports_on_nobody_is_no_report() -> None:
    """Ordinary mail, an answer that quotes a failure, a status without recipients, nothing at all."""
    quoting = page("> lena@fabrikam.com\n> Remote server returned '550 5.1.1 no'", "text/plain")
    empty_status = report(("message/delivery-status", STATUS.partition("\n\n")[0]))

    assert [None] * 4 == [read_ndr(octets) for octets in (page("hello"), quoting, empty_status, b"")]


@pytest.mark.parametrize(
    "octets",
    [
        b"\xff" * 5000,
        b"Content-Type: multipart/report; boundary=\r\n\r\n--\r\n--\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822;\xff\x00@x\r\n",
        report(("message/delivery-status", STATUS.replace("smtp;", "smtp;\x00\x1b[2J\u2028"))),
        page("Diagnostic information for administrators:" + "a@b " * 30_000),
        page("<" * 200_000 + "Diagnostic information for administrators:"),
    ],
)  # fmt: skip
def test_hostile_reports_are_read_or_left(octets: bytes) -> None:
    """No exception, no line end or control character in what is kept, and no long search."""
    ndr = read_ndr(octets)
    words = [one.words + one.status + one.action for one in ndr.recipients] if ndr else []

    assert all(text.isprintable() for text in words)


def test_parts_within_parts_without_end_are_left() -> None:
    """A thousand multiparts in each other cost their length and no more."""
    depth = 3000
    octets = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(depth)
    )

    assert None is read_ndr(octets)
