"""Makes a message of the order's parts and sends it with Django."""

import os

from django.conf import settings
from django.core.mail import EmailMessage

ORDER = os.environ

settings.configure(
    EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=int(ORDER["ORDER_PORT"]),
    EMAIL_HOST_USER=ORDER["ORDER_USER"] if ORDER["ORDER_MECHANISM"] else "",
    EMAIL_HOST_PASSWORD=ORDER["ORDER_PASSWORD"] if ORDER["ORDER_MECHANISM"] else "",
    EMAIL_USE_TLS=ORDER["ORDER_TLS"] == "starttls",
    EMAIL_USE_SSL=ORDER["ORDER_TLS"] == "implicit",
    EMAIL_TIMEOUT=20,
)
message = EmailMessage(ORDER["ORDER_SUBJECT"], ORDER["ORDER_TEXT"], ORDER["ORDER_FROM"], [ORDER["ORDER_TO"]])
message.attach_file(ORDER["ORDER_ATTACHMENT"], "application/octet-stream")
message.send()
