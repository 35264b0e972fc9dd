"""The pages that a person sees while signing in: plain HTML that a test can post without a browser. Pure.

Every value is escaped, because all of them come from the address line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1rem sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
label{{display:block;padding:.3rem 0}}
button{{margin:1rem 1rem 0 0;padding:.5rem 1rem}}</style></head>
<body><h1>{title}</h1>
{body}
</body></html>
"""


def choose_user(users: Iterable[str], chosen: str, kept: Mapping[str, str]) -> str:
    """The form of /authorize: which user signs in. kept are the parameters of the request, posted again with it."""
    lines = ['<p>This is the emulator. Who signs in?</p><form method="post">']
    lines += [_hidden(name, value) for name, value in kept.items()]
    lines += [_radio(user, checked=user.lower() == chosen.lower()) for user in users]
    lines.append('<button name="answer" value="accept">Accept</button>')
    lines.append('<button name="answer" value="cancel" formnovalidate>Cancel</button></form>')
    return _page("Sign in to your account", "\n".join(lines))


def enter_code(users: Iterable[str], code: str) -> str:
    """The form of /device: the code, and who approves it."""
    lines = [
        '<p>This is the emulator. Enter the code that your device shows.</p><form method="post">',
        f'<label>Code <input name="code" value="{escape(code)}" autocomplete="off" required></label>',
        *(_radio(user, checked=False) for user in users),
        '<button name="answer" value="accept">Accept</button>',
        '<button name="answer" value="cancel" formnovalidate>Cancel</button></form>',
    ]
    return _page("Enter code", "\n".join(lines))


def posted(address: str, fields: Mapping[str, str]) -> str:
    """The page of response_mode=form_post, with a button in place of the script."""
    lines = [f'<form method="post" action="{escape(address)}">']
    lines += [_hidden(name, value) for name, value in fields.items()]
    return _page("Working...", "\n".join([*lines, "<button>Continue</button></form>"]))


def said(title: str, words: str) -> str:
    """A page that only says something."""
    return _page(title, f"<p>{escape(words)}</p>")


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), body=body)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _radio(user: str, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    return f'<label><input type="radio" name="user" value="{escape(user)}" required{mark}> {escape(user)}</label>'
