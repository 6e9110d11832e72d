"""The only reader of the environment.

Settings come in groups, one frozen dataclass per concern. `FUNCTIONS` says which groups a function
needs; `load` reads them all at start and fails with every missing or malformed name at once, so
that a bad deployment shows on the first line of its log and not in the middle of a request.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from garner import limits
from garner.errors import GarnerError


class SettingsError(GarnerError):
    """The environment does not describe a function that could work."""

    code = "ServerError.Settings"


class EngineAuth(StrEnum):
    NONE = "none"
    BASIC = "basic"
    SIGV4 = "sigv4"


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("use true or false")
    return text.lower() in ("true", "1")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _keys(text: str) -> tuple[bytes, ...]:
    keys = _words(text)
    if min(map(len, keys), default=0) < 32:
        raise ValueError("use at least 32 characters")
    return tuple(key.encode() for key in keys)


class _Variable:
    """Where a value comes from; without a default the variable must be there."""

    __slots__ = ("default", "name", "parse", "secret")

    def __init__(self, name: str, default: Any, parse: Callable[[str], Any], secret: bool) -> None:
        self.name = name
        self.default = default
        self.parse = parse
        self.secret = secret


_REQUIRED: Any = object()


def _variable(
    name: str, default: Any = _REQUIRED, parse: Callable[[str], Any] = str, secret: bool = False
) -> Any:
    """One value of a group, read from the variable `name`."""
    return _Variable(name, default, parse, secret)


class Group:
    """Base of the groups below. A group can be made with some of its values; the others have their
    defaults. Not a dataclass: twenty of those cost every cold start 25 ms (2026-11-22)."""

    def __init__(self, **values: Any) -> None:
        for attribute, variable in specification(type(self)):
            value = values.pop(attribute, variable.default)
            if value is _REQUIRED:
                raise TypeError(f"{attribute} is missing")
            self.__dict__[attribute] = value
        if values:
            raise TypeError(f"unknown: {', '.join(values)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("settings don't change")

    def __repr__(self) -> str:
        shown = [
            f"{attribute}={'…' if variable.secret else repr(self.__dict__[attribute])}"
            for attribute, variable in specification(type(self))
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def problems(self) -> Iterator[str]:
        """What is wrong with the values taken together."""
        yield from ()


def specification(group: type[Group]) -> list[tuple[str, _Variable]]:
    """`(attribute, variable)` of a group, in order."""
    return [(name, each) for name, each in vars(group).items() if isinstance(each, _Variable)]


class Logs(Group):
    level: str = _variable("LOG_LEVEL", "INFO", str.upper)
    metrics_namespace: str = _variable("METRICS_NAMESPACE", "Garner")  # metrics are lines, too


class Aws(Group):
    """Where the function runs and as whom: variables that Lambda sets, and those with which any AWS
    client is led to another address."""

    region: str = _variable("AWS_REGION", "us-east-1")
    endpoint: str | None = _variable("AWS_ENDPOINT_URL", None)
    access_key: str = _variable("AWS_ACCESS_KEY_ID", "")
    secret_key: str = _variable("AWS_SECRET_ACCESS_KEY", "", secret=True)
    token: str = _variable("AWS_SESSION_TOKEN", "", secret=True)
    credentials_url: str = _variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    authorization: str = _variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "", secret=True)
    _dynamodb: str | None = _variable("AWS_ENDPOINT_URL_DYNAMODB", None)
    _sqs: str | None = _variable("AWS_ENDPOINT_URL_SQS", None)

    @property
    def dynamodb_url(self) -> str:
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return self._dynamodb or self.endpoint or f"https://dynamodb.{self.region}.{suffix}"

    def sqs_url(self, queue_url: str) -> str:
        """A queue's URL begins with where its service answers."""
        parts = urlsplit(queue_url)
        return self._sqs or self.endpoint or f"{parts.scheme}://{parts.netloc}"


class Table(Group):
    name: str = _variable("TABLE_NAME")


class Payloads(Group):
    bucket: str = _variable("PAYLOAD_BUCKET")


