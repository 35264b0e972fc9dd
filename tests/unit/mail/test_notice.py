"""The notice that goes in the place of a message that is too large."""

from __future__ import annotations

from email import message_from_bytes, policy

from relay365.mail.notice import TooLarge, build, size_words


def test_the_notice_tells_what_did_not_come() -> None:
    """Subject, size, limit and device; a message that a library reads, in ASCII, that no machine answers."""
    octets = build(
        TooLarge("scan@x.test", "l@x.test", "Büro\r\nBcc: evil@x", "copier 2", 40 << 20, 35 << 20, "relay.test",
                 1_795_600_000.0, "<1@relay.test>")
    )  # fmt: skip
    read = message_from_bytes(octets, policy=policy.default)
    text = read.get_content()

    assert ("Too large to deliver: Büro Bcc: evil@x", "scan@x.test", "l@x.test", "auto-generated", None) == (
        read["subject"], read["from"], read["to"], read["auto-submitted"], read["bcc"],
    )  # fmt: skip
    assert octets.isascii()
    assert all(word in text for word in ("copier 2", "Büro Bcc", "40.0 MB", "35.0 MB", "relay.test"))


def test_sizes_are_said_for_people() -> None:
    """Kilobytes below a megabyte."""
    assert ("0.5 KB", "1.0 MB") == (size_words(512), size_words(1 << 20))
