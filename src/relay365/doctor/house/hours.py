"""The question about our clock. Microsoft refuses a proof that was signed minutes in its future or past.

Its own clock stands in the Date field of every answer of the token service. (RFC 9110 6.6.1; Microsoft: "Microsoft
identity platform application authentication certificate credentials": nbf and exp, five to ten minutes)
"""

from __future__ import annotations

from relay365.doctor.finding import Finding, bad, good, unknown, warn

LATE_S, TOO_LATE_S = 30.0, 240.0


async def clock(ours: float, theirs: float | None) -> Finding:
    """Our clock against another one, both Unix seconds; theirs has whole seconds, and None where it was not said."""
    if theirs is None:
        return unknown("nobody told the time", "the answer had no Date", "timedatectl; is NTP on?")
    off = ours - theirs
    words = (
        f"our clock is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}"
        if abs(off) > 2
        else "our clock is right"
    )
    if abs(off) >= TOO_LATE_S:
        why = "Microsoft refuses proofs of another time (AADSTS700024), and certificates seem to have ended"
        return bad(words, why, "set the clock and let it be kept: timedatectl set-ntp true")
    if abs(off) >= LATE_S:
        why = "at five minutes sign-ins are refused"
        return warn(words, why, "let the clock be kept: timedatectl set-ntp true")
    return good(words)