class Doorbell(Group):
    queue_url: str = _variable("DOORBELL_QUEUE_URL")


class Signing(Group):
    """The keys of task ids and scroll markers, separated by commas: the first one signs, what any
    of them signed is known. A key is taken away when nothing that it signed is used any more."""

    keys: tuple[bytes, ...] = _variable("SIGNING_KEY", parse=_keys, secret=True)


class Engine(Group):
    url: str = _variable("OPENSEARCH_URL")
    auth: EngineAuth = _variable("OPENSEARCH_AUTH", EngineAuth.NONE, EngineAuth)
    user: str | None = _variable("OPENSEARCH_USER", None)
    password: str | None = _variable("OPENSEARCH_PASSWORD", None, secret=True)
    service: str = _variable("OPENSEARCH_SERVICE", "es")  # `aoss` for a serverless collection
    schema_cache_seconds: float = _variable("SCHEMA_CACHE_SECONDS", 5.0, float)
    shards: int = _variable("INDEX_SHARDS", 1, int)
    replicas: int = _variable("INDEX_REPLICAS", 0, int)

    def problems(self) -> Iterator[str]:
        if self.auth is EngineAuth.BASIC and not (self.user and self.password):
            yield "OPENSEARCH_AUTH=basic needs OPENSEARCH_USER and OPENSEARCH_PASSWORD"


class Tokens(Group):
    """Who may vouch for a caller besides our own API keys. Each issuer is off until it is named."""

    key_cache_seconds: float = _variable("API_KEY_CACHE_SECONDS", 60.0, float)
    oidc_issuer: str | None = _variable("OIDC_ISSUER", None)
    oidc_audience: str | None = _variable("OIDC_AUDIENCE", None)
    oidc_algorithms: tuple[str, ...] = _variable("OIDC_ALGORITHMS", ("RS256",), _words)
    oidc_jwks_url: str | None = _variable("OIDC_JWKS_URL", None)  # default: by discovery
    oidc_identity_claim: str = _variable("OIDC_IDENTITY_CLAIM", "sub")
    oidc_groups_claim: str = _variable("OIDC_GROUPS_CLAIM", "groups")
    oidc_default_scopes: tuple[str, ...] = _variable("OIDC_DEFAULT_SCOPES", (), _words)
    globus_client_id: str | None = _variable("GLOBUS_AUTH_CLIENT_ID", None)
    globus_client_secret: str | None = _variable("GLOBUS_AUTH_CLIENT_SECRET", None, secret=True)
    globus_auth_url: str = _variable("GLOBUS_AUTH_URL", "https://auth.globus.org")
    globus_groups_url: str = _variable("GLOBUS_GROUPS_URL", "https://groups.api.globus.org")

    def problems(self) -> Iterator[str]:
        if self.oidc_issuer and not self.oidc_audience:
            yield "OIDC_ISSUER needs OIDC_AUDIENCE"
        for algorithm in self.oidc_algorithms:
            if algorithm.startswith("HS") or algorithm == "none":
                yield f"OIDC_ALGORITHMS: {algorithm} does not prove who signed"
        if self.globus_client_id and not self.globus_client_secret:
            yield "GLOBUS_AUTH_CLIENT_ID needs GLOBUS_AUTH_CLIENT_SECRET"


class Queries(Group):
    default_dialect: str = _variable("DEFAULT_QUERY_DIALECT", "1.0.0")  # or 2017-09-01
    budget_seconds: float = _variable("QUERY_BUDGET_SECONDS", limits.QUERY_BUDGET_SECONDS, float)

    def problems(self) -> Iterator[str]:
        if self.default_dialect not in ("1.0.0", "2017-09-01"):
            yield "DEFAULT_QUERY_DIALECT is 1.0.0 or 2017-09-01"


class Ownership(Group):
    max_trial_indexes: int = _variable(
        "MAX_OWNED_TRIAL_INDEXES", limits.MAX_OWNED_TRIAL_INDEXES, int
    )
    max_size_in_mb: int = _variable("MAX_INDEX_SIZE_IN_MB", 1, int)  # reported, not enforced (8.9)


