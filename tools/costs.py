"""What Garner costs a month on AWS: `python -m tools.costs` prints the table of docs/operations.md.

Prices are on-demand list prices of us-east-1 as of November 2026, without free tiers, taxes and
traffic to the internet. Check those of your region and put them here. The requests that a task
makes are those of the code: tests/storage/test_costs.py counts them.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

HOURS = 730.0
MILLION = 1e6

# --- prices, in US dollars ------------------------------------------------------------------------

TABLE_WRITE = 0.625 / MILLION  # of 1 KB; twice that in a transaction
TABLE_READ = 0.125 / MILLION  # strongly consistent, of 4 KB
TABLE_GB_MONTH = 0.25
TABLE_BACKUP_GB_MONTH = 0.20  # point in time recovery
BUCKET_PUT = 5.0 / MILLION
BUCKET_GET = 0.4 / MILLION
BUCKET_GB_MONTH = 0.023
API_REQUEST = 1.0 / MILLION
INVOCATION = 0.20 / MILLION
GB_SECOND = 0.0000133334  # of a function on arm64
QUEUE_REQUEST = 0.40 / MILLION
BUS_EVENT = 1.0 / MILLION
LOG_GB = 0.50
ALARM_MONTH = 0.10
METRIC_MONTH = 0.30
DASHBOARD_MONTH = 3.0
SECRET_MONTH = 0.40
VOLUME_GB_MONTH = 0.122  # gp3 of a domain


@dataclass(frozen=True)
class Instance:
    """A data node. `volume_gb` is its disk at most: 32 GB for each GB of memory."""

    name: str
    hour: float
    volume_gb: float


INSTANCES = (
    Instance("r6g.large.search", 0.167, 512),
    Instance("r6g.xlarge.search", 0.335, 1_024),
    Instance("r6g.2xlarge.search", 0.669, 2_048),
)

# --- what the code does ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """Units of the table: a write is 1 KB, a read 4 KB; in a transaction each write counts twice,
    an item that stands in the sweeper's index (`due`) is written there too."""

    writes: float
    reads: float


ACCEPT = Work(writes=4, reads=5)
"""Payload, HEAD and its entry in `due`, LOG; index, its roles, what waits (HEAD and CURSOR), and
the caller's key. A payload above 8 KB compressed is an object instead of an item."""

APPLY = Work(writes=5, reads=2)
"""Begin and finish (transactions), its entry in `due`; LOG and payload."""

TELL = Work(writes=2, reads=1.5)
"""The mark of a finished task and its entry in `due`; the index's webhooks and the query."""

TURN = Work(writes=11, reads=3)
"""Of a worker that has the lease: lease, CURSOR in begin and finish, `sent`, release with HEAD and
its entry in `due`; HEAD each time it looks, the registry. However many tasks it applies, for each
99 of them CURSOR is in another begin and finish."""

# --- assumptions ----------------------------------------------------------------------------------

ENTRY_KB = 2.0
COMPRESSED = 0.35  # of what an entry is, as a payload
INLINE_KB = 8.0
SEARCHES_PER_MONTH = 1 * MILLION
TASKS_PER_TURN = 20.0  # in a steady stream: what came in while the last turn was at it
INDEX_PER_KB = 1.25  # of the engine's disk for each KB of entries, without replicas
COPIES = 2  # a primary and a replica
DISK_USED = 0.6  # of a volume; merges and the old build of a rebuild need the rest
LOG_KB_PER_REQUEST = 1.0
ACCEPT_SECONDS, ACCEPT_GB = 0.05, 1.769
SEARCH_SECONDS, SEARCH_GB = 0.06, 1.0
WORKER_SECONDS_PER_TURN, WORKER_GB = 0.4, 2.0
ENTRIES_PER_WORKER_SECOND = 2_500.0  # half of what one worker did beside one OpenSearch node
EACH_MINUTE = 3 * 60 * HOURS  # sweeper, notifier, the harvest's sweeper
EACH_MINUTE_SECONDS, EACH_MINUTE_GB = 0.2, 1.0
POLLS_PER_MONTH = 3 * 5 * 3 * 60 * HOURS  # three queues, five pollers each, 20 s a poll
ALARMS, METRICS = 38, 20
KEPT_DAYS = 30  # tasks in the table, payloads twice as long


@dataclass(frozen=True)
class Load:
    entries: float
    per_task: float

    @property
    def tasks(self) -> float:
        return self.entries / self.per_task

    @property
    def payload_kb(self) -> float:
        return self.per_task * ENTRY_KB * COMPRESSED

    @property
    def is_inline(self) -> bool:
        return self.payload_kb <= INLINE_KB

    @property
    def turns(self) -> float:
        return self.tasks / TASKS_PER_TURN


