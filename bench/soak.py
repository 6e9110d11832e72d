"""`make soak`: many clients write while workers are killed and the engine is away; then the truth.

50 clients submit 2,000 tasks of 1 to 50 entries to 5 indexes of the running local stack
(`make run DETACH=1`). Meanwhile the engine is stopped for 30 s and worker processes are killed ten
times. Afterwards every task and every index is read through the public API and compared with the
log applied in order. The last line counts what went wrong: `0 lost, 0 doubled, 0 out of order`.

Everything random comes from the seed, which is printed.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import urllib3

from local.cloud import ACCESS_KEY, REGION

STACK_FILE = Path(".local/stack.json")
TERMINAL = {"SUCCESS", "FAILED", "CANCELLED"}
WORKER_NAME = "IndexWorker"
WORKER_CRASH = "WORKER_CRASH"
SUBJECTS_PER_INDEX = 400  # few enough that tasks overlap on every subject
IDENTITIES = ("curator", "reader", "writer", "owner")  # nobody may own more than three indexes


@dataclass(frozen=True, slots=True)
class Plan:
    clients: int
    tasks: int
    indexes: int
    kills: int
    engine_pause: float
    seed: int
    patience: float


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted write: who sent it, as which of that client's, and what it carries."""

    task_id: str
    index_id: str
    client: int
    order: int
    answered_at: float
    asked_at: float
    values: dict[str, str]


@dataclass(slots=True)
class Findings:
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.out_of_order or self.untold)


class Service:
    """The few calls of the public API that the soak needs."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(maxsize=64, retries=False)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = self._http.request(
            method,
            self._url + path,
            body=None if body is None else json.dumps(body),
            headers=self._headers | headers,
            timeout=urllib3.Timeout(connect=5, read=60),
        )
        return answer.status, json.loads(answer.data)

    def must(self, method: str, path: str, body: Any = None) -> Any:
        status, document = self.call(method, path, body)
        if status != 200:
            raise SystemExit(f"{method} {path} answered {status}: {document}")
        return document

    def persist(self, method: str, path: str, body: Any, idempotency_key: str) -> Any:
        """Repeat a write with its key until it is answered; gives up after many refusals."""
        for attempt in range(60):
            try:
                status, document = self.call(
                    method, path, body, **{"Idempotency-Key": idempotency_key}
                )
            except urllib3.exceptions.HTTPError as error:
                status, document = 0, str(error)
            if status == 200:
                return document
            if status not in (0, 429, 500, 502, 503, 504):
                raise SystemExit(f"{method} {path} answered {status}: {document}")
            time.sleep(min(5.0, 0.1 * 2**attempt))
        raise SystemExit(f"{method} {path} is still refused: {document}")

    def scroll(self, index_id: str) -> Iterator[dict[str, Any]]:
        body: dict[str, Any] = {"q": "*", "limit": 500}
        while True:
            page = self.must("POST", f"/v1/index/{index_id}/scroll", body)
            yield from page["gmeta"]
            if not page["has_next_page"]:
                return
            body["marker"] = page["marker"]


def main() -> int:
    plan = read_arguments()
    if not STACK_FILE.exists():
        raise SystemExit("There is no running stack: start it with `make run DETACH=1`.")
    stack = json.loads(STACK_FILE.read_text())
    services = [Service(stack["url"], stack["keys"][name]["key"]) for name in IDENTITIES]
    print(f"soak: seed {plan.seed}, {plan.clients} clients, {plan.tasks} tasks", flush=True)
    indexes = make_indexes(services, plan)
    submitted = write_under_faults(services, indexes, plan)
    findings = judge(services, indexes, submitted, plan)
    for service, index_id in zip(owners(services, plan), indexes, strict=True):
        service.must("DELETE", f"/v1/index/{index_id}")
    return report(findings, len(submitted))


def read_arguments() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, prog="make soak")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--indexes", type=int, default=5)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--engine-pause", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--patience", type=float, default=900.0, help="seconds to wait for the end")
    return Plan(**vars(parser.parse_args()))


def owners(services: list[Service], plan: Plan) -> list[Service]:
    """Who owns which index."""
    return [services[n % len(services)] for n in range(plan.indexes)]


def make_indexes(services: list[Service], plan: Plan) -> list[str]:
    return [
        service.must("POST", "/v1/index", {"display_name": f"soak {n}", "description": ""})["id"]
        for n, service in enumerate(owners(services, plan))
    ]


def write_under_faults(services: list[Service], indexes: list[str], plan: Plan) -> list[Submitted]:
    owner_of = dict(zip(indexes, owners(services, plan), strict=True))
    written = Counter[str]()
    done = threading.Event()
    saboteur = threading.Thread(target=sabotage, args=(plan, written, done), daemon=True)
    saboteur.start()
    share, rest = divmod(plan.tasks, plan.clients)
    with ThreadPoolExecutor(plan.clients) as pool:
        jobs = [
            pool.submit(client, n, share + (n < rest), owner_of, plan, written)
            for n in range(plan.clients)
        ]
        submitted = [each for job in jobs for each in job.result()]
    print(f"  {len(submitted)} tasks accepted", flush=True)
    saboteur.join()
    return submitted


def client(
    number: int, tasks: int, owner_of: dict[str, Service], plan: Plan, written: Counter[str]
) -> list[Submitted]:
    chance = random.Random(f"{plan.seed}/{number}")
    accepted = []
    for order in range(tasks):
        index_id = chance.choice(sorted(owner_of))
        label = f"{number}.{order}"
        subjects = chance.sample(range(SUBJECTS_PER_INDEX), chance.randint(1, 50))
        values = {f"s:{n}": label for n in subjects}
        gmeta = [
            {"subject": subject, "visible_to": ["public"], "content": {"written_by": label}}
            for subject in values
        ]
        body = {"ingest_type": "GMetaList", "ingest_data": {"gmeta": gmeta}}
        asked = time.monotonic()
        answer = owner_of[index_id].persist(
            "POST", f"/v1/index/{index_id}/ingest", body, f"soak-{plan.seed}-{label}"
        )
        accepted.append(
            Submitted(answer["task_id"], index_id, number, order, time.monotonic(), asked, values)
        )
        written["tasks"] += 1
    return accepted


def sabotage(plan: Plan, written: Counter[str], done: threading.Event) -> None:
    """Spread the kills over the first tasks, with the engine's absence in the middle."""
    chance = random.Random(f"{plan.seed}/sabotage")
    killed = 0
    while killed < plan.kills:
        if killed == plan.kills // 2 and plan.engine_pause:
            pause_engine(plan.engine_pause, done)
        sweep()
        victims = worker_processes()
        if victims:
            chance.choice(victims).kill()
            killed += 1
            print(f"  killed a worker ({killed} of {plan.kills})", flush=True)
        done.wait(chance.uniform(0.5, 3.0))


