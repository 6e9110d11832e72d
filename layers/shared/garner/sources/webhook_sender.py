"""Posts webhooks through the guarded fetch."""

from collections.abc import Mapping

from garner.ports.webhooks import Sent
from garner.sources.fetch import FetchFailed, GuardedFetch


class GuardedWebhookSender:
    """Implements `garner.ports.webhooks.WebhookSender`."""

    def __init__(self, fetch: GuardedFetch) -> None:
        self._fetch = fetch

    def send(self, url: str, headers: Mapping[str, str], body: str) -> Sent:
        try:
            return Sent(self._fetch.post(url, headers, body.encode()))
        except FetchFailed as error:
            return Sent(error.status, error.message)
