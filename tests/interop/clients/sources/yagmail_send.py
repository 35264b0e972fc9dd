"""Makes a message of the order's parts and sends it with yagmail."""

import os

import yagmail

ORDER = os.environ

client = yagmail.SMTP(
    ORDER["ORDER_FROM"],  # it takes login and sender for the same
    ORDER["ORDER_PASSWORD"],
    host="127.0.0.1",
    port=int(ORDER["ORDER_PORT"]),
    smtp_starttls=ORDER["ORDER_TLS"] == "starttls",
    smtp_ssl=ORDER["ORDER_TLS"] == "implicit",
    smtp_skip_login=not ORDER["ORDER_MECHANISM"],
    soft_email_validation=False,
)
client.send(
    to=ORDER["ORDER_TO"],
    subject=ORDER["ORDER_SUBJECT"],
    contents=yagmail.raw(ORDER["ORDER_TEXT"]),
    attachments=ORDER["ORDER_ATTACHMENT"],
)
client.close()
