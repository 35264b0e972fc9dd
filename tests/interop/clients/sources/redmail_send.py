"""Makes a message of the order's parts and sends it with redmail."""

import os
import smtplib
from pathlib import Path

from redmail import EmailSender

ORDER = os.environ

client = EmailSender(
    host="127.0.0.1",
    port=int(ORDER["ORDER_PORT"]),
    username=ORDER["ORDER_USER"] if ORDER["ORDER_MECHANISM"] else None,
    password=ORDER["ORDER_PASSWORD"] if ORDER["ORDER_MECHANISM"] else None,
    use_starttls=ORDER["ORDER_TLS"] == "starttls",
    cls_smtp=smtplib.SMTP_SSL if ORDER["ORDER_TLS"] == "implicit" else smtplib.SMTP,
)
client.send(
    subject=ORDER["ORDER_SUBJECT"],
    sender=ORDER["ORDER_FROM"],
    receivers=[ORDER["ORDER_TO"]],
    text=ORDER["ORDER_TEXT"],
    attachments={"scan.pdf": Path(ORDER["ORDER_ATTACHMENT"]).read_bytes()},
)
