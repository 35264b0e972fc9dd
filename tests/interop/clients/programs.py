"""The clients that we did not write, one row each: what it needs, what it can, and how much of an order it keeps."""

from __future__ import annotations

from clients.agents import dma, esmtp, nullmailer, postfix, ssmtp
from clients.commands import curl, git_send_email, msmtp, mutt, s_nail, sendemail, swaks
from clients.libraries import PYTHON, go, java, python, script, standard_library
from clients.order import LOGIN, LOGIN_ONLY, MODES, PASSWORD, PLAIN_ONLY, RECIPIENT, SENDER, Client, Order

__all__ = ["LOGIN", "MODES", "PASSWORD", "PROGRAMS", "RECIPIENT", "SENDER", "Order"]

_NODE = "node_modules"
_JARS = "/usr/share/java"
_NO_IMPLICIT = frozenset(one for one in MODES if not one.startswith("implicit"))
_PERL = ("perl", "perl:Authen::SASL", "perl:IO::Socket::SSL")

PROGRAMS: dict[str, Client] = {
    "swaks": Client(swaks, ("swaks",)),
    "curl": Client(curl, ("curl",)),
    "msmtp": Client(msmtp, ("msmtp",)),
    "sendemail": Client(sendemail, ("sendemail",), _NO_IMPLICIT - {"starttls-plain"}, "message", stuffs=False),
    "s-nail": Client(s_nail, ("s-nail",), keeps="message", helo=True),
    "mutt": Client(mutt, ("mutt",), keeps="message"),
    "git send-email": Client(git_send_email, ("/usr/lib/git-core/git-send-email", *_PERL), keeps="text"),
    "nullmailer": Client(nullmailer, (".tools/nullmailer",), keeps="end", helo=True),
    "dma": Client(dma, (".tools/dma", "root"), LOGIN_ONLY - {"plain-login"}, keeps="end"),
    "ssmtp": Client(ssmtp, (".tools/ssmtp",), LOGIN_ONLY, "end", helo=True),
    "esmtp": Client(esmtp, (".tools/esmtp",), frozenset(("plain",)), "end"),
    "Postfix": Client(postfix, (".tools/postfix", "root"), keeps="end"),
    "smtplib": Client(standard_library),
    "aiosmtplib": Client(python("aiosmtplib"), (PYTHON,)),
    "yagmail": Client(python("yagmail"), (PYTHON,), PLAIN_ONLY, "message"),
    "Django": Client(python("django"), (PYTHON,), PLAIN_ONLY, "message"),
    "redmail": Client(python("redmail"), (PYTHON,), PLAIN_ONLY, "message"),
    "emails": Client(python("emails"), (PYTHON,), PLAIN_ONLY, "message"),
    "nodemailer": Client(script("node", "nodemailer_send.cjs"), ("node", f"{_NODE}/nodemailer")),
    "emailjs": Client(script("node", "emailjs_send.mjs"), ("node", f"{_NODE}/emailjs"), keeps="message"),
    "PHPMailer": Client(
        script("php", "phpmailer_send.php"), ("php", "/usr/share/php/libphp-phpmailer"), keeps="message"
    ),
    "Symfony Mailer": Client(
        script("php", "symfony_send.php"), ("php", "/usr/share/php/Symfony/Component/Mailer"),
        keeps="message", eager=True,
    ),
    "Net::SMTP": Client(script("perl", "net_smtp_send.pl"), _PERL),
    "Email::Sender": Client(script("perl", "email_sender_send.pl"), (*_PERL, "perl:Email::Sender"), PLAIN_ONLY),
    "Ruby net/smtp": Client(script("ruby", "net_smtp_send.rb"), ("ruby:net/smtp",)),
    "Ruby mail": Client(script("ruby", "mail_send.rb"), ("ruby:mail",), keeps="message", eager=True),
    "JavaMail": Client(java("javax"), ("javac", f"{_JARS}/javax.mail.jar"), keeps="message"),
    "Jakarta Mail": Client(java("jakarta"), ("javac", f"{_JARS}/jakarta-mail.jar"), keeps="message"),
    "Go net/smtp": Client(go, ("go",)),
}  # fmt: skip
"""Name -> client. Where a client cannot be told which mechanism to use, its modes name the one that it takes."""
