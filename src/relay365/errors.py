"""The exception tree: our program could not do its work.

What becomes of a recipient is never an exception; it is an Outcome (relay365.mail.outcome).
"""


class Relay365Error(Exception):
    """The parent of everything that relay365 raises on purpose."""


class ConfigError(Relay365Error):
    """A setting cannot be used.

    where is "FILE: key"; expected and found are short phrases for a person.
    """

    def __init__(self, where: str, expected: str, found: str, hint: str = "") -> None:
        self.where, self.expected, self.found, self.hint = where, expected, found, hint
        super().__init__(f"{where}: expected {expected}, found {found}" + (f"; {hint}" if hint else ""))


class DataInUseError(Relay365Error):
    """Another relay365 holds the data directory."""


class SmtpError(Relay365Error):
    """The SMTP dialogue cannot go on."""


class LocalProtocolError(SmtpError):
    """We misused a machine: a bug of ours."""


class RemoteProtocolError(SmtpError):
    """The remote broke the protocol; octets holds what it sent, cut to 200."""

    def __init__(self, message: str, octets: bytes = b"") -> None:
        self.octets = octets[:200]
        super().__init__(f"{message}: {self.octets!r}" if octets else message)


class SpoolError(Relay365Error):
    """The spool could not keep a promise; text is for people. What a device hears is in relay365.mail.refusals."""

    text = "Local spool error, try again later"


class SpoolFull(SpoolError):
    """No space or no inodes are left, or the configured floor is reached (RFC 3463 X.3.1)."""

    text = "Insufficient system storage, try again later"


class SpoolUnavailable(SpoolError):
    """A write, a sync or the store itself failed; nothing was accepted."""


class SpoolCorrupt(SpoolError):
    """A stored item is damaged; it is set aside, never dropped."""


class SpoolTooNew(SpoolError):
    """The store was written by a newer relay365; nothing was touched."""


class ClaimLost(SpoolError):
    """Another worker owns this claim now: stop, settle nothing."""


class TransportError(Relay365Error):
    """The way to the remote failed; phase is resolve, connect, tls, greet, auth, send or await."""

    def __init__(self, phase: str, message: str) -> None:
        self.phase = phase
        super().__init__(f"{phase}: {message}")


class TokenRefused(Relay365Error):
    """The directory gave no token.

    error is the OAuth error name, number the AADSTS number (0 if none), text the directory's own words.
    temporary says that the directory itself was unwell (HTTP 429 or 5xx, no answer).
    """

    def __init__(self, error: str, number: int, text: str, *, temporary: bool) -> None:
        self.error, self.number, self.text, self.temporary = error, number, text, temporary
        super().__init__(f"{error}: {text}")


FAULTS = (
    Relay365Error, ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
"""What data that nobody has foreseen can bring about: whoever serves others logs it, says so, and goes on."""