class Accept(Group):
    """Bounds of what may wait in one log (ingest protocol 2.1)."""

    backlog_tasks: int = _variable("BACKLOG_TASKS", 100_000, int)
    backlog_bytes: int = _variable("BACKLOG_BYTES", 20_000_000_000, int)
    idempotency_hours: int = _variable("IDEMPOTENCY_HOURS", 24, int)


class Draining(Group):
    """Times of the drain (ingest protocol 3), in seconds; tests make them short."""

    lease: float = _variable("LEASE_SECONDS", 60.0, float)
    heartbeat: float = _variable("HEARTBEAT_SECONDS", 20.0, float)
    void_grace: float = _variable("VOID_GRACE_SECONDS", 2.0, float)
    deadline_margin: float = _variable("DEADLINE_MARGIN_SECONDS", 60.0, float)
    engine_request: float = _variable("ENGINE_REQUEST_SECONDS", 30.0, float)
    clock_difference: float = _variable("CLOCK_DIFFERENCE_SECONDS", 5.0, float)
    max_attempts: int = _variable("MAX_ATTEMPTS", 3, int)
    bulks_in_flight: int = _variable("BULKS_IN_FLIGHT", 3, int)

    def problems(self) -> Iterator[str]:
        if self.heartbeat * 2 > self.lease:
            yield "HEARTBEAT_SECONDS is at most half of LEASE_SECONDS"


class Sweeping(Group):
    """What the sweeper waits for, in seconds (ingest protocol 3)."""

    ring_after: float = _variable("RING_AFTER_SECONDS", 30.0, float)
    purge_after: float = _variable("PURGE_AFTER_SECONDS", 86_400.0, float)
    unfinished_index_after: float = _variable("UNFINISHED_INDEX_AFTER_SECONDS", 900.0, float)


class Fetching(Group):
    """What the guarded fetch may reach besides public addresses."""

    allowed_networks: tuple[str, ...] = _variable("FETCH_ALLOWED_NETWORKS", (), _words)
    allowed_hosts: tuple[str, ...] = _variable("FETCH_ALLOWED_HOSTS", (), _words)


class Telling(Group):
    """Who hears of finished tasks."""

    event_bus: str = _variable("EVENT_BUS_NAME", "default")


def _users(text: str) -> tuple[tuple[int, str], ...]:
    """`7=alice, 8=bob`."""
    pairs = (word.partition("=") for word in _words(text))
    return tuple((int(number), name) for number, _, name in pairs)


class HarvestQueues(Group):
    harvest_url: str = _variable("HARVEST_QUEUE_URL")
    fetch_url: str = _variable("FETCH_QUEUE_URL")


class Curating(Group):
    """Whom process requests may name, who hears of trouble, how long a slice and a lease are."""

    users: tuple[tuple[int, str], ...] = _variable("CONTROLLER_USERS", (), _users)
    alert_topic: str = _variable("ALERT_TOPIC_ARN", "")
    slice_seconds: float = _variable("HARVEST_SLICE_SECONDS", 300.0, float)
    lease_seconds: float = _variable("HARVEST_LEASE_SECONDS", limits.HARVEST_LEASE_SECONDS, float)


class Scheduling(Group):
    """Where schedules of sources are kept, and what they ring."""

    queue_arn: str = _variable("HARVEST_QUEUE_ARN")
    role_arn: str = _variable("SCHEDULE_ROLE_ARN")
    group: str = _variable("SCHEDULE_GROUP", "default")


class Sampling(Group):
    fetch_function: str = _variable("FETCH_FUNCTION_NAME")


class SourceBuckets(Group):
    """Buckets that s3:// sources may name; Garner's own is never one of them."""

    allowed: tuple[str, ...] = _variable("SOURCE_BUCKETS", (), _words)


class Sandbox(Group):
    """What the process of a transform needs to start, and all it gets of the environment."""

    library_path: str = _variable("LD_LIBRARY_PATH", "")


