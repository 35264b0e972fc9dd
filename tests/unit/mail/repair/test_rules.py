"""Whose domain is ours."""

from __future__ import annotations

from relay365.mail.repair.rules import Authors


def test_what_is_not_of_our_domains_is_foreign() -> None:
    """In any case of letters; the target and the null path never, and nobody where foreign senders pass."""
    authors = Authors(frozenset(["contoso.com"]), "rewrite", "relay@other.test")

    assert [False, True, True, False, False] == [
        authors.is_foreign(one)
        for one in ("a@Contoso.COM", "a@sub.contoso.com", "scanner", "Relay@other.test", "")
    ]
    assert not Authors().is_foreign("a@x.test")
