"""The composition root: every port with its adapter, built when it is first asked for.

Imports stand inside the builders because a function pays for each module it loads: an anonymous
search never loads boto3. A test sets attributes of its own (`container.indexes = …`).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from garner.ports.clock import Clock, Ids
from garner.ports.engine import SearchReader
from garner.ports.engine_indexes import EngineIndexes
from garner.ports.indexes import IndexStore, RoleStore
from garner.ports.keys import KeyStore, TokenVerifier
from garner.runtime import settings as setting
from garner.runtime.clock import RandomIds, SystemClock
from garner.runtime.settings import EngineAuth, Settings
from garner.services.authenticate import Authenticator

if TYPE_CHECKING:
    from garner.ports.webhooks import DeliveryStore, WebhookStore
    from garner.storage.dynamodb.table import Table
    from garner.storage.opensearch.client import EngineClient, Signer


class Container:
    """What one function is made of. Asking for a part whose settings it lacks is a `KeyError`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        return SystemClock()

    @cached_property
    def ids(self) -> Ids:
        return RandomIds()

    @cached_property
    def authenticator(self) -> Authenticator:
        return Authenticator(
            keys=lambda: self.keys,
            verifiers=self.token_verifiers,
            clock=self.clock,
            cache_seconds=self.settings[setting.Tokens].key_cache_seconds,
        )

    @cached_property
    def token_verifiers(self) -> Sequence[TokenVerifier]:
        return ()

    # --- the table -------------------------------------------------------------------------------

    @cached_property
    def table(self) -> "Table":
        import boto3

        from garner.storage.dynamodb.table import CLIENT_CONFIG, Table

        client = boto3.client("dynamodb", config=CLIENT_CONFIG)
        return Table(client, self.settings[setting.Table].name)

    @cached_property
    def keys(self) -> KeyStore:
        from garner.storage.dynamodb.keys import DynamoKeyStore

        return DynamoKeyStore(self.table)

    @cached_property
    def indexes(self) -> IndexStore:
        from garner.storage.dynamodb.indexes import DynamoIndexStore

        return DynamoIndexStore(self.table)

    @cached_property
    def roles(self) -> RoleStore:
        from garner.storage.dynamodb.roles import DynamoRoleStore

        return DynamoRoleStore(self.table)

    @cached_property
    def webhooks(self) -> "WebhookStore":
        from garner.storage.dynamodb.webhooks import DynamoWebhookStore

        return DynamoWebhookStore(self.table)

    @cached_property
    def deliveries(self) -> "DeliveryStore":
        from garner.storage.dynamodb.webhooks import DynamoDeliveryStore

        return DynamoDeliveryStore(self.table)

    # --- the engine ------------------------------------------------------------------------------

    @cached_property
    def engine(self) -> "EngineClient":
        from garner.storage.opensearch.client import EngineClient

        return EngineClient(self.settings[setting.Engine].url, self._engine_signer())

    @cached_property
    def engine_indexes(self) -> EngineIndexes:
        from garner.storage.opensearch.indexes import OpenSearchIndexes

        return OpenSearchIndexes(self.engine, self.settings[setting.Engine].shards)

    @cached_property
    def reader(self) -> SearchReader:
        from garner.storage.opensearch.search import OpenSearchReader

        budget = self.settings[setting.Queries].budget_seconds
        return OpenSearchReader(self.engine, budget_seconds=budget)

    def _engine_signer(self) -> "Signer | None":
        engine = self.settings[setting.Engine]
        match engine.auth:
            case EngineAuth.BASIC:
                from garner.storage.opensearch.signers import BasicSigner

                return BasicSigner(engine.user or "", engine.password or "")
            case EngineAuth.SIGV4:
                from garner.storage.opensearch.sigv4 import SigV4Signer

                return SigV4Signer(engine.region, engine.service)
        return None
