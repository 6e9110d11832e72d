"""The container of the harvest's functions: what they have besides everybody's parts."""

from functools import cached_property
from typing import TYPE_CHECKING

from garner.runtime import settings as setting
from garner.runtime.container import Container

if TYPE_CHECKING:
    from garner.api.controller import Controller
    from garner.api.source_routes import Registry
    from garner.domain.harvest.source import Source
    from garner.errors import JsonObject
    from garner.ports.harvest import JobBell, Sampler, Schedules
    from garner.ports.registry import IndexNames, SourceRegistry, SystemStore, Targets
    from garner.ports.runs import RequestLog, RunStore
    from garner.ports.sources import Crawler, RecordReader, Transformers
    from garner.services.harvest.fetch import FetchTools
    from garner.services.harvest.job import Tools
    from garner.storage.s3_stage import S3Stage


def describe(descriptor: "JsonObject") -> "Source":
    """A stored descriptor as a `Source`."""
    from garner.contracts.source import parse_descriptor

    return parse_descriptor(descriptor).to_source()


class HarvestContainer(Container):
    """Parts are built when they are first asked for, as in `Container`."""

    @cached_property
    def sources(self) -> "SourceRegistry":
        from garner.storage.dynamodb.sources import DynamoSourceRegistry

        return DynamoSourceRegistry(self.table)

    @cached_property
    def names(self) -> "IndexNames":
        from garner.storage.dynamodb.sources import DynamoIndexNames

        return DynamoIndexNames(self.table)

    @cached_property
    def targets(self) -> "Targets":
        from garner.storage.dynamodb.sources import DynamoTargets

        return DynamoTargets(self.table)

    @cached_property
    def system(self) -> "SystemStore":
        from garner.storage.dynamodb.sources import DynamoSystem

        return DynamoSystem(self.table)

    @cached_property
    def runs(self) -> "RunStore":
        from garner.storage.dynamodb.runs import DynamoRunStore

        return DynamoRunStore(self.table)

    @cached_property
    def requests(self) -> "RequestLog":
        from garner.storage.dynamodb.runs import DynamoRequestLog

        return DynamoRequestLog(self.table)

    @cached_property
    def stage(self) -> "S3Stage":
        import boto3

        from garner.storage.s3 import CLIENT_CONFIG
        from garner.storage.s3_stage import S3Stage

        client = boto3.client("s3", config=CLIENT_CONFIG)
        return S3Stage(client, self.settings[setting.Payloads].bucket)

    @cached_property
    def bell(self) -> "JobBell":
        from garner.storage.job_bell import SqsJobBell

        queues = self.settings[setting.HarvestQueues]
        calls = self._queue_calls(queues.harvest_url)
        return SqsJobBell(calls, harvest_url=queues.harvest_url, fetch_url=queues.fetch_url)

    @cached_property
    def schedules(self) -> "Schedules":
        import boto3

        from garner.storage.schedules import EventBridgeSchedules

        own = self.settings[setting.Scheduling]
        client = boto3.client("scheduler")
        return EventBridgeSchedules(
            client, group=own.group, queue_arn=own.queue_arn, role_arn=own.role_arn
        )

    @cached_property
    def sampler(self) -> "Sampler":
        import boto3

        from garner.storage.sampler import CLIENT_CONFIG, LambdaSampler

        client = boto3.client("lambda", config=CLIENT_CONFIG)
        return LambdaSampler(client, self.settings[setting.Sampling].fetch_function)

    @cached_property
    def transformers(self) -> "Transformers":
        from garner.sources.transform.process import SandboxTransformers

        path = self.settings[setting.Sandbox].library_path
        return SandboxTransformers(environment={"LD_LIBRARY_PATH": path} if path else {})

    @cached_property
    def record_reader(self) -> "RecordReader":
        from garner.sources.readers.reader import StreamingReader

        return StreamingReader()

    @cached_property
    def crawler(self) -> "Crawler":
        import boto3

        from garner.sources.addresses import Allowed
        from garner.sources.crawl.crawler import SourceCrawler
        from garner.sources.fetch import GuardedFetch
        from garner.storage.s3 import CLIENT_CONFIG
        from garner.storage.source_buckets import S3BucketReader

        trusted = self.settings[setting.Fetching]
        fetch = GuardedFetch(Allowed(trusted.allowed_networks, frozenset(trusted.allowed_hosts)))
        buckets = S3BucketReader(
            boto3.client("s3", config=CLIENT_CONFIG),
            frozenset(self.settings[setting.SourceBuckets].allowed),
            self.settings[setting.Payloads].bucket,
        )
        return SourceCrawler(fetch=fetch, reader=self.record_reader, buckets=buckets)

    @cached_property
    def fetching(self) -> "FetchTools":
        from garner.services.harvest.fetch import FetchTools

        return FetchTools(
            runs=self.runs,
            stage=self.stage,
            crawler=self.crawler,
            bell=self.bell,
            clock=self.clock,
            describe=describe,
            lease_seconds=self.settings[setting.Curating].lease_seconds,
        )

    @cached_property
    def harvesting(self) -> "Tools":
        import boto3

        from garner.services.harvest.job import Tools
        from garner.services.publish_parts import TaskPublisher
        from garner.storage.alerts import SnsAlerts

        own = self.settings[setting.Curating]
        return Tools(
            runs=self.runs,
            sources=self.sources,
            names=self.names,
            targets=self.targets,
            requests=self.requests,
            stage=self.stage,
            reader=self.record_reader,
            transformers=self.transformers,
            publisher=TaskPublisher(self.accept),
            alerts=SnsAlerts(boto3.client("sns"), own.alert_topic),
            bell=self.bell,
            clock=self.clock,
            describe=describe,
            lease_seconds=own.lease_seconds,
        )

    @cached_property
    def controller(self) -> "Controller":
        from garner.api.controller import Controller

        return Controller(
            sources=self.sources,
            system=self.system,
            requests=self.requests,
            runs=self.runs,
            bell=self.bell,
            clock=self.clock,
            ids=self.ids,
            path_problem=self.transformers.path_problem,
            users=dict(self.settings[setting.Curating].users),
        )

    @cached_property
    def registry(self) -> "Registry":
        from garner.api.source_routes import Registry

        return Registry(
            sources=self.sources,
            names=self.names,
            indexes=self.indexes,
            requests=self.requests,
            runs=self.runs,
            stage=self.stage,
            schedules=self.schedules,
            sampler=self.sampler,
            transformers=self.transformers,
            clock=self.clock,
        )
