"""Lines among the header fields that are none: a fold without its blank, an mbox mark, a text without a header.

The first line that is no field ends a header section for every reader behind us, and fields behind it become text; so
it is put right here, where it can still be told what was meant.
"""

from __future__ import annotations

import re

from relay365.mail.repair.fields import Draft, Field

_MBOX = re.compile(rb">?From [^\r\n]*+\r\n")


def mend_lines(draft: Draft) -> None:
    """Fold what belongs to the field above, end the header where the text begins, drop an mbox mark."""
    fields = draft.fields
    last = max((n for n, field in enumerate(fields) if field.name), default=-1)
    above: Field | None = None
    for n, field in enumerate(fields):
        if field.name:
            above = field
        elif n > last:
            draft.replace(field, b"\r\n" + field.now, "syntax", "no header line: the text begins here")
            del fields[n + 1 :]
            return
        elif n == 0 and _MBOX.fullmatch(field.now):
            draft.replace(field, b"", "syntax", "an mbox mark was taken away")
        elif above is not None and field.now.strip():
            folded = above.now + b" " + field.now
            draft.replace(field, b"", "syntax", "no header line: folded to the one above")
            above.now = folded
            above.repairs.append("syntax")
        else:
            draft.replace(field, b"X-Original-Line: " + field.now.lstrip(), "syntax", "no header line: named")
