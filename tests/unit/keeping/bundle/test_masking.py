"""Masks: no secret in any form, no person, no subject; the same word for the same, and what helps stays readable."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile import canaries
from relay365.keeping.bundle.masking import CUT, Mask, forms

SECRET = 'Pa/ss+Kanarie "7=%'
KEY = b"k" * 32


def _mask(*secrets: str) -> Mask:
    return Mask(KEY, secrets)


WRAPS = {
    "plain": lambda s: f"login scan {s} refused",
    "url": lambda s: f"client_secret={quote(s, safe='')}&x=1",
    "repr": lambda s: repr({"password": s}),
    "json": lambda s: json.dumps({"password": s}),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "sasl-plain": lambda s: "AUTH PLAIN " + base64.b64encode(f"\0scan\0{s}".encode()).decode(),
    "sasl-xoauth2": lambda s: base64.b64encode(f"user=a\1auth=Bearer {s}\1\1".encode()).decode(),
    "urlsafe": lambda s: base64.urlsafe_b64encode(f"x{s}".encode()).decode(),
}


@pytest.mark.parametrize("how", WRAPS)
def test_a_known_secret_is_found_in_every_form(how: str) -> None:
    """Plain, quoted, escaped, and inside base64 at each place of three: nothing of it is left."""
    text = WRAPS[how](SECRET)
    masked = _mask(SECRET).text(text)

    assert not any(form.decode() in masked for form in canaries.forms(SECRET))
    assert CUT in masked


@settings(max_examples=200, deadline=None)
@given(
    secret=st.text(st.characters(codec="ascii", min_codepoint=33), min_size=8, max_size=40),
    before=st.text(max_size=5),
    behind=st.text(max_size=5),
)
def test_any_secret_in_base64_is_found(secret: str, before: str, behind: str) -> None:
    """For every secret and whatever stands around it: its own letters are not left in the base64 of the whole."""
    text = base64.b64encode(f"{before}{secret}{behind}".encode("utf-8", "surrogatepass")).decode()
    masked = _mask(secret).text(f"blob {text} end")

    assert not any(form in masked for form in forms(secret))


@pytest.mark.parametrize(
    "text",
    [
        "token eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL291dGxvb2sifQ.c2ln",
        "Authorization: Bearer 0.AXoAq1w2e3r4t5y6",
        "scan:$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",
        "https://prod-1.westeurope.logic.azure.com/workflows/1/invoke?api-version=2016&sig=Zm9vYmFyYmF6",
        "proxy http://admin:Zm9vYmFyYmF6@10.0.0.1:8080",
        "AUTH PLAIN AHNjYW4AWm05dlltRnlZbUY2",
        'password = "Zm9vYmFyYmF6"',
        "VGhlIHBhc3N3b3JkIGlzOiBab212YkdGelltRjY=",
    ],
)
def test_what_looks_like_a_secret_is_cut(text: str) -> None:
    """Tokens, hashes, keys, signed addresses, sign-ins and base64 of text, though nobody knows them."""
    masked = _mask().text(text)

    assert CUT in masked
    for word in (
        "0.AXoAq1",
        "RdescudvJ",
        "MIIEvQ",
        "Zm9vYmFyYmF6",
        "Wm05dlltRnlZbUY2",
        "eyJhdWQ",
        "VGhlIHBh",
    ):
        assert word not in masked


@pytest.mark.parametrize(
    "text",
    [
        "454 4.7.0 Temporary authentication failure",
        "535 5.7.3 Authentication unsuccessful [AM0PR04CA0001.eurprd04.prod.outlook.com 2026-11-24T10:02:11.204Z]",
        "451 4.4.2 [Hostname=BL0PR06MB4994.namprd06.prod.outlook.com] ThrottlingException; 0x800CCC67",
        "data /var/lib/relay365/segments/0000000042-0.seg missing",
        "lane submission/scan is held: 5.7.139 SmtpClientAuthentication is disabled for the Tenant",
        "certificate CN=relay.contoso.com ends 2026-12-24",
        "thumbprint 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B",
        "app 7a1e0c52-0000-4000-8000-000000000000 in tenant contoso.onmicrosoft.com",
        "AADSTS7000215: Invalid client secret provided.",
        "submission/secret: /etc/relay365/client.secret is ours alone",
    ],
)
def test_what_helps_stays(text: str) -> None:
    """Codes, hosts, times, paths, ids and fingerprints are what a helper needs: word for word."""
    assert text == _mask().text(text)


PEOPLE = [
    "from=<lena.meier@fabrikam.com> to=x",
    "MAIL FROM:<lena.meier@fabrikam.com> SIZE=10",
    "RCPT TO:<lena.meier@fabrikam.com> ORCPT=rfc822;lena.meier+40fabrikam.com",
    "rcpt to:<lena.meier>",
    '"lena.meier x"@fabrikam.com said',
    "bounce-lena.meier=fabrikam.com@contoso.com",
    "user=lena.meier@fabrikam.com",
    "mailto:lena.meier%40fabrikam.com",
    "'lena.meier@fabrikam.com'",
    "lena.meier@[192.168.1.1]",
    "lena.meier@b\u00fccher.example",
    r"lena.meier\u0040fabrikam.com",
    "/o=ExchangeLabs/ou=x/cn=Recipients/cn=lena.meier-7 was refused",
    "Subject: lena.meier has a new salary",
    '"subject": "lena.meier has a new salary"',
    "subject=lena.meier has a new salary",
]


@pytest.mark.parametrize("text", PEOPLE)
def test_people_and_subjects_are_masked(text: str) -> None:
    """In envelopes, logs, xtext, URLs, escapes, Exchange's own names and subjects, nobody is named."""
    masked = _mask().text(text)

    assert "lena" not in masked
    assert "meier" not in masked
    assert "salary" not in masked


