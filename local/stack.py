"""The whole stack on one machine: engine, local cloud, deployed template, front, people, sample."""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from local import cloud as local_cloud
from local import deploy, engine
from local.client import Client
from local.environments import ROOT
from local.front import Front
from local.gaps import mend
from local.identities import Identity, create_identities
from local.processes import StartFailed, require_free
from local.routes import import_routes
from local.sample import load as sample

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the variables of `make run` say."""

    state: Path = ROOT / ".local"
    port: int = 8080
    aws_port: int = 4566
    engine_port: int = 9200
    engine: str = "osmem"
    opensearch_url: str = ""
    persist: bool = False
    load_sample: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Options":
        def number(name: str, default: int) -> int:
            text = environment.get(name) or str(default)
            if not text.isdigit():
                raise StartFailed(f"{name} is a port number, not {text!r}")
            return int(text)

        return cls(
            state=Path(environment.get("STATE") or cls.state).resolve(),
            port=number("PORT", cls.port),
            aws_port=number("AWS_PORT", cls.aws_port),
            engine_port=number("ENGINE_PORT", cls.engine_port),
            engine=environment.get("ENGINE") or cls.engine,
            opensearch_url=environment.get("OPENSEARCH_URL", ""),
            persist=environment.get("PERSIST", "") in ("1", "true"),
            load_sample=(environment.get("SAMPLE") or "1") != "0",
            parameters=dict(
                each.split("=", 1) for each in environment.get("PARAMETERS", "").split()
            ),
        )

    @property
    def file(self) -> Path:
        return self.state / "stack.json"


@dataclass(frozen=True)
class Stack:
    """A running stack. `index_id` is the sample's index."""

    url: str
    index_id: str
    opensearch_url: str
    aws_endpoint_url: str
    people: Mapping[str, Identity]

    def document(self) -> dict[str, Any]:
        """The content of stack.json."""
        return {
            "url": self.url,
            "index_id": self.index_id,
            "opensearch_url": self.opensearch_url,
            "aws_endpoint_url": self.aws_endpoint_url,
            "stack_name": deploy.STACK,
            "pid": os.getpid(),
            "keys": {name: person.entry() for name, person in self.people.items()},
        }


@contextmanager
def running(options: Options, report: Report) -> Iterator[Stack]:
    """Brings the stack up and takes all of it down at the end, whatever ends it."""
    options.state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_only_one(options))
        _require_ports(options)
        own_engine = not options.opensearch_url
        if not options.persist:
            _forget(options)
        with _step(report, "engine"):
            search = (
                engine.start(options.engine, options.engine_port, options.state)
                if own_engine
                else engine.existing(options.opensearch_url, os.environ)
            )
            stack.callback(search.stop)
        with _step(report, "local cloud"):
            cloud = local_cloud.start(options.aws_port, options.state, persist=options.persist)
            stack.callback(cloud.stop)
            stack.callback(cloud.save_logs, options.state / "functions.log")
        with _step(report, "build"):
            deploy.build()
        with _step(report, "deployment"):
            api_url, table = _deploy(cloud, options, search)
            front = Front(options.port, api_url)
            stack.callback(front.stop)
        people = create_identities(cloud, table)
        index_id = _sample_index(front.url, people, options)
        up = Stack(front.url, index_id, search.url, cloud.url, people)
        _write(options.file, up.document())
        stack.callback(_remove, options)
        yield up


def read(state: Path) -> dict[str, Any]:
    """stack.json of the stack that runs in `state`; raises `StartFailed` if there is none."""
    try:
        document: dict[str, Any] = json.loads((state / "stack.json").read_text())
    except FileNotFoundError:
        raise StartFailed("No stack is running here: start one with make run") from None
    return document


def is_running(options: Options) -> bool:
    """Whether some process holds the state's lock."""
    try:
        with _only_one(options):
            return False
    except StartFailed:
        return True


def _deploy(cloud: local_cloud.Cloud, options: Options, search: engine.Engine) -> tuple[str, str]:
    """The address of the deployed API and the name of its table."""
    parameters = {
        "OpenSearchUrl": search.url,
        "SigningKey": _signing_key(options.state),
        "RequireTls": "false",
        "DeletionProtection": "false",
        "IndexReplicas": "0",
        "MaxOwnedTrialIndexes": "100",
        **search.parameters,
        **options.parameters,
    }
    deploy.deploy(cloud, parameters)
    table = deploy.outputs(cloud)["TableName"]
    mend(cloud, table)
    return f"{cloud.url}/_aws/execute-api/{import_routes(cloud, deploy.STACK)}", table


def _sample_index(url: str, people: Mapping[str, Identity], options: Options) -> str:
    """The index that is there from the last run, else a new one with the sample in it."""
    client = Client(url, people["owner"].key)
    if options.persist and (kept := _kept_index(client, options)):
        return kept
    created = client.call(
        "POST",
        "/v1/index",
        {
            "display_name": "Bioregistry",
            "description": "Registries, ontologies and databases of research (CC0)",
        },
    )
    index_id: str = created["id"]
    for name in ("writer", "admin"):
        role = {"role_name": name, "principal": people[name].identity}
        client.call("POST", f"/v1/index/{index_id}/role", role)
    if options.load_sample:
        sample.load(client, index_id, sample.progress_bar)
    (options.state / "index_id").write_text(index_id)
    return index_id


def _kept_index(client: Client, options: Options) -> str:
    note = options.state / "index_id"
    if not note.exists():
        return ""
    index_id = note.read_text()
    return index_id if client.exists(f"/v1/index/{index_id}") else ""


def _signing_key(state: Path) -> str:
    note = state / "signing_key"
    if not note.exists():
        _write_text(note, secrets.token_hex(32))
    return note.read_text()


@contextmanager
def _only_one(options: Options) -> Iterator[TextIO]:
    """Holds the state's lock; the lock goes with the process, so it can't be left behind."""
    with (options.state / "stack.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailed("A stack is running here already: end it with make stop") from None
        yield lock


def _require_ports(options: Options) -> None:
    require_free(options.port, "PORT", "the API")
    require_free(options.aws_port, "AWS_PORT", "the local cloud")
    if not options.opensearch_url:
        require_free(options.engine_port, "ENGINE_PORT", "the engine")


def _forget(options: Options) -> None:
    """A run without PERSIST starts from nothing."""
    for folder in ("cloud", "objects", "opensearch"):
        shutil.rmtree(options.state / folder, ignore_errors=True)
    (options.state / "index_id").unlink(missing_ok=True)


def _remove(options: Options) -> None:
    options.file.unlink(missing_ok=True)


def _write(file: Path, document: Mapping[str, Any]) -> None:
    _write_text(file, json.dumps(document, indent=2) + "\n")


def _write_text(file: Path, text: str) -> None:
    """Only the owner may read it: it holds keys."""
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with open(partial, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        output.write(text)
    partial.replace(file)


@contextmanager
def _step(report: Report, what: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    report(f"  {what:<18}{time.monotonic() - start:5.1f} s")
