"""The functions' own routes and workers in process, on moto and an engine in memory, with the real
crawler, reader, transform process and drain."""

import json
from dataclasses import dataclass, field
from typing import Any

import boto3

from garner.api.controller import add_controller_routes, by_api_key, controller_document
from garner.api.resolver import Api, bearer
from garner.api.source_routes import add_registry_routes
from garner.domain.harvest.run import Phase
from garner.domain.principals import ANONYMOUS, Caller
from garner.errors import JsonObject, Unauthorized
from garner.runtime import settings
from garner.runtime.harvest import HarvestContainer
from garner.services.answer_sample import answer_sample
from garner.services.drain import drain
from garner.services.harvest.fetch import run_fetch
from garner.services.harvest.run_harvest import run_harvest
from garner.storage.opensearch.search import OpenSearchReader
from tests.fakes.api import ENVIRONMENT, Answered, event, send
from tests.fakes.harvest import InMemorySchedules
from tests.fakes.ingest import INDEX
from tests.fakes.openapi import check_answer
from tests.storage.conftest import WritePath

SRC = "SCR_1-Stones-RIN"
DESCRIPTOR = {
    "sourceID": SRC,
    "name": "Stones",
    "scrID": "SCR_1",
    "ingestMethod": "CSV",
    "primaryKeyJSONPath": "$.'cat num'",
    "transformScript": '{"name": name, "weight": $number(weight), "tags": [$split(tags, ";")]}',
    "visible_to": "public",
    "allowHttp": "true",
}


@dataclass
class Ring:
    """The two queues: what is rung for is worked on in `work`."""

    waiting: list[tuple[str, bool]] = field(default_factory=list)

    def ring(self, run_id: str, *, fetch: bool, delay: float = 0.0) -> None:
        self.waiting.append((run_id, fetch))


class InProcessService:
    """A curator's and an engine's view of it. `url` is where its source's data is."""

    def __init__(self, path: WritePath, url: str = "") -> None:
        self.fetch_seconds = 60.0
        client = boto3.client("s3")
        client.create_bucket(Bucket=ENVIRONMENT["PAYLOAD_BUCKET"])
        groups = (*settings.FUNCTIONS["fetch_worker"], settings.Curating)
        queues = {"HARVEST_QUEUE_URL": "https://q.test/h", "FETCH_QUEUE_URL": "https://q.test/f"}
        loaded = settings.load_groups(
            groups,
            {**ENVIRONMENT, **queues, "FETCH_ALLOWED_HOSTS": "127.0.0.1"},
        )
        self.path, self.url = path, url
        self.bell, self.schedules = Ring(), InMemorySchedules()
        self.on = HarvestContainer(loaded)
        self.on.table, self.on.accept = path.table, path.accept
        self.on.bell, self.on.schedules = self.bell, self.schedules
        self.on.sampler = self
        self.controller = Api(
            authenticate=by_api_key(_caller), ids=self.on.ids, document=controller_document
        )
        add_controller_routes(self.controller, self.on.controller)
        self.registry = Api(authenticate=bearer(_bearer), ids=self.on.ids)
        add_registry_routes(self.registry, self.on.registry)

    def sample(self, descriptor: JsonObject, size: int) -> JsonObject:
        return answer_sample(
            descriptor,
            size,
            crawler=self.on.crawler,
            reader=self.on.record_reader,
            transformers=self.on.transformers,
            clock=self.on.clock,
            budget_seconds=10,
        )

    def api(
        self, method: str, path: str, body: Any = None, *, key: str | None = "curator"
    ) -> Answered:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        sent = event(method, path, headers=headers, body=None if body is None else json.dumps(body))
        answer = send(self.registry, sent)
        check_answer(method, path, answer.status, answer.json)
        return answer

    def controls(self, method: str, route: str, query: str) -> Answered:
        path = f"/controller/{route}"
        answer = send(self.controller, event(method, path, query=query))
        check_answer(method, path, answer.status, answer.json)
        return answer

    def work(self) -> None:
        """Until no worker has anything to do: jobs, and the index's log."""
        for _ in range(200):
            if not self.bell.waiting:
                return
            run_id, fetch = self.bell.waiting.pop(0)
            if fetch:
                run_fetch(run_id, budget=self.fetch_seconds, tools=self.on.fetching)
            else:
                run_harvest(run_id, budget=60, tools=self.on.harvesting)
            drain(INDEX, ports=self.path.ports)
            run = self.on.runs.get(run_id)
            if run and run.phase is not Phase.DONE and not self.bell.waiting:
                self.bell.ring(run_id, fetch=run.phase is Phase.FETCH)
        raise AssertionError("the run has no end")

    def update(self, more: str = "") -> JsonObject:
        query = f"resourceID={SRC}&indexName=stones&api_key=curator{more}"
        assert self.controls("POST", "update", query).json == {"message": "Your Request started"}
        self.work()
        assert self.controls("GET", "update_status", f"resourceID={SRC}&api_key=curator").json == {
            "status": "Finished"
        }
        newest: JsonObject = self.api("GET", f"/v1/source/{SRC}/runs").json["runs"][0]
        return newest

    def register(self, **changes: Any) -> Answered:
        descriptor = {**DESCRIPTOR, "ingestURL": self.url, **changes}
        answer = self.api("POST", "/v1/source", {"stones": descriptor})
        named = self.api("PUT", f"/v1/index/{INDEX}/name/stones", {"sources": [SRC]})
        assert named.status == 200, named.json
        return answer

    @property
    def head(self) -> int:
        head = self.path.log.head(INDEX)
        return head.head if head else 0

    @property
    def entries(self) -> dict[str, JsonObject]:
        """name → content of the live entries."""
        reader = OpenSearchReader(self.path.engine)
        found = reader.search(INDEX, {"size": 100, "query": {"match_all": {}}})
        contents = [
            entry.get("original") or entry["content"]
            for hit in found["hits"]["hits"]
            for entry in hit["_source"]["entries"]
        ]
        return {content["name"]: content for content in contents}


def _caller(key: str) -> Caller:
    if key != "curator":
        raise Unauthorized("unknown")
    urn = "urn:globus:auth:identity:x"  # the owner that `reserve_index` sets
    return Caller(
        identity=urn,
        identities=frozenset((urn,)),
        scopes=frozenset(("all",)),
        controller_role="admin",
    )


def _bearer(authorization: str | None) -> Caller:
    return _caller(authorization.removeprefix("Bearer ")) if authorization else ANONYMOUS
