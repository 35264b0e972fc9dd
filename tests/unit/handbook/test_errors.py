"""A page for each exact text."""

from __future__ import annotations

import pytest

from relay365.handbook import errors
from relay365.handbook.plain import text_of
from relay365.mail.outcome import Class, Scope

TENANT = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."


def _ids(words: str) -> set[str]:
    return {one.row.id for one in errors.find(words)}


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (TENANT, "smtp-auth-disabled-tenant"),
        ("smtp-auth-disabled-tenant", "smtp-auth-disabled-tenant"),
        ("AADSTS7000222", "secret-expired"),
        ("7000222", "secret-expired"),
        ("aadsts50126", "user-password"),
        ("5.7.64", "relay-denied-attribution"),
        ("5.7.620", "address-blocked"),
        ("AADSTS53001", "conditional-access"),
        ("errors/550-5-7-64-tenantattribution-relay-access-denied-smtp", "relay-denied-attribution"),
        ("Relay Access Denied SMTP", "relay-denied-attribution"),
        (
            "550 5.7.64 TenantAttribution; Relay Access Denied [DB3EUR04FT021.eop-eur04]",
            "relay-denied-attribution",
        ),
    ],
)
def test_a_text_is_found_by_what_people_paste(words: str, row: str) -> None:
    """A code, a status, an AADSTS number, the row's name, a part of the text, or the whole line as it was seen."""
    assert {row} == _ids(words)


PASTED = {
    "550 5.7.30 Basic authentication is not supported for Client Submission": "basic-auth-retired",
    "535 5.7.139 ... SmtpClientAuthentication is disabled for the Mailbox": "smtp-auth-disabled-mailbox",
    "535 5.7.139 ..., user is locked by your organization's security defaults policy": "security-defaults",
    "535 5.7.3 Authentication unsuccessful [VI1PR0902CA0036.eurprd09.prod.outlook.com]": "auth-refused",
    "430 4.2.0 STOREDRV; mailbox logon failure; ...MapiExceptionLogonFailed": "no-mailbox-rights",
    "530 5.7.57 Client not authenticated to send mail.": "not-authenticated",
    "504 5.7.4 Unrecognized authentication type": "auth-type",
    "(550, b'5.7.60 SMTP; Client does not have permissions to send as this sender')": "send-as-denied",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending": "too-many-connections",
    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException": "daily-recipients",
    "550 5.7.233 - Your message can't be sent because your tenant has exceeded": "tenant-external-limit",
    "cannot connect to SMTP server": "device-cannot-connect",
    "SSL negotiation failed": "device-tls-too-old",
    "Token update failed. Please delete the token and obtain it again.": "device-token-update",
    "Authorization has expired. Reauthorize the account": "device-sign-in-over",
    "Not running interactively; unable to handle no-GUI external auth request": "no-browser",
    "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal": "bare-linefeeds",
    "InvalidToken(400, 'AADSTS700082: The refresh token has expired due to inactivity.')": "grant-dead",
}


@pytest.mark.parametrize(("pasted", "row"), PASTED.items())
def test_what_people_paste_into_trackers_has_a_page(pasted: str, row: str) -> None:
    """Texts as they stand in public issues: cut, wrapped in a program's own words, with the name of a front end."""
    assert {row} == _ids(pasted)


def test_a_status_with_several_meanings_finds_them_all() -> None:
    """5.7.139 alone says little: tenant, mailbox and policy are all offered."""
    assert {"smtp-auth-disabled-tenant", "smtp-auth-disabled-mailbox", "policy-criteria"} <= _ids("5.7.139")
    assert len(_ids("535")) > 5


@pytest.mark.parametrize("words", ["", "   ", "999", "5.9.999", "no such text anywhere"])
def test_what_nobody_knows_finds_nothing(words: str) -> None:
    """No page is better than a wrong one."""
    assert () == errors.find(words)


def test_a_page_says_what_why_and_what_to_do() -> None:
    """Title as Microsoft writes it, the meaning, causes, cures, what the relay does, commands and sources."""
    page = next(page for page in errors.pages() if page.title.startswith(TENANT[:-1]))
    said = text_of(page.text, 200)

    assert said.startswith("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled")
    assert "SMTP AUTH is switched off for the whole tenant." in said
    assert "Class: `configuration`, only a person can heal it" in said
    assert "1. Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false" in said
    assert "goes on by itself when the fault is healed" in said
    assert "relay365 explain '535 5.7.139 Authentication unsuccessful, SmtpClient" in said
    assert "https://aka.ms/smtp_auth_disabled" in said


def test_texts_of_one_row_name_each_other() -> None:
    """Who comes by the one finds the other."""
    older = next(p for p in errors.pages() if "sender thread limit" in p.title)

    assert "Concurrent connections limit exceeded" in older.text
    assert older.text.count("432-4-3-2-concurrent-connections") == 1


def test_the_deed_says_times_and_who_speaks() -> None:
    """The row's own times are told; a device's text and our own words are told apart from Microsoft's."""
    said = {one.row.id: errors._body(one) for one in errors.texts()}

    assert "people are told after 2 hours" in said["no-mailbox-rights"]
    assert "another program shows this text" in said["device-cannot-connect"]
    assert "These are its own words" in said["not-allowed-here"]


def test_the_index_has_every_text_once() -> None:
    """Each page is linked from the index, under who says it."""
    index, *pages = errors.pages()

    assert [] == [
        page.name for page in pages if index.text.count(f"({page.name.removeprefix('errors/')}.md)") != 1
    ]
    assert [index.text.index(f"## Said by {speaker}") for speaker in errors.SPEAKERS.values()] == sorted(
        index.text.index(f"## Said by {speaker}") for speaker in errors.SPEAKERS.values()
    )


def test_the_index_goes_by_code() -> None:
    """432 before 535, 5.7.3 before 5.7.30 before 5.7.139, AADSTS50034 before AADSTS700016."""
    index = errors.pages()[0].text
    order = [
        "[432 4.3.2",
        "[535 5.7.3 ",
        "[535 5.7.139",
        "[550 5.7.30 ",
        "[550 5.7.64 ",
        "[AADSTS50034",
        "[AADSTS700016",
    ]

    assert sorted(order, key=index.index) == order


def test_every_class_and_scope_has_words() -> None:
    """No page ends in a name of the code."""
    assert set(Class) == set(errors.CLASSES) == set(errors.DEEDS)
    assert set(Scope) == set(errors.SCOPES)


def test_text_stays_text_in_markdown() -> None:
    """Brackets, stars and angle brackets of a reply are no links, no emphasis and no HTML."""
    odd = "a [b](c) *d* _e_ <script> `f` | g ~h~ \\i #j &amp; !k"

    assert odd == text_of(errors.plain_markdown(odd), 200).strip()
