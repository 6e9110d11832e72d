"""The composition root: every port with its adapter, built when it is first asked for.

Imports stand inside the builders because a function pays for each module it loads: an anonymous
search never loads boto3. A test sets attributes of its own (`container.indexes = …`).
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from garner import limits
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
    from garner.api.submissions import Submitter
    from garner.domain.protocol import ProtocolSettings
    from garner.domain.slots import TaskIds
    from garner.domain.tasks import NewTask
    from garner.errors import JsonObject
    from garner.ports.doorbell import Doorbell
    from garner.ports.engine_writer import EngineWriter
    from garner.ports.payloads import PayloadStore
    from garner.ports.task_log import TaskLog
    from garner.ports.webhooks import (
        Announcements,
        DeliveryStore,
        EventBus,
        WebhookSender,
        WebhookStore,
    )
    from garner.runtime.metrics import EmfMetrics
    from garner.services.drain import DrainPorts
    from garner.services.submit import AcceptPorts
    from garner.storage.aws.calls import Call, JsonService
    from garner.storage.aws.credentials import RoleCredentials
    from garner.storage.dynamodb.table import Table
    from garner.storage.opensearch.client import EngineClient, Signer
    from garner.storage.payloads import Objects

    DryRun = Callable[[str, NewTask], JsonObject]


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
            verifiers=lambda: self.token_verifiers,
            clock=self.clock,
            cache_seconds=self.settings[setting.Tokens].key_cache_seconds,
        )

    @cached_property
    def token_verifiers(self) -> Sequence[TokenVerifier]:
        """Those that settings switch on; the others' libraries are not loaded."""
        tokens = self.settings[setting.Tokens]
        verifiers: list[TokenVerifier] = []
        if tokens.oidc_issuer:
            verifiers.append(self._oidc(tokens))
        if tokens.globus_client_id:
            verifiers.append(self._globus_auth(tokens))
        return verifiers

    def _oidc(self, tokens: setting.Tokens) -> TokenVerifier:
        from garner.storage.tokens.issuer import IssuerClient
        from garner.storage.tokens.oidc import Issuer, OidcVerifier

        trusted = Issuer(
            issuer=tokens.oidc_issuer or "",
            audience=tokens.oidc_audience or "",
            algorithms=tokens.oidc_algorithms,
            jwks_url=tokens.oidc_jwks_url,
            identity_claim=tokens.oidc_identity_claim,
            groups_claim=tokens.oidc_groups_claim,
            default_scopes=tokens.oidc_default_scopes,
        )
        return OidcVerifier(trusted, client=IssuerClient(), clock=self.clock)

    def _globus_auth(self, tokens: setting.Tokens) -> TokenVerifier:
        from garner.storage.tokens.globus_auth import GlobusAuthVerifier
        from garner.storage.tokens.issuer import IssuerClient

        return GlobusAuthVerifier(
            client_id=tokens.globus_client_id or "",
            client_secret=tokens.globus_client_secret or "",
            auth_url=tokens.globus_auth_url,
            groups_url=tokens.globus_groups_url,
            client=IssuerClient(),
        )

    # --- the table -------------------------------------------------------------------------------

    @cached_property
    def credentials(self) -> "RoleCredentials":
        from garner.storage.aws.credentials import CredentialSource, RoleCredentials

        def source() -> CredentialSource:
            now = setting.load_groups((setting.Aws,))[setting.Aws]
            return CredentialSource(
                now.access_key, now.secret_key, now.token, now.credentials_url, now.authorization
            )

        return RoleCredentials(source, self.clock)

    def _calls(self, service: "JsonService", endpoint: str) -> "Call":
        from garner.storage.aws.calls import SignedCalls

        return SignedCalls(
            service,
            endpoint,
            self.settings[setting.Aws].region,
            credentials=self.credentials,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def dynamodb(self) -> "Call":
        from garner.storage.aws.calls import DYNAMODB

        return self._calls(DYNAMODB, self.settings[setting.Aws].dynamodb_url)

    @cached_property
    def table(self) -> "Table":
        from garner.storage.dynamodb.table import Table

        return Table(self.dynamodb, self.settings[setting.Table].name)

    def _queue_calls(self, queue_url: str) -> "Call":
        from garner.storage.aws.calls import SQS

        return self._calls(SQS, self.settings[setting.Aws].sqs_url(queue_url))

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

    @cached_property
    def announcements(self) -> "Announcements":
        from garner.storage.dynamodb.task_log import DynamoTaskLog

        return DynamoTaskLog(self.table, self.clock)

    @cached_property
    def event_bus(self) -> "EventBus":
        import boto3

        from garner.storage.event_bus import EventBridgeBus

        return EventBridgeBus(boto3.client("events"), self.settings[setting.Telling].event_bus)

    @cached_property
    def webhook_sender(self) -> "WebhookSender":
        from garner.sources.addresses import Allowed
        from garner.sources.fetch import GuardedFetch, Timing
        from garner.sources.webhook_sender import GuardedWebhookSender

        trusted = self.settings[setting.Fetching]
        allowed = Allowed(trusted.allowed_networks, frozenset(trusted.allowed_hosts))
        timing = Timing(total=limits.WEBHOOK_SECONDS)
        return GuardedWebhookSender(GuardedFetch(allowed, timing))

    # --- the write path --------------------------------------------------------------------------

    @cached_property
    def task_ids(self) -> "TaskIds":
        from garner.domain.slots import TaskIds

        return TaskIds(*self.settings[setting.Signing].keys)

    @cached_property
    def task_log(self) -> "TaskLog":
        from garner.storage.dynamodb.task_log import DynamoTaskLog

        return DynamoTaskLog(self.table, self.clock)

    @cached_property
    def payloads(self) -> "PayloadStore":
        from garner.storage.payloads import StoredPayloads

        return StoredPayloads(self.table, self._objects, clock=self.clock, ids=self.ids)

    def _objects(self) -> "Objects":
        import boto3

        from garner.storage.s3 import CLIENT_CONFIG, S3Objects

        client = boto3.client("s3", config=CLIENT_CONFIG)
        return S3Objects(client, self.settings[setting.Payloads].bucket)

    @cached_property
    def doorbell(self) -> "Doorbell":
        from garner.storage.sqs import SqsDoorbell

        url = self.settings[setting.Doorbell].queue_url
        return SqsDoorbell(self._queue_calls(url), url)

    @cached_property
    def metrics(self) -> "EmfMetrics":
        from garner.runtime.metrics import EmfMetrics

        return EmfMetrics(self.clock, self.settings[setting.Logs].metrics_namespace)

    def flush_metrics(self) -> None:
        """Writes what was counted, if anything was."""
        if "metrics" in self.__dict__:
            self.metrics.flush()

    @cached_property
    def accept(self) -> "AcceptPorts":
        from garner.domain.protocol import ProtocolSettings
        from garner.services.submit import AcceptPorts

        bounds = self.settings[setting.Accept]
        return AcceptPorts(
            log=self.task_log,
            payloads=self.payloads,
            doorbell=self.doorbell,
            clock=self.clock,
            ids=self.ids,
            task_ids=self.task_ids,
            metrics=self.metrics,
            settings=ProtocolSettings(
                backlog_tasks=bounds.backlog_tasks,
                backlog_bytes=bounds.backlog_bytes,
                idempotency=bounds.idempotency_hours * 3_600,
            ),
        )

    @cached_property
    def submitter(self) -> "Submitter":
        from garner.api.submissions import Submitter

        return Submitter(indexes=self.indexes, accept=self.accept)

    @cached_property
    def dry_run(self) -> "DryRun":
        from garner.services.dry_run import dry_run

        return partial(dry_run, log=self.task_log)

    def draining(self, lifetime: float) -> "DrainPorts":
        """For a drain that sends nothing any more after `lifetime` seconds."""
        from concurrent.futures import ThreadPoolExecutor

        from garner.services.delete_by_query import compile_stored
        from garner.services.drain import DrainPorts
        from garner.services.entry_lines import read_line

        settings = self._protocol(lifetime)
        return DrainPorts(
            log=self.task_log,
            payloads=self.payloads,
            writer=self.writer,
            indexes=self.engine_indexes,
            doorbell=self.doorbell,
            compile_matches=compile_stored,
            read_line=read_line,
            clock=self.clock,
            ids=self.ids,
            metrics=self.metrics,
            senders=lambda: ThreadPoolExecutor(settings.bulks_in_flight, "bulk"),
            settings=settings,
        )

    def _protocol(self, lifetime: float) -> "ProtocolSettings":
        from garner.domain.protocol import ProtocolSettings

        times = self.settings[setting.Draining]
        return ProtocolSettings(
            lease=times.lease,
            heartbeat=times.heartbeat,
            void_grace=times.void_grace,
            lifetime=lifetime - times.deadline_margin,
            engine_request=times.engine_request,
            clock_difference=times.clock_difference,
            max_attempts=times.max_attempts,
            bulks_in_flight=times.bulks_in_flight,
        )

    # --- the engine ------------------------------------------------------------------------------

    @cached_property
    def writer(self) -> "EngineWriter":
        from garner.storage.opensearch.bulk import OpenSearchWriter

        seconds = self.settings[setting.Draining].engine_request
        return OpenSearchWriter(self.engine, request_seconds=seconds)

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

                return SigV4Signer(
                    self.settings[setting.Aws].region,
                    engine.service,
                    credentials=self.credentials,
                    clock=self.clock,
                )
        return None