_READ = (Logs, Engine, Aws, Table, Tokens, Signing, Queries)
_SUBMIT = (Logs, Aws, Table, Payloads, Doorbell, Tokens, Signing, Accept)

FUNCTIONS: dict[str, tuple[type[Group], ...]] = {
    "search": _READ,
    "scroll": _READ,
    "subject": (*_READ, Payloads, Doorbell, Accept),  # GET reads, DELETE submits
    "entry": (*_READ, Payloads, Doorbell, Accept),
    "ingest": _SUBMIT,
    "upload": (Logs, Aws, Table, Payloads, Tokens),
    "batch_delete_by_subject": _SUBMIT,
    "delete_by_query": (*_SUBMIT, Queries),
    "task": _SUBMIT,
    "task_list": (Logs, Aws, Table, Tokens, Signing),
    "index": (Logs, Engine, Aws, Table, Tokens, Ownership, Doorbell),
    "role": (Logs, Aws, Table, Tokens, Ownership),
    "field_mapping": (Logs, Aws, Table, Tokens),
    "openapi": (Logs,),
    "not_found": (Logs,),
    "index_worker": (Logs, Engine, Aws, Table, Payloads, Doorbell, Signing, Draining),
    "webhook": (Logs, Aws, Table, Tokens),
    "notifier": (Logs, Aws, Table, Signing, Fetching, Telling),
    "controller": (Logs, Aws, Table, Tokens, HarvestQueues, Curating, Sandbox),
    "source": (Logs, Aws, Table, Tokens, Payloads, Scheduling, Sampling, Sandbox),
    "fetch_worker": (
        Logs,
        Aws,
        Table,
        Payloads,
        HarvestQueues,
        Fetching,
        SourceBuckets,
        Sandbox,
        Curating,
    ),
    "harvest_worker": (
        Logs,
        Aws,
        Table,
        Payloads,
        Doorbell,
        Signing,
        Accept,
        HarvestQueues,
        Curating,
        Sandbox,
    ),
    "harvest_sweeper": (Logs, Aws, Table, Payloads, HarvestQueues),
    "sweeper": (Logs, Engine, Aws, Table, Payloads, Doorbell, Signing, Draining, Sweeping),
}
"""Function folder → the groups it reads. The template's test checks its environments against it."""

AnyGroup = TypeVar("AnyGroup", bound=Group)


class Settings:
    """The groups of one function: `settings[Table].name`."""

    def __init__(self, *groups: Group) -> None:
        self._groups: dict[type[Group], Group] = {type(group): group for group in groups}

    def __getitem__(self, group: type[AnyGroup]) -> AnyGroup:
        return cast(AnyGroup, self._groups[group])


def variables(function: str, *, required: bool = False) -> list[str]:
    """The names that a function reads; with `required` only those that have no default."""
    return [
        variable.name
        for group in FUNCTIONS[function]
        for _, variable in specification(group)
        if not required or variable.default is _REQUIRED
    ]


def load(function: str, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `function`; raises `SettingsError` naming everything that is wrong."""
    return load_groups(FUNCTIONS[function], environment)


def load_groups(
    groups: tuple[type[Group], ...], environment: Mapping[str, str] | None = None
) -> Settings:
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    loaded = [_read(group, environment, problems) for group in groups]
    complete = [group for group in loaded if group is not None]
    problems += [problem for group in complete for problem in group.problems()]
    if problems:
        raise SettingsError("Settings: " + "; ".join(problems))
    return Settings(*complete)


def _read(
    group: type[AnyGroup], environment: Mapping[str, str], problems: list[str]
) -> AnyGroup | None:
    values: dict[str, Any] = {}
    before = len(problems)
    for attribute, variable in specification(group):
        text = environment.get(variable.name, "")
        if text:
            try:
                values[attribute] = variable.parse(text)
            except ValueError as error:
                problems.append(f"{variable.name} is malformed ({error})")
        elif variable.default is _REQUIRED:
            problems.append(f"{variable.name} is missing")
    return group(**values) if len(problems) == before else None
