"""AWS Signature 4 for the engine. In a file of its own because botocore is costly to load."""

import hashlib
from collections.abc import Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from garner.errors import Unavailable


class SigV4Signer:
    """Signs with the function's own credentials, which botocore finds and renews.

    `service` is `es`, or `aoss` for a serverless collection.
    """

    def __init__(self, region: str, service: str) -> None:
        self._session = Session()
        self._region = region
        self._service = service

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The body is signed as it is sent, compressed or not."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise Unavailable("There are no credentials to sign engine requests with.")
        digest = hashlib.sha256(body).hexdigest()
        request = AWSRequest(method, url, {"x-amz-content-sha256": digest}, body)
        SigV4Auth(credentials, self._service, self._region).add_auth(request)
        return dict(request.headers.items())