def table(load: Load) -> float:
    payload_writes = math.ceil(load.payload_kb) if load.is_inline else 0
    payload_reads = math.ceil(load.payload_kb / 4) if load.is_inline else 0
    writes = load.tasks * (ACCEPT.writes - 1 + payload_writes + APPLY.writes + TELL.writes)
    reads = load.tasks * (ACCEPT.reads + APPLY.reads - 1 + payload_reads + TELL.reads)
    writes += load.turns * TURN.writes
    reads += load.turns * TURN.reads
    kept_kb = load.tasks * (1 + 2 * payload_writes) * KEPT_DAYS / 30
    stored = kept_kb / MILLION * (TABLE_GB_MONTH + TABLE_BACKUP_GB_MONTH)
    return writes * TABLE_WRITE + reads * TABLE_READ + stored


def bucket(load: Load) -> float:
    if load.is_inline:
        return 0.0
    stored = load.tasks * load.payload_kb / MILLION * 3 * BUCKET_GB_MONTH  # 90 days
    return load.tasks * (BUCKET_PUT + BUCKET_GET) + stored


def functions(load: Load) -> float:
    accept = load.tasks * (INVOCATION + ACCEPT_SECONDS * ACCEPT_GB * GB_SECOND)
    worker = load.turns * WORKER_SECONDS_PER_TURN + load.entries / ENTRIES_PER_WORKER_SECOND
    minutes = EACH_MINUTE * (INVOCATION + EACH_MINUTE_SECONDS * EACH_MINUTE_GB * GB_SECOND)
    return accept + load.turns * INVOCATION + worker * WORKER_GB * GB_SECOND + minutes


def api_and_queues(load: Load) -> float:
    metered = math.ceil(load.per_task * ENTRY_KB / 512)  # an HTTP API counts each 512 KB
    api = load.tasks * metered * API_REQUEST
    return api + (load.turns * 3 + POLLS_PER_MONTH) * QUEUE_REQUEST + load.tasks * BUS_EVENT


def watching(load: Load) -> float:
    lines = (load.tasks + load.turns + EACH_MINUTE) * LOG_KB_PER_REQUEST / MILLION * LOG_GB
    return lines + ALARMS * ALARM_MONTH + METRICS * METRIC_MONTH + DASHBOARD_MONTH + SECRET_MONTH


def searching(_: Load) -> float:
    lines = LOG_KB_PER_REQUEST / MILLION * LOG_GB
    each = API_REQUEST + INVOCATION + SEARCH_SECONDS * SEARCH_GB * GB_SECOND + lines
    return SEARCHES_PER_MONTH * each


def nodes(load: Load) -> tuple[Instance, int, float]:
    """`(instance, how many, GB of each)` for one month of entries: the fewest of the smallest."""
    disk = load.entries * ENTRY_KB / MILLION * INDEX_PER_KB * COPIES / DISK_USED
    for instance in INSTANCES:
        count = max(2, math.ceil(disk / instance.volume_gb))
        if count <= 4 or instance is INSTANCES[-1]:
            return instance, count, max(10, math.ceil(disk / count))
    raise AssertionError


def domain(load: Load) -> float:
    instance, count, volume = nodes(load)
    return count * (instance.hour * HOURS + volume * VOLUME_GB_MONTH)


PARTS: dict[str, Callable[[Load], float]] = {
    "table": table,
    "bucket": bucket,
    "functions": functions,
    "API, queues, bus": api_and_queues,
    "logs, alarms": watching,
    "1 M searches": searching,
    "OpenSearch": domain,
}
LOADS = tuple(Load(entries, per_task) for entries in (1e6, 1e8, 1e9) for per_task in (1, 100))


def lines() -> list[str]:
    """The table, in Markdown."""
    head = ["entries a month", "in a task", *PARTS, "all", "of it for a million entries"]
    rows = [head, ["---:"] * len(head)]
    for load in LOADS:
        costs = [part(load) for part in PARTS.values()]
        million = sum(costs[:5]) / (load.entries / MILLION)
        rows.append([
            f"{load.entries / MILLION:,.0f} M", f"{load.per_task:,.0f}",
            *(f"{cost:,.0f}" for cost in costs), f"**{sum(costs):,.0f}**", f"{million:,.2f}",
        ])  # fmt: skip
    sizes = []
    for load in LOADS[::2]:
        instance, count, volume = nodes(load)
        entries = f"{load.entries / MILLION:,.0f} M"
        sizes.append(f"{entries} entries: {count} of {instance.name} with {volume:,.0f} GB each")
    return [*(f"| {' | '.join(row)} |" for row in rows), "", f"Domains: {'; '.join(sizes)}."]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*lines(), ""]))
