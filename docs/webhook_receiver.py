"""A receiver of webhooks: checks who sent an event before it believes it.

    GARNER_WEBHOOK_SECRET=… python docs/webhook_receiver.py 8000

Needs nothing but Python. Put something that ends TLS in front of it: webhooks are sent to HTTPS
addresses only.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

TOLERANCE_SECONDS = 300  # an older event may be a recording that somebody sends again


def is_genuine(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether `header` (Garner-Signature) was made for `body` lately, by who knows the secret."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    sent_at = parts.get("t", "")
    if not sent_at.isdecimal() or abs(now - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    signed = sent_at.encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), parts.get("v1", "").encode())


def handler(secret: str, on_event: Callable[[dict[str, Any]], None]) -> type:
    """A request handler that gives genuine events to `on_event`.

    An event may come more than once: remember its `task_id`. Answer at once and work afterwards,
    since a receiver that takes longer than ten seconds is asked again.
    """

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            header = self.headers.get("Garner-Signature", "")
            genuine = is_genuine(secret, header, body, time.time())
            self.send_response(204 if genuine else 401)
            self.end_headers()
            if genuine:
                on_event(json.loads(body))

    return Receiver


def report(event: dict[str, Any]) -> None:
    """What you want to do with a finished task."""
    sys.stdout.write(f"{event['task_id']} {event['state']} {event['counts']}\n")


if __name__ == "__main__":
    receiver = handler(os.environ["GARNER_WEBHOOK_SECRET"], report)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), receiver).serve_forever()
