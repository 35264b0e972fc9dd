"""The pages: what stands in them is escaped."""

from __future__ import annotations

from relay365.emulator.entra import pages

EVIL = '"><script>alert(1)</script>'


def test_nothing_from_the_address_line_becomes_markup() -> None:
    """Values of the request and names of users stand in every page as text only."""
    made = [
        pages.choose_user([EVIL], EVIL, {"state": EVIL}), pages.enter_code([EVIL], EVIL),
        pages.posted(EVIL, {"code": EVIL}), pages.said("Sign in", EVIL),
    ]  # fmt: skip

    assert [0] * 4 == [page.count("<script>") for page in made]
    assert all("&lt;script&gt;" in page for page in made)


def test_the_hinted_user_is_chosen_already() -> None:
    """The form marks the user of login_hint, without case, and no other."""
    page = pages.choose_user(["a@x", "b@x"], "B@x", {})

    assert 1 == page.count(" checked")
    assert 'value="b@x" required checked' in page
