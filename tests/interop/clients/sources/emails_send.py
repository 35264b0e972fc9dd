"""Makes a message of the order's parts and sends it with emails."""

import os
from pathlib import Path

import emails

ORDER = os.environ

smtp = {"host": "127.0.0.1", "port": int(ORDER["ORDER_PORT"]), "timeout": 20, "fail_silently": False}
if ORDER["ORDER_TLS"]:
    smtp["tls" if ORDER["ORDER_TLS"] == "starttls" else "ssl"] = True
if ORDER["ORDER_MECHANISM"]:
    smtp |= {"user": ORDER["ORDER_USER"], "password": ORDER["ORDER_PASSWORD"]}
message = emails.Message(
    subject=ORDER["ORDER_SUBJECT"], text=ORDER["ORDER_TEXT"], mail_from=ORDER["ORDER_FROM"]
)
message.attach(filename="scan.pdf", data=Path(ORDER["ORDER_ATTACHMENT"]).read_bytes())
answer = message.send(to=ORDER["ORDER_TO"], smtp=smtp)
if answer.status_code != 250:
    raise SystemExit(f"{answer.status_code} {answer.error}")