def sweep() -> None:
    """What the schedule does each minute, now: a killed worker's index is rung for again."""
    stack = json.loads(STACK_FILE.read_text())
    access = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": ACCESS_KEY}
    where = {"endpoint_url": stack["aws_endpoint_url"], "region_name": REGION}
    sweeper = boto3.client("cloudformation", **access, **where).describe_stack_resource(
        StackName=stack["stack_name"], LogicalResourceId="SweeperFunction"
    )["StackResourceDetail"]["PhysicalResourceId"]
    boto3.client("lambda", **access, **where).invoke(FunctionName=sweeper, InvocationType="Event")


def worker_processes() -> list[psutil.Process]:
    """The running processes of the index worker on this machine's local cloud."""
    found = []
    for process in psutil.process_iter():
        try:
            if WORKER_NAME in process.environ().get("AWS_LAMBDA_FUNCTION_NAME", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def pause_engine(seconds: float, done: threading.Event) -> None:
    """Stop the engine's process where it stands, and let it go on afterwards."""
    port = urllib3.util.parse_url(json.loads(STACK_FILE.read_text())["opensearch_url"]).port
    engine = next(
        psutil.Process(connection.pid)
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    )
    print(f"  the engine stops for {seconds:g} s", flush=True)
    engine.suspend()
    try:
        done.wait(seconds)
    finally:
        engine.resume()
    print("  the engine is back", flush=True)


def judge(
    services: list[Service], indexes: list[str], submitted: list[Submitted], plan: Plan
) -> Findings:
    findings = Findings()
    for service, index_id in zip(owners(services, plan), indexes, strict=True):
        mine = {each.task_id: each for each in submitted if each.index_id == index_id}
        tasks = finished_tasks(service, index_id, plan.patience)
        check_log(tasks, mine, findings)
        check_index(service, index_id, tasks, mine, findings)
    return findings


def finished_tasks(service: Service, index_id: str, patience: float) -> list[dict[str, Any]]:
    """All tasks of an index in log order, once none of them is on its way any more."""
    end = time.monotonic() + patience
    while True:
        tasks = service.must("GET", f"/v1/task_list/{index_id}")["tasks"]
        waiting = sum(task["state"] not in TERMINAL for task in tasks)
        if not waiting or time.monotonic() > end:
            return list(reversed(tasks))
        print(f"  {index_id}: {waiting} of {len(tasks)} tasks are waiting", flush=True)
        sweep()
        time.sleep(2)


def check_log(tasks: list[dict[str, Any]], mine: dict[str, Submitted], findings: Findings) -> None:
    """Every accepted task is there once, terminal, and in the order of the answers."""
    place = {task["task_id"]: n for n, task in enumerate(tasks)}
    findings.lost += [f"task {task_id} is not in the list" for task_id in mine.keys() - place]
    findings.doubled += [f"task {task_id} was never accepted" for task_id in place.keys() - mine]
    findings.doubled += [
        f"task {task_id} is listed {times} times"
        for task_id, times in Counter(task["task_id"] for task in tasks).items()
        if times > 1
    ]
    findings.lost += [
        f"task {task['task_id']} is still {task['state']}"
        for task in tasks
        if task["state"] not in TERMINAL
    ]
    known = [each for each in mine.values() if each.task_id in place]
    findings.out_of_order += [
        f"task {later.task_id} was asked for after {earlier.task_id} was answered"
        for earlier in known
        for later in known
        if earlier.answered_at < later.asked_at and place[later.task_id] < place[earlier.task_id]
    ]


def check_index(
    service: Service,
    index_id: str,
    tasks: list[dict[str, Any]],
    mine: dict[str, Submitted],
    findings: Findings,
) -> None:
    """The index equals the log applied in order, each task as far as its verdict says."""
    history: dict[str, list[str]] = {}
    for task in tasks:
        sent = mine.get(task["task_id"])
        if sent is None:
            continue
        for subject in applied_subjects(service, task, sent, findings):
            history.setdefault(subject, []).append(sent.values[subject])
    found: dict[str, str] = {}
    for result in service.scroll(index_id):
        if result["subject"] in found or len(result["entries"]) != 1:
            findings.doubled.append(f"{index_id} {result['subject']} is there twice")
        found[result["subject"]] = result["entries"][0]["content"]["written_by"]
    for subject, values in history.items():
        if subject not in found:
            findings.lost.append(f"{index_id} {subject} is missing, last written by {values[-1]}")
        elif found[subject] != values[-1]:
            findings.out_of_order.append(
                f"{index_id} {subject} shows {found[subject]}, last written by {values[-1]}"
            )
    findings.doubled += [
        f"{index_id} {subject} is there, but no task wrote it" for subject in found.keys() - history
    ]


def applied_subjects(
    service: Service, task: dict[str, Any], sent: Submitted, findings: Findings
) -> list[str]:
    """The subjects that a task wrote by its own account. Nothing but three deaths of its worker may
    fail a task, and then it has to tell why, and what became of each entry."""
    if task["state"] == "SUCCESS":
        return list(sent.values)
    told = list(outcomes(service, task["task_id"]))
    reasons = {each["code"] for each in told if each["outcome"] == "rejected"}
    if task["state"] == "FAILED" and task["message"] and reasons <= {WORKER_CRASH}:
        findings.crashed.append(f"{task['task_id']}: {task['message']}")
    else:
        findings.untold.append(f"{task['task_id']} ended {task['state']} for {sorted(reasons)}")
    if len(told) != len(sent.values):
        findings.untold.append(f"{task['task_id']} tells {len(told)} of {len(sent.values)}")
    return [each["subject"] for each in told if each["outcome"] in ("applied", "superseded")]


def outcomes(service: Service, task_id: str) -> Iterator[dict[str, Any]]:
    marker = ""
    while True:
        page = service.must("GET", f"/v1/task/{task_id}/outcomes?limit=1000{marker}")
        yield from page["outcomes"]
        if not page.get("marker"):
            return
        marker = f"&marker={page['marker']}"


def report(findings: Findings, accepted: int) -> int:
    for each in (findings.lost + findings.doubled + findings.out_of_order + findings.untold)[:20]:
        print(f"  WRONG: {each}")
    for each in findings.crashed:
        print(f"  {WORKER_CRASH}, told: {each}")
    print(f"{accepted} tasks accepted, {len(findings.crashed)} of them ended {WORKER_CRASH}")
    print(
        f"{len(findings.lost)} lost, {len(findings.doubled)} doubled,"
        f" {len(findings.out_of_order)} out of order"
    )
    return 0 if findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