_ATOM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~"


@settings(max_examples=300, deadline=None)
@given(
    local=st.lists(st.text(_ATOM, min_size=1, max_size=12), min_size=1, max_size=4).map(".".join),
    frame=st.sampled_from(
        ("<{}>", "from={}", " {} ", '"{}"', "({})", "{},", "RCPT TO:<{}> NOTIFY=NEVER", "rfc822;{}")
    ),
    at=st.sampled_from(("@", "%40", "+40", "\\u0040")),
)
def test_any_local_part_is_masked(local: str, frame: str, at: str) -> None:
    """Every local part that RFC 5321 calls an atom, in every frame in which addresses stand, is gone; domains stay."""
    name = f"{local}kanarie"  # so that it is no word of the frame
    masked = _mask().text(frame.format(f"{name}{at}fabrikam.com"))

    assert "kanarie" not in masked
    assert "fabrikam.com" in masked


def test_the_same_person_is_the_same_word() -> None:
    """Within a bundle a message can be followed; in the next bundle the word is another one; the domain stays."""
    one = _mask().text("<Lena@fabrikam.com> lena@fabrikam.com, user=lena@fabrikam.com; otto@fabrikam.com")
    first, second, third, other = [word.strip("<>,;").removeprefix("user=") for word in one.split()]
    elsewhere = Mask(b"another", ()).text("lena@fabrikam.com")

    assert first == second == third != other
    assert first.endswith("@fabrikam.com")
    assert elsewhere != first


def test_a_lane_keeps_its_route_and_its_mailbox_its_word() -> None:
    """A route's name before a mailbox is shown, and the mailbox is the same word as elsewhere; a stranger's slash is no
    route.
    """
    mask = Mask(KEY, (), routes=("submission",))
    lane, named, bare = mask.text("submission/scan@x.test lane=submission/scan@x.test scan@x.test").split()

    assert f"submission/{bare}" == lane
    assert f"lane=submission/{bare}" == named
    assert "lena" not in mask.text("lena/meier@x.test")


@pytest.mark.parametrize("text", [*PEOPLE, "lena@x.test said", "Subject: x", "/cn=lena said"])
def test_masking_twice_changes_nothing_more(text: str) -> None:
    """What was masked where it came from is the same word as what is masked at the end."""
    mask = _mask()
    once = mask.text(text)

    assert once == mask.text(once)


def test_header_fields_show_their_names_only() -> None:
    """A history says what was repaired with the lines before and behind it: names, and dates, and what we say."""
    detail = (
        "sender: added, the envelope's sender\n- From: Lena Meier\n+ From: <scan@contoso.com>\n"
        "raw_headers: encoded as utf-8\n- Subject: Gehalt\n  M\u00fcller, unfolded\n"
        "+ Date: Mon, 30 Nov 2026 08:08:27 +0000"
    )
    masked = _mask().field_lines(detail)

    assert not any(word in masked for word in ("Lena", "Meier", "Gehalt", "M\u00fcller", "scan"))
    assert masked.startswith("sender: added, the envelope's sender\n- From: [cut]\n+ From: [cut]\n")
    assert "raw_headers: encoded as utf-8" in masked
    assert masked.endswith("+ Date: Mon, 30 Nov 2026 08:08:27 +0000")


def test_people_are_shown_where_that_is_wished_and_secrets_never() -> None:
    """Without the mask of people addresses stay, and a secret still goes."""
    mask = Mask(KEY, (SECRET,), hides_people=False)

    assert f"lena@fabrikam.com {CUT}" == mask.text(f"lena@fabrikam.com {SECRET}")
    assert "x\n- From: Lena" == mask.field_lines("x\n- From: Lena")


def test_json_is_masked_in_keys_and_values() -> None:
    """Whatever the shape; numbers stay numbers, and what was done is counted."""
    mask = _mask(SECRET)
    masked = mask.value({"lena@x.test": [1, None, True, {"a": SECRET}], "n": 2.5})

    (key,) = [one for one in masked if one != "n"]
    assert "lena" not in key
    assert [1, None, True, {"a": CUT}] == masked[key]
    assert 2.5 == masked["n"]
    assert {"addresses": 1, "secrets": 1} == {what: n for what, n in mask.counts.items() if n}


def test_words_are_no_secrets() -> None:
    """A secret too short to be told from words is not looked for; nothing is cut out of everything."""
    assert set() == forms("abc")
    assert "a secret of abc" == _mask("abc", "").text("a secret of abc")
