"""AWS Signature, version 4 (docs.aws.amazon.com/IAM: "Create a signed AWS API request").

Our own because botocore costs a cold start 90 ms to sign one request (docs/adr/0016); a test holds
it against botocore's.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

from garner.storage.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    credentials: Credentials,
    method: str,
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    service: str,
    region: str,
    now: datetime,
) -> dict[str, str]:
    """`headers` and those that prove who sends them. `now` is in UTC; `body` is as it is sent."""
    parts = urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    added = {"X-Amz-Date": stamp, "X-Amz-Content-SHA256": digest}
    if credentials.token:
        added["X-Amz-Security-Token"] = credentials.token
    sent = {**headers, **added}
    covered = {"host": parts.netloc} | {name.lower(): value for name, value in sent.items()}
    names = ";".join(sorted(covered))
    lines = "".join(f"{name}:{' '.join(covered[name].split())}\n" for name in sorted(covered))
    path = quote(parts.path or "/", safe="/~")
    request = "\n".join((method, path, _query(parts.query), lines, names, digest))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _query(query: str) -> str:
    """Decoded, sorted and encoded as the server will do it: a raw `*` is signed as `%2A`."""
    pairs = parse_qsl(query, keep_blank_values=True)
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)
